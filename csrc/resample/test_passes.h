// What kernels of the two passes are compared with: sums in plain integers, over any axis, for
// pixels that bring sums to their limits.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "base/test_checks.h"
#include "resample/filter.h"
#include "resample/kernels.h"

namespace fastinet::test {

inline std::mt19937& Random() {
  static std::mt19937 random(1);
  return random;
}

inline int32_t Uniform(int32_t first, int32_t last) {
  return std::uniform_int_distribution<int32_t>(first, last)(Random());
}

/// Half of the pixels are black or white, so that sums come near their limits.
inline std::vector<uint8_t> RandomPixels(size_t count) {
  std::vector<uint8_t> pixels(count);
  for (uint8_t& pixel : pixels) {
    pixel = static_cast<uint8_t>(Uniform(0, 1) == 0 ? Uniform(0, 255) : 255 * Uniform(0, 1));
  }
  return pixels;
}

/// Pixels that bring one output's sum as far up or down as it goes: white below the positive
/// weights and black below the negative ones, or the other way around.
inline void Exaggerate(std::span<const int32_t> taps, bool up, size_t stride, uint8_t* first) {
  for (size_t k = 0; k < taps.size(); ++k) first[k * stride] = (taps[k] > 0) == up ? 255 : 0;
}

/// Pillow's clip8 of a sum of weighted pixels (libImaging/Resample.c).
inline uint8_t Rounded(int64_t sum) {
  const int64_t rounded = (sum + (1 << (kWeightBits - 1))) >> kWeightBits;
  return static_cast<uint8_t>(std::clamp<int64_t>(rounded, 0, 255));
}

inline AxisWeights WeightsFor(const AxisSpec& spec, Interpolation interpolation) {
  AxisWeights weights;
  REQUIRE(weights.Compute(spec, interpolation).ok());
  return weights;
}

inline constexpr Interpolation kInterpolations[] = {
    Interpolation::kBilinear, Interpolation::kBicubic, Interpolation::kLanczos,
    Interpolation::kNearest};

/// Any axis: shrinking or not, a part of it or more than it, mirrored or not.
inline AxisSpec RandomSpec() {
  AxisSpec spec;
  spec.input = Uniform(0, 3) == 0 ? Uniform(1, 20) : Uniform(1, 300);
  spec.resized = Uniform(1, 100);
  spec.window_start = Uniform(-5, spec.resized / 2);
  spec.window_size = Uniform(1, 60);
  spec.reverse = Uniform(0, 1) == 1;
  spec.beyond = static_cast<PaddingMode>(Uniform(0, 3));
  return spec;
}

/// `Weights` as `kernel` takes them, for four rows at a time. Returns whether they could be made.
template <class Weights, class Kernel>
bool TestHorizontalPass(const AxisSpec& spec, Interpolation interpolation, Kernel kernel) {
  const AxisWeights weights = WeightsFor(spec, interpolation);
  Weights split;
  if (weights.region_size() == 0 || !split.Compute(weights)) return false;
  const auto width = static_cast<size_t>(weights.region_size());
  const auto outputs = static_cast<size_t>(weights.outputs());
  constexpr size_t kRows = 8;
  std::array<std::vector<uint8_t>, kRows> rows, made;
  std::array<const uint8_t*, kRows> from;
  std::array<uint8_t*, kRows> to;
  for (size_t i = 0; i < kRows; ++i) {
    rows[i] = RandomPixels(width);  // nothing beyond: the sanitizer sees a read there
    const int32_t x = Uniform(0, weights.outputs() - 1);
    if (i > 1) Exaggerate(weights.taps(x), i % 2 == 0, 1, rows[i].data() + weights.start(x));
    made[i].resize((outputs + 15) / 16 * 16);  // what the last vector may fill
    from[i] = rows[i].data();
    to[i] = made[i].data();
  }
  kernel(from.data(), int32_t{kRows}, split, to.data());
  for (size_t i = 0; i < kRows; ++i) {
    std::vector<uint8_t> wanted;
    for (int32_t x = 0; x < weights.outputs(); ++x) {
      int64_t sum = 0;
      auto at = static_cast<size_t>(weights.start(x));
      for (const int32_t tap : weights.taps(x)) sum += int64_t{tap} * rows[i][at++];
      wanted.push_back(Rounded(sum));
    }
    made[i].resize(outputs);
    REQUIRE(made[i] == wanted);
  }
  return true;
}

/// `groups(weights, y)` are line y's taps, each `taps_of_group` of them, as `kernel` takes them.
/// Returns how many lines could be made.
template <class Weights, class Groups, class Kernel>
int TestVerticalPass(const AxisSpec& spec, Interpolation interpolation, size_t width,
                     size_t taps_of_group, Groups groups, Kernel kernel) {
  const AxisWeights weights = WeightsFor(spec, interpolation);
  Weights split;
  split.Compute(weights);
  const auto height = static_cast<size_t>(weights.region_size());
  const size_t stride = width + kPaddingBytes;
  std::vector<uint8_t> pixels = RandomPixels(height * stride);
  int lines = 0;
  for (int32_t y = 0; y < weights.outputs(); ++y) {
    const auto taps = weights.taps(y);
    const auto line = groups(split, y);
    if (line.empty()) continue;
    ++lines;
    uint8_t* const first = &pixels[static_cast<size_t>(weights.start(y)) * stride];
    Exaggerate(taps, true, stride, first);
    if (width > 1) Exaggerate(taps, false, stride, first + width - 1);
    std::vector<const uint8_t*> rows(taps_of_group * line.size(), first);
    for (size_t k = 0; k < taps.size(); ++k) rows[k] = first + k * stride;
    std::vector<uint8_t> out(stride), wanted;
    kernel(rows.data(), line, width, out.data());
    for (size_t x = 0; x < width; ++x) {
      int64_t sum = 0;
      for (size_t k = 0; k < taps.size(); ++k) sum += int64_t{taps[k]} * rows[k][x];
      wanted.push_back(Rounded(sum));
    }
    out.resize(width);
    REQUIRE(out == wanted);
  }
  return lines;
}

/// Calls `horizontal(spec, interpolation)`, which returns whether it could be tested, and
/// `vertical(spec, interpolation, width)`, which returns how many lines could, over axes of every
/// kind and over those that are common.
template <class Horizontal, class Vertical>
void TestBothPasses(Horizontal horizontal, Vertical vertical) {
  int rows = 0, lines = 0;
  for (const Interpolation interpolation : kInterpolations) {
    for (int i = 0; i < 150; ++i) {
      rows += horizontal(RandomSpec(), interpolation) ? 1 : 0;
      lines += vertical(RandomSpec(), interpolation, static_cast<size_t>(Uniform(1, 130)));
    }
    for (const int32_t input : {16, 17, 100, 224, 225, 448, 449, 896, 900}) {  // common ones
      for (const bool reverse : {false, true}) {
        rows += horizontal({input, 224, 0, 224, reverse}, interpolation) ? 1 : 0;
        lines += vertical({input, 224, 0, 224, reverse}, interpolation, 64);
      }
    }
    lines += vertical({250, 2, 0, 2}, interpolation, 70);  // the most taps
  }
  CHECK(rows > 300);
  CHECK(lines > 15000);
}

}  // namespace fastinet::test
