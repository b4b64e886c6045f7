// Gamma numbers: distributed as they should be, and the same bits on every machine.
#include "rng/gamma.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("gamma numbers have the mean and the variance of their shape") {
  constexpr uint32_t kCount = 20'000;
  for (const double shape : {0.2, 0.5, 0.9, 1.0, 1.5, 4.0, 300.0}) {
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < kCount; ++i) {
      const double value = std::exp(LogOfGamma(shape, {7, 9}, i));
      sum += value;
      squares += (value - shape) * (value - shape);
    }
    CAPTURE(shape);
    // Five standard deviations of a mean; the fourth moment is 3 shape^2 + 6 shape.
    CHECK(std::abs(sum / kCount - shape) < 5 * std::sqrt(shape / kCount));
    const double spread = std::sqrt((2 * shape * shape + 6 * shape) / kCount);
    CHECK(std::abs(squares / kCount - shape) < 5 * spread);
  }
}

TEST_CASE("gamma numbers of the smallest shape are there as logarithms") {
  double sum = 0;
  for (uint32_t i = 0; i < 20'000; ++i) {
    const double value = LogOfGamma(kLeastGammaShape, {1, 2}, i);
    CHECK(std::isfinite(value));
    sum += value;
  }
  // The digamma function at 0.001 is -1000.58; the standard deviation 1000.
  CHECK(std::abs(sum / 20'000 + 1000.58) < 5 * 1000 / std::sqrt(20'000));
}

/// What a training run was started with must mean the same in every later version, on every
/// machine.
TEST_CASE("the bits of gamma numbers never change") {
  uint64_t digest = 0xCBF29CE484222325;
  for (const double shape : {kLeastGammaShape, 0.3, 1.0, 2.5, kMostGammaShape}) {
    for (uint32_t i = 0; i < 2000; ++i) {
      const auto bits = std::bit_cast<uint64_t>(LogOfGamma(shape, {i, 5}, i % 7));
      for (int shift = 0; shift < 64; shift += 8) {
        digest = (digest ^ ((bits >> shift) & 0xFF)) * 0x100000001B3;
      }
    }
  }
  CHECK_EQ(digest, uint64_t{0xD22275C005D24651});
}

}  // namespace
}  // namespace fastinet
