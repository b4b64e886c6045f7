// A pass that reads or decodes items and says which are bad, before an epoch comes upon them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "columns/item_table.h"
#include "item/item.h"

namespace fastinet {

/// How much of each image is looked at.
enum class CheckDepth : uint8_t {
  kHeader,  // its header alone
  kPixels,  // every pixel is decoded, and thrown away
};

/// What images may ask for; one that asks for more fails as too large.
struct CheckLimits {
  int64_t max_pixels = RenderOptions::kDefaultMaxPixels;
  int32_t max_scans = RenderOptions::kDefaultMaxScans;  // of a JPEG, where pixels are decoded
};

/// An item that cannot be read or decoded.
struct ItemFailure {
  int64_t item = 0;
  Status status;  // with archive and offset
};

/// What became of consecutive items.
struct ItemChecks {
  std::vector<uint8_t> components;    // [items] of the image, 1 to 4; 0: it failed
  std::vector<ItemFailure> failures;  // in the order of the items
};

/// Checks items [first, first + count) on `threads` threads. Every thread holds one item in memory,
/// or the first 64 KB of one where only headers are read.
ItemChecks CheckItems(const ItemTable& table, int64_t first, int64_t count, CheckDepth depth,
                      int threads, const CheckLimits& limits = {});

}  // namespace fastinet
