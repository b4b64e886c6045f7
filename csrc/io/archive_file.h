// An archive's file as a Source, which says so when it is no longer the file that was listed.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/identity.h"
#include "base/source.h"
#include "io/file.h"

namespace fastinet {

/// A file whose items were listed, maybe in another process or on another machine.
///
/// What was listed says where each item lies. Of another file that lies at the path meanwhile, or
/// that was written into this one, it would say wrong things, and nothing would show that. So what
/// is read counts only if the descriptor that it came from still is what it was: by the stamp,
/// which costs a system call; where that differs, as for a copy, by size and samples of the
/// content. A file that is open and was cut, or added to, is the same as far as it goes.
class ArchiveFile final : public Source {
 public:
  /// Opens `path`; fails as File::Open does. A file that is opened `briefly` is opened anew for
  /// each read, because of thousands of archives not all can be open.
  static Result<std::unique_ptr<ArchiveFile>> Open(std::string path, bool briefly);

  /// From now on the file must have the content that `identity` is of. `stamp` is what it was when
  /// that was found, if it was settled; none: not known. Without this call it must keep its size.
  /// kIo when it is another one already.
  Status Expect(Identity identity, const std::optional<FileStamp>& stamp);

  uint64_t size_bytes() const override { return opened_.size_bytes; }

  /// kMissing when the file is gone, kIo when it is another one: then `out` holds nothing.
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override;

 private:
  ArchiveFile(std::string path, const FileStamp& opened, std::unique_ptr<const File> file)
      : path_(std::move(path)), opened_(opened), file_(std::move(file)), accepted_(opened) {}

  Status ReadFrom(const File& file, uint64_t offset_bytes, MutableBytes out) const;
  Status Check(const File& file, const FileStamp& now) const;

  const std::string path_;
  const FileStamp opened_;
  const std::unique_ptr<const File> file_;  // none: it is opened for each read
  std::optional<Identity> identity_;

  mutable std::mutex mutex_;
  mutable std::optional<FileStamp> accepted_;  // guarded by mutex_: known to be what is expected
};

}  // namespace fastinet
