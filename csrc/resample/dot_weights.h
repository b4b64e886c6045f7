// The weights of an axis, taken apart for processors that add four products of bytes to a sum in
// one instruction.
//
// A weight is three signed bytes, w = 65536 * a + 256 * b + c, exactly. Each of the three sums over
// the taps, of part * pixel, is a sum of products within +-32640, and
//
//     sum(w * pixel) = (sum(a * pixel) << 16) + (sum(b * pixel) << 8) + sum(c * pixel)
//
// in 32 bits, which hold it (kMostSplitSum). Nothing else has to fit but `a`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "resample/filter.h"

namespace fastinet {

using WeightBytes = std::array<int8_t, 3>;  // a, b, c

/// The weights that three bytes make.
inline constexpr int32_t kLeastByteWeight = -128 * 65536 - 128 * 256 - 128;
inline constexpr int32_t kMostByteWeight = 127 * 65536 + 127 * 256 + 127;

/// `weight` lies between these two.
constexpr WeightBytes SplitIntoBytes(int32_t weight) {
  const auto c = static_cast<int8_t>(weight);
  const int32_t above = (weight - c) / 256;
  const auto b = static_cast<int8_t>(above);
  return {static_cast<int8_t>((above - b) / 256), b, c};
}

/// Four taps of a line, as the vertical pass multiplies them.
struct TapQuad {
  int8_t parts[3][4];
};

/// The vertical pass's weights, four taps at a time.
class QuadWeights {
 public:
  void Compute(const AxisWeights& weights);

  /// The taps of output `i` by four, of which the last ones may be more than there are, of weight
  /// 0. Nothing where the output's weights do not fit.
  std::span<const TapQuad> quads(int32_t i) const {
    const Run& run = runs_[static_cast<size_t>(i)];
    return {quads_.data() + run.first, run.count};
  }

 private:
  struct Run {
    size_t first;
    size_t count;
  };
  std::vector<Run> runs_;
  std::vector<TapQuad> quads_;
};

/// Pixels of the row that the horizontal pass fetches from at once, and outputs that it makes.
inline constexpr int32_t kWideWindowBytes = 64;
inline constexpr int32_t kWideOutputs = 16;

/// Four taps of each of 16 outputs. Of the 64 pixels from `base` on, `index` fetches tap t of
/// output i to byte 4 * i + t, and any pixel where there is no such tap: its weight is 0.
struct QuadWindow {
  uint8_t index[64];
  int8_t parts[3][64];
  int32_t base;
};

/// The horizontal pass's weights: for every 16 outputs some windows, each with four taps.
class WideWeights {
 public:
  /// Returns whether the pass can be made of windows: all weights have to fit in three bytes, and
  /// the taps of 16 outputs to lie within 64 pixels. They do when shrinking by up to four.
  [[nodiscard]] bool Compute(const AxisWeights& weights);

  int32_t outputs() const { return outputs_; }
  int32_t row_pixels() const { return row_pixels_; }
  int32_t windows() const { return windows_; }
  /// Of all outputs, filled up to a multiple of 16.
  const QuadWindow* data() const { return quads_.data(); }

 private:
  int32_t outputs_ = 0;
  int32_t row_pixels_ = 0;
  int32_t windows_ = 0;
  std::vector<QuadWindow> quads_;
};

}  // namespace fastinet
