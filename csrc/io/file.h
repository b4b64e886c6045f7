// A local file as a Source: positional reads and read-ahead hints.
#pragma once

#include <memory>
#include <string>

#include "base/source.h"

namespace fastinet {

/// An open regular file. Reads are positional (pread), so threads share one without a lock.
class File final : public Source {
 public:
  /// Opens `path` for reading: kMissing when nothing is there, kIo when the system refuses,
  /// kUnsupported when it is not a regular file.
  static Result<std::unique_ptr<File>> Open(std::string path);

  ~File() override;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  uint64_t size_bytes() const override { return size_bytes_; }
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override;

  const std::string& path() const { return path_; }

 private:
  explicit File(std::string path) : path_(std::move(path)) {}

  Status ReadError(uint64_t offset_bytes, std::string cause) const;

  std::string path_;
  int descriptor_ = -1;
  uint64_t size_bytes_ = 0;
};

}  // namespace fastinet
