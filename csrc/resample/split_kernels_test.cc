// The passes by weights that are taken apart against sums in plain integers, for every instruction
// set that this machine has.
#include "resample/split_kernels.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"
#include "resample/test_passes.h"

namespace fastinet {
namespace {

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

TEST_CASE("weights are split while all sums fit") {
  const std::vector<int32_t> all = {kMostSplitSum, 0};
  CHECK(CanBeSplit(all));
  CHECK(CanBeSplit(std::vector<int32_t>{-kMostSplitSum / 2, kMostSplitSum / 2}));
  CHECK(!CanBeSplit(std::vector<int32_t>{kMostSplitSum, -1}));
  CHECK(!CanBeSplit(std::vector<int32_t>{std::numeric_limits<int32_t>::min()}));
  CHECK(CanBeSplit(std::vector<int32_t>(kMostSplitTaps, 1)));
  CHECK(!CanBeSplit(std::vector<int32_t>(kMostSplitTaps + 1, 1)));
}

TEST_CASE("pairs carry all of a line's weights, or none where these are too many") {
  for (const int32_t input : {1, 2, 7, 100, 128, 129, 300}) {
    const AxisWeights weights = test::WeightsFor({input, 1, 0, 1}, Interpolation::kBilinear);
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
    return windowed.Compute(test::WeightsFor({input, output, 0, output}, interpolation));
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

void TestAll() {
  test::TestBothPasses(
      [](const AxisSpec& spec, Interpolation interpolation) {
        return test::TestHorizontalPass<WindowedWeights>(spec, interpolation, ResampleWindows);
      },
      [](const AxisSpec& spec, Interpolation interpolation, size_t width) {
        const auto pairs = [](const PairedWeights& weights, int32_t y) { return weights.pairs(y); };
        return test::TestVerticalPass<PairedWeights>(spec, interpolation, width, 2, pairs,
                                                     ResamplePairs);
      });
}

TEST_CASE("split kernels equal plain sums on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    CAPTURE(target);
    if (HasSplitKernels()) TestAll();
    if (target == "SSE4" || target == "AVX2" || target == "NEON") CHECK(HasSplitKernels());
  });
}

}  // namespace
}  // namespace fastinet
