// An item's encoded bytes, fetched range by range, and what an index knows of them beforehand.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/status.h"

namespace fastinet {

/// The largest encoded item that is taken into memory [bytes]: no image within the pixel limit
/// needs more than its own pixels take, apart from metadata.
inline uint64_t MaxItemBytes(int64_t max_pixels) {
  constexpr uint64_t kMetadata = uint64_t{64} << 20;
  return CheckedMul<uint64_t>(static_cast<uint64_t>(std::max<int64_t>(max_pixels, 0)), 3)
             .value_or(UINT64_MAX - kMetadata) +
         kMetadata;
}

/// Where an item's bytes come from.
class ItemBytes {
 public:
  virtual ~ItemBytes() = default;

  virtual uint64_t size_bytes() const = 0;

  /// Bytes [begin, end) of the item, valid until the next Read. The range must lie inside it. A
  /// failure's offset is one within the item.
  virtual Result<Bytes> Read(uint64_t begin, uint64_t end) = 0;
};

/// An item that is in memory as a whole.
class MemoryBytes final : public ItemBytes {
 public:
  explicit MemoryBytes(Bytes bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size(); }
  Result<Bytes> Read(uint64_t begin, uint64_t end) override {
    return bytes_.subspan(begin, end - begin);
  }

 private:
  Bytes bytes_;
};

/// What the index knows of an item. Both may be wrong, as files on disk may be: they are verified
/// before they are believed.
struct ItemHints {
  uint32_t header_bytes = 0;  // of all that comes before a JPEG's scan data; 0: not known
  Bytes checkpoints;          // a record of Checkpoints::Append, or nothing
};

}  // namespace fastinet
