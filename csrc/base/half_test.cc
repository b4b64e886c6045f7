// 16-bit floats by their bits: right at every value that they can hold, and between.
#include "base/half.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// What the bits of a finite number with so many bits of exponent and mantissa mean, as IEEE 754
/// says it.
float Meaning(uint16_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7FFF) >> mantissa_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                    : std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
  return static_cast<float>(bits >> 15 != 0 ? -magnitude : magnitude);
}

/// Checks every finite number, and those just about the middle of it and its neighbour.
template <class Rounded>
void CheckAll(int exponent_bits, int mantissa_bits, Rounded rounded) {
  const int infinity = ((1 << exponent_bits) - 1) << mantissa_bits;
  for (int bits = 0; bits < infinity; ++bits) {
    CAPTURE(bits);
    const auto here = static_cast<uint16_t>(bits);
    const float value = Meaning(here, exponent_bits, mantissa_bits);
    CHECK_EQ(rounded(value), here);
    CHECK_EQ(rounded(-value), here | 0x8000);
    if (bits + 1 == infinity) continue;
    const auto next = static_cast<uint16_t>(bits + 1);
    const double above = Meaning(next, exponent_bits, mantissa_bits);
    const auto middle = static_cast<float>((value + above) / 2);
    if (static_cast<double>(middle) != (value + above) / 2) continue;  // below all of float32
    CHECK_EQ(rounded(middle), bits % 2 == 0 ? here : next);
    CHECK_EQ(rounded(std::nextafter(middle, 0.0F)), here);
    CHECK_EQ(rounded(std::nextafter(middle, std::numeric_limits<float>::infinity())), next);
  }
}

TEST_CASE("float16 is rounded to nearest, ties to even") { CheckAll(5, 10, Float16Bits); }

TEST_CASE("bfloat16 is rounded to nearest, ties to even") { CheckAll(8, 7, BFloat16Bits); }

}  // namespace
}  // namespace fastinet
