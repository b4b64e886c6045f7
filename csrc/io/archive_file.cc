#include "io/archive_file.h"

#include <utility>

namespace fastinet {
namespace {

std::optional<FileStamp> IfSettled(const FileStamp& stamp) {
  if (stamp.IsSettled()) return stamp;
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<ArchiveFile>> ArchiveFile::Open(std::string path, bool briefly) {
  FASTINET_ASSIGN_OR_RETURN(std::unique_ptr<const File> file, File::Open(path));
  const FileStamp stamp = file->stamp();
  if (briefly) file.reset();
  return std::unique_ptr<ArchiveFile>(new ArchiveFile(std::move(path), stamp, std::move(file)));
}

Status ArchiveFile::Expect(Identity identity, const std::optional<FileStamp>& stamp) {
  identity_ = std::move(identity);
  {
    const std::lock_guard lock(mutex_);
    accepted_ = stamp;
  }
  if (file_ != nullptr) return Check(*file_, opened_);
  FASTINET_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Open(path_));
  return Check(*file, file->stamp());
}

Status ArchiveFile::ReadAt(uint64_t offset_bytes, MutableBytes out) const {
  const auto at = [&](Status status) {
    return std::move(status).InArchive(path_).AtOffset(static_cast<int64_t>(offset_bytes));
  };
  if (file_ != nullptr) return at(ReadFrom(*file_, offset_bytes, out));
  Result<std::unique_ptr<File>> file = File::Open(path_);
  if (!file.ok()) return at(std::move(file).status());
  // What lies here now may be short: that it is another file says more than where it ends.
  FASTINET_RETURN_IF_ERROR(at(Check(*file.value(), file.value()->stamp())));
  return at(ReadFrom(*file.value(), offset_bytes, out));
}

/// Reads, and then looks whether the file was what is expected until the end of the read.
Status ArchiveFile::ReadFrom(const File& file, uint64_t offset_bytes, MutableBytes out) const {
  FASTINET_RETURN_IF_ERROR(file.ReadAt(offset_bytes, out));
  FASTINET_ASSIGN_OR_RETURN(const FileStamp now, file.StampNow());
  return Check(file, now);
}

/// Fails unless `file`, whose stamp is `now`, has the content that is expected.
Status ArchiveFile::Check(const File& file, const FileStamp& now) const {
  {
    const std::lock_guard lock(mutex_);
    if (accepted_ == now) return {};
  }
  const uint64_t expected = identity_ ? identity_->size_bytes : opened_.size_bytes;
  bool same = file_ != nullptr || now.size_bytes == expected;
  if (same && identity_) {
    FASTINET_ASSIGN_OR_RETURN(same, now.size_bytes == expected
                                        ? identity_->IsOf(file)
                                        : identity_->IsOfBeginning(file, now.size_bytes));
  }
  if (!same) {
    std::string what = now.size_bytes == expected
                           ? "has other content than"
                           : "has " + std::to_string(now.size_bytes) + " bytes, and had " +
                                 std::to_string(expected);
    return Status(StatusCode::kIo, "the file " + what +
                                       " when it was opened first: it was replaced or written to; "
                                       "open the dataset again")
        .InArchive(path_);
  }
  const std::lock_guard lock(mutex_);
  accepted_ = IfSettled(now);
  return {};
}

void ArchiveFile::Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const {
  if (file_ != nullptr) return file_->Prefetch(offset_bytes, length_bytes);
  const Result<std::unique_ptr<File>> file = File::Open(path_);
  if (file.ok()) file.value()->Prefetch(offset_bytes, length_bytes);
}

}  // namespace fastinet
