// float32 rounded to 16 bits by integer operations alone: for single values. Whole rows are stored
// by resample/kernels.h, with the same bits.
#pragma once

#include <bit>
#include <cstdint>

namespace fastinet {

/// The bits of the bfloat16 nearest to a finite `value`, ties to even.
constexpr uint16_t BFloat16Bits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// The bits of the float16 nearest to `value`, ties to even; its absolute value is below 65520,
/// where infinity would begin.
constexpr uint16_t Float16Bits(float value) {
  constexpr int kDropped = 23 - 10;               // bits of mantissa
  constexpr uint32_t kRebias = (127 - 15) << 23;  // of the exponent
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7FFFFFFF;
  if (magnitude < kRebias + (1 << 23)) {
    // Subnormal numbers of float16 are multiples of 2^-24. The last bit of a float32 in [0.5, 1) is
    // worth just that, so adding 0.5 leaves the rounded multiple in the low bits.
    const float sum = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign |
                                 (std::bit_cast<uint32_t>(sum) - std::bit_cast<uint32_t>(0.5F)));
  }
  const uint32_t odd = (magnitude >> kDropped) & 1;
  const uint32_t rounded = magnitude - kRebias + ((1 << (kDropped - 1)) - 1) + odd;
  return static_cast<uint16_t>(sign | (rounded >> kDropped));
}

}  // namespace fastinet
