#include "io/folder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/checked.h"

namespace fastinet {
namespace {

/// Whether a path is not one below a folder: absolute, or with a part "..". Where the names come
/// from, whoever can write beside the folder can have put in others.
bool LeadsOut(Bytes name) {
  if (name.empty() || name[0] == '/') return true;
  const std::string_view path(reinterpret_cast<const char*>(name.data()), name.size());
  if (path.find('\0') != std::string_view::npos) return true;
  for (size_t at = path.find(".."); at != std::string_view::npos; at = path.find("..", at + 1)) {
    const bool begins = at == 0 || path[at - 1] == '/';
    const bool ends = at + 2 == path.size() || path[at + 2] == '/';
    if (begins && ends) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Folder>> Folder::Open(std::string path, const FolderFiles& files) {
  const size_t count = files.offsets.size();
  if (files.sizes.size() != count || files.name_ends.size() != count) {
    return InvalidArgument("the file columns differ in length").InArchive(path);
  }
  uint64_t end = 0, name_end = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::optional<uint64_t> file_end = CheckedAdd(files.offsets[i], files.sizes[i]);
    if (files.offsets[i] < end || !file_end || files.name_ends[i] < name_end ||
        files.name_ends[i] > files.names.size()) {
      return Corrupt("the file columns overlap or run backwards").InArchive(path);
    }
    if (LeadsOut(files.names.subspan(name_end, files.name_ends[i] - name_end))) {
      return Corrupt("the name of a file leads out of the folder").InArchive(path);
    }
    end = *file_end;
    name_end = files.name_ends[i];
  }
  return std::unique_ptr<Folder>(new Folder(std::move(path), files, end));
}

Status Folder::CheckRead(uint64_t offset_bytes, uint64_t length_bytes) const {
  return OpenFor(offset_bytes, length_bytes).status();
}

Status Folder::ReadAt(uint64_t offset_bytes, MutableBytes out) const {
  FASTINET_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, OpenFor(offset_bytes, out.size()));
  return file->ReadAt(OffsetInFile(offset_bytes), out);
}

/// The file that these bytes lie in, which has the length that it had.
Result<std::unique_ptr<File>> Folder::OpenFor(uint64_t offset_bytes, uint64_t length_bytes) const {
  const size_t i = FileAt(offset_bytes);
  const auto at = [&](Status status) {
    return std::move(status).InArchive(path_).AtOffset(static_cast<int64_t>(offset_bytes));
  };
  if (i == files_.offsets.size() || offset_bytes - files_.offsets[i] > files_.sizes[i] ||
      length_bytes > files_.sizes[i] - (offset_bytes - files_.offsets[i])) {
    return at(Status(StatusCode::kIo, "the read is not within one file of the folder"));
  }
  Result<std::unique_ptr<File>> file = File::Open(PathOf(i));
  if (!file.ok()) return at(std::move(file).status());
  if (const uint64_t now = file.value()->size_bytes(); now != files_.sizes[i]) {
    return at(Status(StatusCode::kIo, "the file has " + std::to_string(now) + " bytes, and had " +
                                          std::to_string(files_.sizes[i]) +
                                          " when the folder was listed; delete the index"));
  }
  return file;
}

void Folder::Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const {
  const size_t i = FileAt(offset_bytes);
  if (i == files_.offsets.size()) return;
  const Result<std::unique_ptr<File>> file = File::Open(PathOf(i));
  if (file.ok()) file.value()->Prefetch(offset_bytes - files_.offsets[i], length_bytes);
}

uint64_t Folder::OffsetInFile(uint64_t offset_bytes) const {
  const size_t i = FileAt(offset_bytes);
  return i == files_.offsets.size() ? offset_bytes : offset_bytes - files_.offsets[i];
}

/// The last file that begins at `offset_bytes` or before; the number of files when none does.
size_t Folder::FileAt(uint64_t offset_bytes) const {
  const auto after = std::upper_bound(files_.offsets.begin(), files_.offsets.end(), offset_bytes);
  if (after == files_.offsets.begin()) return files_.offsets.size();
  return static_cast<size_t>(after - files_.offsets.begin()) - 1;
}

std::string Folder::PathOf(size_t file) const {
  const uint64_t begin = file == 0 ? 0 : files_.name_ends[file - 1];
  const Bytes name = files_.names.subspan(begin, files_.name_ends[file] - begin);
  return path_ + "/" + std::string(name.begin(), name.end());
}

}  // namespace fastinet
