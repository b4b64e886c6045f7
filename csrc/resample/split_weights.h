// The weights of an axis, taken apart for kernels whose processors multiply numbers of 8 and 16
// bits faster than of 32.
//
// A weight w has 22 bits of fraction and is taken apart exactly: w = 65536 * high + low, with
// -32768 <= low < 32768. Both sums over the taps, of high * pixel and of low * pixel, are then
// exact in 32 bits, and so is the rounded result,
//
//     (sum(w * pixel) + 2^21) >> 22 = (sum(high * pixel) + (sum(low * pixel) >> 16) + 32) >> 6.
//
// No precision is lost; what cannot be taken apart so that all sums fit stays with the kernels of
// kernels.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "resample/filter.h"

namespace fastinet {

/// Most taps of an output: 256 * 255 * 32768 is the largest sum of low parts that fits in 32 bits.
inline constexpr int32_t kMostSplitTaps = 256;
/// Most that an output's weights may add up to, all taken as positive: 255 times as much, rounded,
/// fits in 32 bits too. Filters reach about 1.6 * 2^22.
inline constexpr int64_t kMostSplitSum = int64_t{1} << 23;

/// Whether all sums over these taps fit.
bool CanBeSplit(std::span<const int32_t> taps);

struct SplitWeight {
  int32_t high;
  int32_t low;
};

constexpr SplitWeight Split(int32_t weight) {
  return {(weight >> 16) + (weight >> 15 & 1), static_cast<int16_t>(weight)};
}

/// Two taps of a line, as the vertical pass multiplies them.
struct TapPair {
  int16_t low[2];
  int8_t high[2];
};

/// The vertical pass's weights, two taps at a time.
class PairedWeights {
 public:
  void Compute(const AxisWeights& weights);

  /// The taps of output `i` in pairs, of which the last one's second tap may be one more, of
  /// weight 0. Nothing where the output's weights do not fit: `high` is of 8 bits, and the sum of
  /// two products 255 * high has to fit in 16.
  std::span<const TapPair> pairs(int32_t i) const {
    const Run& run = runs_[static_cast<size_t>(i)];
    return {pairs_.data() + run.first, run.count};
  }

 private:
  struct Run {
    size_t first;
    size_t count;
  };
  std::vector<Run> runs_;
  std::vector<TapPair> pairs_;
};

/// Pixels of the row that the horizontal pass fetches from at once: 16 bytes from `base` on.
inline constexpr int32_t kWindowBytes = 16;
/// Outputs that it makes at once: the bytes of the smallest vector.
inline constexpr int32_t kBlockOutputs = 16;

/// Two taps of each of eight outputs. `index` fetches tap t of output i from its window to byte
/// 2 * i + t; 128 fetches a zero.
struct PairWindow {
  static constexpr int32_t kOutputs = 8;
  uint8_t index[16];
  int8_t high[16];  // as in TapPair
  int16_t low[16];
};

/// The horizontal pass's weights: for every eight outputs some windows, each with two taps.
class WindowedWeights {
 public:
  /// Returns whether the pass can be made of windows: a row has to have 16 pixels, and the pairs of
  /// four outputs to lie within 16. They do when shrinking by up to four.
  [[nodiscard]] bool Compute(const AxisWeights& weights);

  int32_t outputs() const { return outputs_; }
  /// Windows of each eight outputs, one after the other.
  int32_t windows() const { return windows_; }
  /// Whether the pairs of all eight lie within 16 pixels, as when shrinking by up to two. Else
  /// four are fetched from a window of their own, by the index's lower half, and four from another.
  bool is_whole() const { return is_whole_; }
  /// Of all outputs, filled up to a multiple of 16.
  const PairWindow* data() const { return pairs_.data(); }
  /// The first pixel for the lower half, and for the upper one.
  using Bases = std::array<int32_t, 2>;
  const Bases* bases() const { return bases_.data(); }

 private:
  bool Fill(const AxisWeights& weights);

  int32_t outputs_ = 0;
  int32_t windows_ = 0;
  bool is_whole_ = false;
  std::vector<PairWindow> pairs_;
  std::vector<Bases> bases_;
};

}  // namespace fastinet
