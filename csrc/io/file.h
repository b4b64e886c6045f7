// A local file as a Source: positional reads and read-ahead hints.
#pragma once

#include <memory>
#include <string>

#include "base/source.h"

namespace fastinet {

/// What the system says of a file: as long as it says the same, nobody has written to the file or
/// put another in its place.
///
/// Times are counted in ticks of up to 10 ms, so a file that was written to just before it was
/// looked at may be written to again without a difference: see IsSettled.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;  // since 1970, of the content; programs may set it
  int64_t changed_ns = 0;   // of anything, this stamp's own fields included; nobody can set it

  bool operator==(const FileStamp&) const = default;

  /// Whether a change from now on would show. False for some milliseconds after one.
  bool IsSettled() const;
};

/// An open regular file. Reads are positional (pread), so threads share one without a lock.
class File final : public Source {
 public:
  /// Opens `path` for reading: kMissing when nothing is there, kIo when the system refuses,
  /// kUnsupported when it is not a regular file.
  static Result<std::unique_ptr<File>> Open(std::string path);

  /// The regular file that `descriptor` is open for, by a duplicate of it; `path` is for messages.
  static Result<std::unique_ptr<File>> OfDescriptor(int descriptor, std::string path);

  ~File() override;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  uint64_t size_bytes() const override { return stamp_.size_bytes; }
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override;

  const std::string& path() const { return path_; }

  /// What the file was when it was opened.
  const FileStamp& stamp() const { return stamp_; }
  /// What it is now; kIo when the system does not say.
  Result<FileStamp> StampNow() const;

 private:
  static Result<std::unique_ptr<File>> Examined(std::unique_ptr<File> file);

  explicit File(std::string path) : path_(std::move(path)) {}

  Status ReadError(uint64_t offset_bytes, std::string cause) const;

  std::string path_;
  int descriptor_ = -1;
  FileStamp stamp_;
};

}  // namespace fastinet
