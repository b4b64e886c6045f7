// The accurate integer inverse DCT, bit-equal to libjpeg-turbo's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "jpeg/coefficients.h"

namespace fastinet {

/// A quantisation table as the inverse DCT wants it: row by row. Steps above 32767 wrap, as they do
/// in libjpeg-turbo's 16-bit multiplications.
struct DequantizationSteps {
  alignas(16) std::array<int16_t, 64> step;
};

DequantizationSteps StepsOf(const std::array<uint16_t, 64>& zig_zag);

/// Dequantises and transforms groups first..last of a row of blocks, and sets their coefficients to
/// 0, which costs less here, where they are at hand, than by itself. Group `first` becomes the
/// 8 x 32 samples at `out`, the others follow to its right; rows of samples are `stride` bytes
/// apart. Blocks that were not decoded become grey.
///
/// The arithmetic is that of libjpeg-turbo's SIMD "islow" transform for x86 (Loeffler, Ligtenberg
/// and Moschytz with 13-bit constants, jidctint in its simd folder): the same results as jidctint.c
/// and jidctint-neon.c for coefficients that come from 8-bit samples. On hostile ones, where these
/// three differ, it wraps and saturates in the same places as that for x86, on every machine.
void InverseDct(const BlockRow& row, int32_t first, int32_t last, const DequantizationSteps& steps,
                uint8_t* out, ptrdiff_t stride);

/// The same for one block alone, in plain code, and without changing it: `coefficients` begins with
/// the block's first one in its group, whose layout it has. `out` is 8 x 8 samples.
void InverseDctBlock(const int16_t* coefficients, const DequantizationSteps& steps, uint8_t* out,
                     ptrdiff_t stride);

}  // namespace fastinet
