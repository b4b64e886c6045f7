// An item's encoded bytes, fetched range by range, and what an index knows of them beforehand.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

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
