// Fused multiplication by double arithmetic against the C library's.
#include "base/fused.h"

#include <cmath>
#include <random>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("a product and a sum are rounded once") {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> share(-1, 1);
  const auto number = [&] {
    return std::ldexp(share(random), static_cast<int>(random() % 60) - 30);
  };
  for (int i = 0; i < 200'000; ++i) {
    const float a = number(), b = number();
    // Sums of any size, and such as leave the product's last bits.
    const float c = i % 2 == 0 ? number() : -a * b * (1 + share(random) * 1e-6f);
    const float fused = FusedMulAdd(a, b, c), expected = std::fma(a, b, c);
    if (fused != expected) CHECK_EQ(fused, expected);
  }
  CHECK_EQ(FusedMulAdd(0, 5, 0), 0);
}

/// (2^24 + 1) + 2^-60 is no float: rounded to double first it is the half between two of them, and
/// would go to the even one below.
TEST_CASE("rounding twice would give another number") {
  const float half_up = FusedMulAdd(0x1p-30f, 0x1p-30f, 0);  // 2^-60
  const float product = 0x1.000002p0f;
  CHECK_EQ(FusedMulAdd(product, 0x1.000002p0f, half_up), std::fma(product, product, half_up));
  const float a = 0x1.000001p12f, b = 0x1.000001p12f, tiny = 0x1p-60f;
  CHECK_EQ(FusedMulAdd(a, b, tiny), std::fma(a, b, tiny));
  // 3 * 2^-26 + 1 lies above a half by what double cannot hold beside 1.
  const float x = 0x1.8p0f, y = 0x1p-24f;
  CHECK_EQ(FusedMulAdd(x, y, 1.0f), std::fma(x, y, 1.0f));
}

}  // namespace
}  // namespace fastinet
