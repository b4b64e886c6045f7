// An extracted archive as a Source: the files of a folder, one after another.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/source.h"
#include "io/file.h"

namespace fastinet {

/// The files of a folder as columns; row i of each is file i. Borrowed.
struct FolderFiles {
  Bytes names;                          // names below the folder, one after another
  std::span<const uint64_t> name_ends;  // where name i ends in `names` [bytes]
  std::span<const uint64_t> offsets;    // where file i begins in the source [bytes]; rising
  std::span<const uint64_t> sizes;      // [bytes]; a file ends before the next one begins
};

/// A folder's files laid end to end, so that items of an extracted tree have offsets as those of an
/// archive do. A file is opened for each read: a million of them are more than may be open at once.
class Folder final : public Source {
 public:
  /// `files` must outlive the folder. Fails with kInvalidArgument when the columns differ in
  /// length, with kCorrupt when files overlap, or a name is that of no file below the folder.
  static Result<std::unique_ptr<Folder>> Open(std::string path, const FolderFiles& files);

  uint64_t size_bytes() const override { return size_bytes_; }

  /// The range must lie within one file. kMissing when that is gone, kIo when it no longer has the
  /// length that the columns state: then it is another file than was listed.
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  Status CheckRead(uint64_t offset_bytes, uint64_t length_bytes) const override;
  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override;
  uint64_t OffsetInFile(uint64_t offset_bytes) const override;

 private:
  Folder(std::string path, const FolderFiles& files, uint64_t size_bytes)
      : path_(std::move(path)), files_(files), size_bytes_(size_bytes) {}

  Result<std::unique_ptr<File>> OpenFor(uint64_t offset_bytes, uint64_t length_bytes) const;
  size_t FileAt(uint64_t offset_bytes) const;
  std::string PathOf(size_t file) const;

  std::string path_;
  FolderFiles files_;
  uint64_t size_bytes_;
};

}  // namespace fastinet
