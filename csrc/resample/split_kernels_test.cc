// The passes by weights that are taken apart against sums in plain integers, for every instruction
// set that this machine has.
#include "resample/split_kernels.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"
#include "resample/kernels.h"

namespace fastinet {
namespace {

std::mt19937& Random() {
  static std::mt19937 random(1);
  return random;
}

int32_t Uniform(int32_t first, int32_t last) {
  return std::uniform_int_distribution<int32_t>(first, last)(Random());
}

/// Half of the pixels are black or white, so that sums come near their limits.
std::vector<uint8_t> RandomPixels(size_t count) {
  std::vector<uint8_t> pixels(count);
  for (uint8_t& pixel : pixels) {
    pixel = static_cast<uint8_t>(Uniform(0, 1) == 0 ? Uniform(0, 255) : 255 * Uniform(0, 1));
  }
  return pixels;
}

/// Pixels that bring one output's sum as far up or down as it goes: white below the positive
/// weights and black below the negative ones, or the other way around.
void Exaggerate(std::span<const int32_t> taps, bool up, size_t stride, uint8_t* first) {
  for (size_t k = 0; k < taps.size(); ++k) first[k * stride] = (taps[k] > 0) == up ? 255 : 0;
}

/// Pillow's clip8 of a sum of weighted pixels (libImaging/Resample.c).
uint8_t Rounded(int64_t sum) {
  const int64_t rounded = (sum + (1 << (kWeightBits - 1))) >> kWeightBits;
  return static_cast<uint8_t>(std::clamp<int64_t>(rounded, 0, 255));
}

AxisWeights WeightsFor(const AxisSpec& spec, Interpolation interpolation) {
  AxisWeights weights;
  REQUIRE(weights.Compute(spec, interpolation).ok());
  return weights;
}

constexpr Interpolation kInterpolations[] = {Interpolation::kBilinear, Interpolation::kBicubic,
                                             Interpolation::kLanczos, Interpolation::kNearest};

/// Any axis: shrinking or not, a part of it or more than it, mirrored or not.
AxisSpec RandomSpec() {
  AxisSpec spec;
  spec.input = Uniform(0, 3) == 0 ? Uniform(1, 20) : Uniform(1, 300);
  spec.resized = Uniform(1, 100);
  spec.window_start = Uniform(-5, spec.resized / 2);
  spec.window_size = Uniform(1, 60);
  spec.reverse = Uniform(0, 1) == 1;
  spec.beyond = static_cast<PaddingMode>(Uniform(0, 3));
  return spec;
}

// ------------------------------------------------------------------------------------- splitting

TEST_CASE("the parts of a weight make the weight") {
  const auto check = [](int64_t weight) {
    const SplitWeight parts = Split(static_cast<int32_t>(weight));
    const bool is_short = parts.low >= -32768 && parts.low <= 32767;
    REQUIRE((is_short && int64_t{parts.high} * 65536 + parts.low == weight));
  };
  for (int64_t weight = -(1 << 23); weight <= 1 << 23; weight += 5) {
    check(weight);
  }
  for (const int64_t end : {int64_t{std::numeric_limits<int32_t>::min()}, int64_t{0},
                            int64_t{std::numeric_limits<int32_t>::max()}}) {
    for (int64_t near = end - 70000; near <= end + 70000; ++near) {
      if (near == static_cast<int32_t>(near)) check(near);
    }
  }
}

TEST_CASE("pairs carry all of a line's weights, or none where these are too many") {
  for (const int32_t input : {1, 2, 7, 100, 128, 129, 300}) {
    const AxisWeights weights = WeightsFor({input, 1, 0, 1}, Interpolation::kBilinear);
    PairedWeights paired;
    paired.Compute(weights);
    const auto taps = weights.taps(0);
    const auto pairs = paired.pairs(0);
    CAPTURE(input);
    if (taps.size() > kMostSplitTaps) {
      CHECK(pairs.empty());
      continue;
    }
    REQUIRE(pairs.size() == (taps.size() + 1) / 2);
    for (size_t k = 0; k < 2 * pairs.size(); ++k) {
      const TapPair& pair = pairs[k / 2];
      CHECK(pair.high[k % 2] * 65536 + pair.low[k % 2] == (k < taps.size() ? taps[k] : 0));
    }
  }
}

TEST_CASE("windows hold what they can") {
  const auto holds = [](int32_t input, int32_t output, Interpolation interpolation) {
    WindowedWeights windowed;
    return windowed.Compute(WeightsFor({input, output, 0, output}, interpolation));
  };
  CHECK(!holds(15, 20, Interpolation::kBilinear));  // a row is shorter than a window
  CHECK(holds(16, 20, Interpolation::kBilinear));
  CHECK(holds(500, 224, Interpolation::kBilinear));
  CHECK(holds(500, 224, Interpolation::kLanczos));
  CHECK(holds(4 * 224, 224, Interpolation::kBicubic));
  CHECK(!holds(5 * 224, 224, Interpolation::kBilinear));  // four outputs lie further apart
  CHECK(!holds(300, 2, Interpolation::kBilinear));
  CHECK(!holds(2000, 1, Interpolation::kBilinear));  // too many taps
}

// ------------------------------------------------------------------------------------- passes

/// Returns whether the pass could be made of windows.
bool TestHorizontalPass(const AxisSpec& spec, Interpolation interpolation) {
  const AxisWeights weights = WeightsFor(spec, interpolation);
  WindowedWeights windowed;
  if (!windowed.Compute(weights)) return false;
  const auto width = static_cast<size_t>(weights.region_size());
  const auto outputs = static_cast<size_t>(weights.outputs());
  constexpr size_t kRows = 2 * kWindowRows;
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
  ResampleWindows(from.data(), kRows, windowed, to.data());
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

/// Returns how many lines could be made of pairs.
int TestVerticalPass(const AxisSpec& spec, Interpolation interpolation, size_t width) {
  const AxisWeights weights = WeightsFor(spec, interpolation);
  PairedWeights paired;
  paired.Compute(weights);
  const auto height = static_cast<size_t>(weights.region_size());
  const size_t stride = width + kPaddingBytes;
  std::vector<uint8_t> pixels = RandomPixels(height * stride);
  int lines = 0;
  for (int32_t y = 0; y < weights.outputs(); ++y) {
    const auto taps = weights.taps(y);
    const auto pairs = paired.pairs(y);
    if (pairs.empty()) continue;
    ++lines;
    uint8_t* const first = &pixels[static_cast<size_t>(weights.start(y)) * stride];
    Exaggerate(taps, true, stride, first);
    if (width > 1) Exaggerate(taps, false, stride, first + width - 1);
    std::vector<const uint8_t*> rows(2 * pairs.size(), first);
    for (size_t k = 0; k < taps.size(); ++k) rows[k] = first + k * stride;
    std::vector<uint8_t> out(stride), wanted;
    ResamplePairs(rows.data(), pairs, width, out.data());
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

void TestAll() {
  int rows = 0, lines = 0;
  for (const Interpolation interpolation : kInterpolations) {
    for (int i = 0; i < 150; ++i) {
      rows += TestHorizontalPass(RandomSpec(), interpolation) ? 1 : 0;
      lines += TestVerticalPass(RandomSpec(), interpolation, static_cast<size_t>(Uniform(1, 130)));
    }
    for (const int32_t input : {16, 17, 100, 224, 225, 448, 449, 896, 900}) {  // common ones
      for (const bool reverse : {false, true}) {
        rows += TestHorizontalPass({input, 224, 0, 224, reverse}, interpolation) ? 1 : 0;
        lines += TestVerticalPass({input, 224, 0, 224, reverse}, interpolation, 64);
      }
    }
    lines += TestVerticalPass({250, 2, 0, 2}, interpolation, 70);  // the most taps
  }
  CHECK(rows > 300);
  CHECK(lines > 15000);
}

TEST_CASE("split kernels equal plain sums on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    CAPTURE(target);
    if (HasSplitKernels()) TestAll();
    if (target == "SSE4" || target == "AVX2") CHECK(HasSplitKernels());
  });
}

}  // namespace
}  // namespace fastinet
