// An item's encoded bytes, fetched range by range, and what a checkpoint file knows of them.
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

/// The largest image that is inflated out of a gzip wrapper of `wrapped_bytes` [bytes].
///
/// Deflate makes up to 1032 bytes of one, so that 600 kB could ask for all that MaxItemBytes lets
/// an item have, on each thread. Of photographs it saves a few per cent. What does compress well is
/// small: a flat JPEG has 14 bits in each 64 pixels (two for the DC difference of Y, Cb and Cr
/// each, four, two and two for the ends of their blocks, with the tables of T.81 annex K), 5 MB at
/// the default pixel limit. So eight times the wrapper, and never less than 16 MiB, is enough.
inline uint64_t MaxUnwrappedBytes(uint64_t wrapped_bytes, int64_t max_pixels) {
  constexpr uint64_t kFlat = uint64_t{16} << 20;
  const uint64_t by_size = CheckedMul<uint64_t>(wrapped_bytes, 8).value_or(UINT64_MAX);
  return std::min(MaxItemBytes(max_pixels), std::max(kFlat, by_size));
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

/// What a checkpoint file knows of an item. Both may be wrong, as files on disk may be: they are
/// verified before they are believed.
struct ItemHints {
  uint32_t header_bytes = 0;  // of all that comes before a JPEG's scan data; 0: not known
  Bytes checkpoints;          // the record of them, as Checkpoints::Append made it, or nothing
};

}  // namespace fastinet
