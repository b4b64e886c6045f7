// a * b + c, rounded once: what processors with fused multiplication compute, on all of them.
#pragma once

#include <bit>
#include <cstdint>

namespace fastinet {

/// a * b + c in float, rounded once, of numbers that are finite.
inline float FusedMulAdd(float a, float b, float c) {
  // The product of two floats is exact in double; their sum is not.
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double addend = static_cast<double>(c);
  const double sum = product + addend;
  // What it was rounded by, exact as well (Knuth's TwoSum).
  const double part = sum - product;
  const double lost = (product - (sum - part)) + (addend - part);
  // Rounded to odd instead: what is rounded once more, to less than half of the bits, is then what
  // one rounding gives (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums",
  // 2008).
  auto bits = std::bit_cast<uint64_t>(sum);
  if (lost != 0 && (bits & 1) == 0) bits += (lost > 0) == (sum > 0) ? uint64_t{1} : ~uint64_t{0};
  return static_cast<float>(std::bit_cast<double>(bits));
}

}  // namespace fastinet
