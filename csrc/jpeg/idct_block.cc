// The inverse DCT of one block in plain code: for hostile coefficients, and to test the kernels by.

#include <algorithm>

#include "jpeg/idct.h"
#include "jpeg/idct_constants.h"

namespace fastinet {
namespace {

using namespace idct;  // NOLINT: constants only

int16_t Wrapped(int32_t value) { return static_cast<int16_t>(value); }

int16_t Saturated(int32_t value) { return static_cast<int16_t>(std::clamp(value, -32768, 32767)); }

/// a * x + b * y modulo 2^32.
uint32_t MulPair(int32_t a, int16_t x, int32_t b, int16_t y) {
  return static_cast<uint32_t>(a * x) + static_cast<uint32_t>(b * y);
}

/// One pass over eight values that lie `step` apart: transforms them in place, divides by
/// 2^shift and saturates to 16 bits.
void TransformLine(int16_t* line, size_t step, int shift) {
  const auto in = [&](size_t i) { return line[i * step]; };
  const auto store = [&](size_t i, uint32_t value) {
    const auto rounded = static_cast<int32_t>(value + (1u << (shift - 1)));
    line[i * step] = Saturated(rounded >> shift);
  };
  const auto widened = [](int32_t value) {
    return static_cast<uint32_t>(Wrapped(value)) << kConstantBits;
  };
  // Even part.
  const uint32_t e2 = MulPair(k0_541, in(2), k0_541 - k1_847, in(6));
  const uint32_t e3 = MulPair(k0_541 + k0_765, in(2), k0_541, in(6));
  const uint32_t e0 = widened(in(0) + in(4));
  const uint32_t e1 = widened(in(0) - in(4));
  const uint32_t t10 = e0 + e3, t13 = e0 - e3, t11 = e1 + e2, t12 = e1 - e2;
  // Odd part.
  const int16_t sum37 = Wrapped(in(3) + in(7));
  const int16_t sum15 = Wrapped(in(1) + in(5));
  const uint32_t z3 = MulPair(k1_175 - k1_961, sum37, k1_175, sum15);
  const uint32_t z4 = MulPair(k1_175, sum37, k1_175 - k0_390, sum15);
  const uint32_t o0 = MulPair(k0_298 - k0_899, in(7), -k0_899, in(1)) + z3;
  const uint32_t o1 = MulPair(k2_053 - k2_562, in(5), -k2_562, in(3)) + z4;
  const uint32_t o2 = MulPair(-k2_562, in(5), k3_072 - k2_562, in(3)) + z3;
  const uint32_t o3 = MulPair(-k0_899, in(7), k1_501 - k0_899, in(1)) + z4;

  store(0, t10 + o3);
  store(7, t10 - o3);
  store(1, t11 + o2);
  store(6, t11 - o2);
  store(2, t12 + o1);
  store(5, t12 - o1);
  store(3, t13 + o0);
  store(4, t13 - o0);
}

}  // namespace

DequantizationSteps StepsOf(const std::array<uint16_t, 64>& zig_zag) {
  DequantizationSteps steps;
  for (size_t k = 0; k < 64; ++k) {
    steps.step[kZigZagToNatural[k]] = static_cast<int16_t>(zig_zag[k]);
  }
  return steps;
}

void InverseDctBlock(const int16_t* coefficients, const DequantizationSteps& steps, uint8_t* out,
                     ptrdiff_t stride) {
  std::array<int16_t, 64> block;
  bool only_row_0 = true;
  for (size_t i = 0; i < 64; ++i) {
    const int16_t coefficient = coefficients[i / 8 * kGroupRowLength + i % 8];
    only_row_0 = only_row_0 && (i < 8 || coefficient == 0);
    block[i] = Wrapped(coefficient * steps.step[i]);
  }
  for (size_t column = 0; column < 8; ++column) {
    if (only_row_0) {
      for (size_t i = 8; i-- > 0;) block[i * 8 + column] = Wrapped(block[column] * 4);
    } else {
      TransformLine(block.data() + column, 8, kPass1Shift);
    }
  }
  for (size_t row = 0; row < 8; ++row) {
    TransformLine(block.data() + row * 8, 1, kPass2Shift);
    for (size_t column = 0; column < 8; ++column) {
      out[column] = static_cast<uint8_t>(std::clamp(block[row * 8 + column] + 128, 0, 255));
    }
    out += stride;
  }
}

}  // namespace fastinet
