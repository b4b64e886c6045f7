// A random order of items for media where random reads are slow: whole blocks of neighbours enter a
// window, and inside the window the order is random item by item.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fastinet {

/// Which order is drawn.
struct BlockedOrder {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  int64_t window_blocks = 1;  // at least 1
  int64_t lanes = 1;          // at least 1

  /// The order of `block_starts.back()` items. `block_starts` begins with 0 and ascends: block b is
  /// the items at [block_starts[b], block_starts[b + 1]) of the sequence that the caller has in
  /// mind, and the result holds indices into it.
  ///
  /// The blocks are permuted. The items, in the order of their blocks, are cut into `lanes` equal
  /// runs, and position p of the result comes from lane p % lanes. Each lane is cut into windows of
  /// about window_blocks / lanes blocks, which are shuffled. So all lanes together have a window of
  /// window_blocks blocks, and a reader of every k-th position, where k divides `lanes`, meets the
  /// blocks of lanes / k lanes only.
  std::vector<int64_t> Draw(std::span<const int64_t> block_starts) const;

 private:
  struct Lane {
    int64_t begin = 0, end = 0;  // of the items in the order of their blocks
  };
  std::vector<int64_t> PermuteBlocks(std::span<const int64_t> block_starts,
                                     std::vector<int64_t>& items) const;
  Lane LaneOf(int64_t lane, int64_t items) const;
  void ShuffleWindows(Lane lane, std::span<const int64_t> block_ends,
                      std::span<int64_t> items) const;
  void Shuffle(int64_t begin, int64_t end, std::span<int64_t> items) const;
};

}  // namespace fastinet
