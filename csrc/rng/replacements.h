// Which items stand in for an item that gives no row, and in which order they are tried.
#pragma once

#include <cstdint>

#include "rng/permutation.h"
#include "rng/philox.h"

namespace fastinet {

/// The other items of an epoch in an order drawn by (seed, epoch, item): each comes once, and any
/// of them is as likely as any other to come first.
class Replacements {
 public:
  /// For `item`, of the `items` that the epoch has; it has at least that one.
  Replacements(uint64_t items, uint64_t seed, uint32_t epoch, uint64_t item)
      : item_(item), size_(items - 1), order_(size_, seed, epoch, RandomUse::kReplace, item) {}

  /// How many there are.
  uint64_t size() const { return size_; }
  /// The one to be tried as number `draw`, which is below size().
  uint64_t operator()(uint64_t draw) const {
    const uint64_t other = order_(draw);
    return other < item_ ? other : other + 1;  // the item itself is none of them
  }

 private:
  uint64_t item_;
  uint64_t size_;
  Permutation order_;
};

}  // namespace fastinet
