// Lighting: the shift of colours that principal components give, and what it does to a format.
#include "augment/lighting.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("a shift lies along the principal components") {
  // The covariance of the shifts is V diag(std^2 eigenvalue^2) V^T.
  constexpr std::array<double, 3> kValues = {0.2175, 0.0188, 0.0045};
  constexpr double kVectors[3][3] = {
      {-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  constexpr size_t kDraws = 4000;
  double covariance[3][3] = {};
  for (uint64_t item = 0; item < kDraws; ++item) {
    const auto shift = DrawColourShift({.std = 0.5}, {.seed = 3, .epoch = 1, .item = item});
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) covariance[i][j] += shift[i] * shift[j] / kDraws;
    }
  }
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      double expected = 0;
      for (size_t k = 0; k < 3; ++k) {
        expected += kVectors[i][k] * kVectors[j][k] * 0.25 * kValues[k] * kValues[k];
      }
      // A variance of so many draws is known to within 2.2 %; this is five times that.
      CHECK(std::abs(covariance[i][j] / expected - 1) < 0.11);
    }
  }
}

TEST_CASE("shifts depend on the key alone, and never change") {
  const AugmentKey key{.seed = 5, .epoch = 2, .item = 9, .view = 1};
  const std::array<double, 3> shift = DrawColourShift({}, key);
  CHECK(DrawColourShift({}, key) == shift);
  for (const AugmentKey& other : {AugmentKey{6, 2, 9, 1}, AugmentKey{5, 3, 9, 1},
                                  AugmentKey{5, 2, 8, 1}, AugmentKey{5, 2, 9, 0}}) {
    CHECK(DrawColourShift({}, other) != shift);
  }
  CHECK(DrawColourShift({.std = 0}, key) == std::array<double, 3>{});
  CHECK_EQ(shift[0], 0x1.0c8c6f633b219p-6);
  CHECK_EQ(shift[1], 0x1.1ae8f0978cd93p-6);
  CHECK_EQ(shift[2], 0x1.316ffa6338be9p-6);
}

TEST_CASE("a shifted format stores shifted pixels") {
  const OutputFormat format{.dtype = DType::kFloat32,
                            .scale = {1 / (255 * 0.229F), 1 / 255.0F, 0.5F},
                            .bias = {-2, 0, 1}};
  const OutputFormat shifted = Shifted(format, {0.1, -0.2, 0});
  CHECK(shifted.scale == format.scale);
  CHECK(std::abs(shifted.bias[0] - (-2 + 0.1 / 0.229)) < 1e-6);
  CHECK(std::abs(shifted.bias[1] + 0.2) < 1e-7);
  CHECK_EQ(shifted.bias[2], 1.0F);
}

TEST_CASE("impossible deviations") {
  CHECK_OK(Lighting{}.Validate());
  CHECK_OK(Lighting{.std = 0}.Validate());
  for (const double std : {-0.1, 11.0, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(Lighting{.std = std}.Validate().code() == StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace fastinet
