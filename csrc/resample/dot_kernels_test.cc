// The passes by dot products of bytes against sums in plain integers, where this machine has them;
// dot_emulation_test.cc runs the same code anywhere.
#define FASTINET_WITH_AVX3_DL
#include "resample/dot_kernels.h"

#include <cstdint>
#include <string>

#include "base/test_checks.h"
#include "base/test_targets.h"
#include "resample/test_passes.h"

namespace fastinet {
namespace {

TEST_CASE("the bytes of a weight make the weight") {
  const auto check = [](int32_t weight) {
    const auto [a, b, c] = SplitIntoBytes(weight);
    REQUIRE(65536 * a + 256 * b + c == weight);
  };
  for (int32_t weight = kLeastByteWeight; weight <= kMostByteWeight; weight += 5) check(weight);
  for (int32_t i = 0; i < 1000; ++i) check(kLeastByteWeight + i);
  for (int32_t i = 0; i < 1000; ++i) check(kMostByteWeight - i);
}

TEST_CASE("windows hold what they can") {
  const auto holds = [](int32_t input, int32_t output, Interpolation interpolation) {
    WideWeights wide;
    return wide.Compute(test::WeightsFor({input, output, 0, output}, interpolation));
  };
  CHECK(holds(1, 20, Interpolation::kBilinear));
  CHECK(holds(500, 224, Interpolation::kLanczos));
  CHECK(holds(800, 224, Interpolation::kBilinear));
  CHECK(!holds(5 * 224, 224, Interpolation::kBilinear));  // 16 outputs lie further apart
  CHECK(holds(300, 2, Interpolation::kNearest) == false);
  CHECK(!holds(2000, 1, Interpolation::kBilinear));  // too many taps
}

void TestAll() {
  test::TestBothPasses(
      [](const AxisSpec& spec, Interpolation interpolation) {
        return test::TestHorizontalPass<WideWeights>(spec, interpolation, ResampleWideWindows);
      },
      [](const AxisSpec& spec, Interpolation interpolation, size_t width) {
        const auto quads = [](const QuadWeights& weights, int32_t y) { return weights.quads(y); };
        return test::TestVerticalPass<QuadWeights>(spec, interpolation, width, 4, quads,
                                                   ResampleQuads);
      });
}

TEST_CASE("dot products equal plain sums on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    CAPTURE(target);
    if (HasDotKernels()) TestAll();
    CHECK(HasDotKernels() == (target == "AVX3_DL"));
  });
}

}  // namespace
}  // namespace fastinet
