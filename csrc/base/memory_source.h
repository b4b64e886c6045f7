// Bytes in memory as a Source.
#pragma once

#include <cstring>

#include "base/source.h"

namespace fastinet {

/// Bytes that the caller keeps alive.
class MemorySource final : public Source {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size(); }

  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    if (offset_bytes > bytes_.size() || out.size() > bytes_.size() - offset_bytes) {
      return Status(StatusCode::kIo, "read beyond the end of the bytes")
          .AtOffset(static_cast<int64_t>(bytes_.size()));
    }
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset_bytes, out.size());
    return {};
  }

  void Prefetch(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const override {}

 private:
  Bytes bytes_;
};

}  // namespace fastinet
