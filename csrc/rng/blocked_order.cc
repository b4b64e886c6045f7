#include "rng/blocked_order.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/checked.h"
#include "rng/permutation.h"
#include "rng/philox.h"

namespace fastinet {

std::vector<int64_t> BlockedOrder::Draw(std::span<const int64_t> block_starts) const {
  std::vector<int64_t> items;
  const std::vector<int64_t> block_ends = PermuteBlocks(block_starts, items);
  const auto count = static_cast<int64_t>(items.size());
  std::vector<int64_t> order(items.size());
  for (int64_t lane = 0; lane < lanes; ++lane) {
    const Lane run = LaneOf(lane, count);
    ShuffleWindows(run, block_ends, items);
    for (int64_t i = run.begin; i < run.end; ++i) {
      order[static_cast<size_t>(lane + (i - run.begin) * lanes)] = items[static_cast<size_t>(i)];
    }
  }
  return order;
}

/// Fills `items` block after block in random order; returns where each block ends in it.
std::vector<int64_t> BlockedOrder::PermuteBlocks(std::span<const int64_t> block_starts,
                                                 std::vector<int64_t>& items) const {
  const size_t blocks = block_starts.size() - 1;
  const Permutation permutation(blocks, seed, epoch, RandomUse::kBlocks);
  std::vector<int64_t> ends(blocks);
  items.reserve(static_cast<size_t>(block_starts.back()));
  for (size_t i = 0; i < blocks; ++i) {
    const size_t block = permutation(i);
    for (int64_t item = block_starts[block]; item < block_starts[block + 1]; ++item) {
      items.push_back(item);
    }
    ends[i] = static_cast<int64_t>(items.size());
  }
  return ends;
}

/// As many items as there are positions p < items with p % lanes == lane.
BlockedOrder::Lane BlockedOrder::LaneOf(int64_t lane, int64_t items) const {
  const int64_t each = items / lanes, longer = items % lanes;
  const int64_t begin = lane * each + std::min(lane, longer);
  return {begin, begin + each + (lane < longer ? 1 : 0)};
}

void BlockedOrder::ShuffleWindows(Lane lane, std::span<const int64_t> block_ends,
                                  std::span<int64_t> items) const {
  // The blocks that end inside the lane, and the one that the lane's end cuts, if it does.
  const auto first = std::upper_bound(block_ends.begin(), block_ends.end(), lane.begin);
  const auto last = std::lower_bound(first, block_ends.end(), lane.end);
  const int64_t blocks = last - first + (lane.end > lane.begin ? 1 : 0);
  // Windows of equal numbers of blocks: a small rest at the end would be shuffled badly.
  const int64_t windows = CeilDiv(blocks, std::max<int64_t>(window_blocks / lanes, 1));
  int64_t begin = lane.begin;
  for (int64_t window = 1; window <= windows; ++window) {
    const int64_t last_block = blocks * window / windows - 1;
    const int64_t end = std::min(*(first + last_block), lane.end);
    Shuffle(begin, end, items);
    begin = end;
  }
}

/// Fisher and Yates' shuffle of items[begin .. end - 1].
void BlockedOrder::Shuffle(int64_t begin, int64_t end, std::span<int64_t> items) const {
  AugmentKey key{.seed = seed, .epoch = epoch};
  constexpr int64_t kPerBlock = std::tuple_size_v<PhiloxBlock>;
  PhiloxBlock bits{};
  for (int64_t i = end - 1; i > begin; --i) {
    if (i == end - 1 || i % kPerBlock == kPerBlock - 1) {
      key.item = static_cast<uint64_t>(i / kPerBlock);
      bits = key.Bits(RandomUse::kWindow, 0);
    }
    // The bias is below (i - begin) / 2^32.
    const uint64_t choices = static_cast<uint64_t>(i - begin) + 1;
    const uint64_t chosen = (bits[static_cast<size_t>(i % kPerBlock)] * choices) >> 32;
    std::swap(items[static_cast<size_t>(i)],
              items[static_cast<size_t>(begin) + static_cast<size_t>(chosen)]);
  }
}

}  // namespace fastinet
