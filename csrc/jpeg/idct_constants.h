// Constants of the accurate integer inverse DCT: 2^13 times those of Loeffler, Ligtenberg and
// Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications" (ICASSP 1989), rounded.
#pragma once

#include <cstdint>

namespace fastinet::idct {

inline constexpr int kConstantBits = 13;
inline constexpr int kPass1Bits = 2;  // extra precision between the passes
inline constexpr int kPass1Shift = kConstantBits - kPass1Bits;
inline constexpr int kPass2Shift = kConstantBits + kPass1Bits + 3;

inline constexpr int32_t k0_298 = 2446;
inline constexpr int32_t k0_390 = 3196;
inline constexpr int32_t k0_541 = 4433;
inline constexpr int32_t k0_765 = 6270;
inline constexpr int32_t k0_899 = 7373;
inline constexpr int32_t k1_175 = 9633;
inline constexpr int32_t k1_501 = 12299;
inline constexpr int32_t k1_847 = 15137;
inline constexpr int32_t k1_961 = 16069;
inline constexpr int32_t k2_053 = 16819;
inline constexpr int32_t k2_562 = 20995;
inline constexpr int32_t k3_072 = 25172;

/// Beyond this a first-pass result of a block whose rows 1..7 are zero does not fit 16 bits;
/// libjpeg-turbo then wraps it, and saturates it in all other blocks.
inline constexpr int32_t kMaxPlainRow0 = 32767 >> kPass1Bits;

}  // namespace fastinet::idct
