// The pass over the data that makes entropy checkpoints.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "columns/item_table.h"

namespace fastinet {

/// The checkpoints of consecutive items as records (see Checkpoints), in the order of their ids.
struct CheckpointRecords {
  std::vector<uint8_t> records;        // one after another
  std::vector<uint32_t> sizes;         // [items] bytes; 0: none, since our JPEG decoder does not
                                       // take the item, or finds it damaged
  std::vector<uint32_t> header_bytes;  // [items] bytes before the scan data; 0 without a record
  int64_t damaged = 0;                 // items that are damaged or cannot be read
  /// Of the first item that cannot be read, or else of the first that is damaged; with archive and
  /// offset.
  Status first_damage;
  int64_t first_damaged_item = -1;
};

/// Makes the records of items [first, first + count) on `threads` threads, one checkpoint an MCU
/// row and every `stride` MCUs within it (0: none within). A damaged item is counted, not a
/// failure: the loader will report it when it comes to it.
CheckpointRecords MakeCheckpoints(const ItemTable& table, int64_t first, int64_t count,
                                  int32_t stride, int threads);

}  // namespace fastinet
