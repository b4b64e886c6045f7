#include "io/brief_file.h"

#include <utility>

#include "io/file.h"

namespace fastinet {

Result<std::unique_ptr<BriefFile>> BriefFile::Open(std::string path) {
  FASTINET_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Open(path));
  return std::unique_ptr<BriefFile>(new BriefFile(std::move(path), file->size_bytes()));
}

Status BriefFile::ReadAt(uint64_t offset_bytes, MutableBytes out) const {
  FASTINET_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Open(path_));
  if (file->size_bytes() != size_bytes_) {
    return Status(StatusCode::kIo, "the file has " + std::to_string(file->size_bytes()) +
                                       " bytes, and had " + std::to_string(size_bytes_) +
                                       " when it was opened first; open the dataset again")
        .InArchive(path_)
        .AtOffset(static_cast<int64_t>(offset_bytes));
  }
  return file->ReadAt(offset_bytes, out);
}

void BriefFile::Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const {
  const Result<std::unique_ptr<File>> file = File::Open(path_);
  if (file.ok()) file.value()->Prefetch(offset_bytes, length_bytes);
}

}  // namespace fastinet
