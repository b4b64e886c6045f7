// A local file as a Source that holds no descriptor between reads.
#pragma once

#include <memory>
#include <string>

#include "base/source.h"

namespace fastinet {

/// A regular file that is opened for each read: of thousands of archives, not all can be open.
class BriefFile final : public Source {
 public:
  /// Opens `path` once, to learn its size; fails as File::Open does.
  static Result<std::unique_ptr<BriefFile>> Open(std::string path);

  uint64_t size_bytes() const override { return size_bytes_; }

  /// kMissing when the file is gone, kIo when it has another length than it had: it is another one.
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override;

 private:
  BriefFile(std::string path, uint64_t size_bytes)
      : path_(std::move(path)), size_bytes_(size_bytes) {}

  std::string path_;
  uint64_t size_bytes_;
};

}  // namespace fastinet
