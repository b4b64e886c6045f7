// Counter-based random bits: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). The same (key, counter) gives the same bits on every machine and thread.
#pragma once

#include <array>
#include <cstdint>

namespace fastinet {

using PhiloxKey = std::array<uint32_t, 2>;
using PhiloxBlock = std::array<uint32_t, 4>;

/// 128 random bits for `counter` under `key`.
inline PhiloxBlock Philox4x32(PhiloxKey key, PhiloxBlock counter) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

/// What a block of random bits is for. Part of the counter, so that no two uses share bits.
enum class RandomUse : uint8_t {
  kShuffle = 0,
  kCrop = 1,
  kFlip = 2,
  kColour = 3,
  kBlocks = 4,     // the order of blocks,
  kWindow = 5,     // and of the items inside a window
  kReplace = 6,    // the items that stand in for one that gives no row
  kOperation = 7,  // drawn operations on a row's pixels
  kErase = 8,      // rectangles of a row that are erased (their values: kNoise)
  kInterpolation = 9,
  kVerticalFlip = 10,
  kNoise = 11,  // values of pixels
  kLighting = 12,
  kShared = 13,  // drawn operations that all views of a copy share
};

/// The random stream of one view of one item in one epoch: a pure function of its four numbers.
struct AugmentKey {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  uint64_t item = 0;
  uint16_t view = 0;  // 0 unless one item is cropped several times: copy * views + view

  /// How many different `view`s there are: an item's views in all its copies.
  static constexpr int64_t kMostViews = int64_t{1} << 16;

  /// The `index`-th block of 128 bits for `use`.
  PhiloxBlock Bits(RandomUse use, uint8_t index) const {
    return Philox4x32(
        {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        {static_cast<uint32_t>(item), static_cast<uint32_t>(item >> 32), epoch,
         (static_cast<uint32_t>(use) << 24) | (static_cast<uint32_t>(view) << 8) | index});
  }
};

/// Uniform in [0, 1) from 32 random bits.
inline double UnitInterval(uint32_t bits) { return bits * 0x1p-32; }

/// Uniform in {0, ..., n - 1} from 32 random bits; the bias is below n / 2^32.
inline int32_t UniformBelow(uint32_t bits, int32_t n) {
  return static_cast<int32_t>((static_cast<uint64_t>(bits) * static_cast<uint64_t>(n)) >> 32);
}

}  // namespace fastinet
