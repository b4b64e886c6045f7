#include "jpeg/idct.h"

#include <algorithm>

#include "base/simd_targets.h"
#include "jpeg/idct_constants.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "jpeg/idct.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the baseline, where vectors have one lane

void InverseDctRow(const BlockRow& row, int32_t first, int32_t last,
                   const DequantizationSteps& steps, uint8_t* out, ptrdiff_t stride) {
  for (int32_t block = first * kBlocksPerGroup; block < (last + 1) * kBlocksPerGroup; ++block) {
    const ptrdiff_t group = block / kBlocksPerGroup;
    int16_t* coefficients = row.coefficients + group * kGroupLength + block % kBlocksPerGroup * 8;
    InverseDctBlock(coefficients, steps, out, stride);
    for (int32_t i = 0; i < 8; ++i) std::fill_n(coefficients + i * kGroupRowLength, 8, int16_t{0});
    out += 8;
  }
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using namespace idct;  // NOLINT: constants only

/// A vector holds one row each of 1, 2 or 4 blocks, eight lanes a block.
using Rows = hn::CappedTag<int16_t, kGroupRowLength>;
using Wide = hn::RepartitionToWide<Rows>;
using Samples = hn::Rebind<uint8_t, Rows>;
using VRow = hn::Vec<Rows>;
using VWide = hn::Vec<Wide>;

constexpr size_t kLanes = hn::MaxLanes(Rows());
constexpr size_t kBlocks = kLanes / 8;

/// A 32-bit value for each lane of a row: those of each block's lower four columns in one vector,
/// of the upper four in the other.
struct Halves {
  VWide lower, upper;
};

HWY_INLINE Halves Add(const Halves& a, const Halves& b) {
  return {hn::Add(a.lower, b.lower), hn::Add(a.upper, b.upper)};
}

HWY_INLINE Halves Sub(const Halves& a, const Halves& b) {
  return {hn::Sub(a.lower, b.lower), hn::Sub(a.upper, b.upper)};
}

/// Two rows, lane by lane beside each other, as MulPair takes them.
struct Pairs {
  VRow lower, upper;
};

HWY_INLINE Pairs MakePairs(VRow first, VRow second) {
  return {hn::InterleaveLower(Rows(), first, second), hn::InterleaveUpper(Rows(), first, second)};
}

HWY_INLINE VWide MulPairHalf(VRow pairs, VRow factors) {
  const Wide d;
  VWide odd = hn::Zero(d);
  const VWide even = hn::ReorderWidenMulAccumulate(d, pairs, factors, hn::Zero(d), odd);
  return hn::RearrangeToOddPlusEven(even, odd);
}

/// first * a + second * b modulo 2^32.
HWY_INLINE Halves MulPair(const Pairs& pairs, int32_t a, int32_t b) {
  const auto packed = static_cast<uint32_t>(b) << 16 | (static_cast<uint32_t>(a) & 0xFFFF);
  const VRow factors = hn::BitCast(Rows(), hn::Set(Wide(), static_cast<int32_t>(packed)));
  return {MulPairHalf(pairs.lower, factors), MulPairHalf(pairs.upper, factors)};
}

/// row * 2^13.
HWY_INLINE Halves Widen(VRow row) {
  const VRow zero = hn::Zero(Rows());
  const Pairs high = MakePairs(zero, row);
  return {hn::ShiftRight<16 - kConstantBits>(hn::BitCast(Wide(), high.lower)),
          hn::ShiftRight<16 - kConstantBits>(hn::BitCast(Wide(), high.upper))};
}

/// sum / 2^kShift, saturated.
template <int kShift>
HWY_INLINE VRow Narrow(const Halves& sum) {
  return hn::ReorderDemote2To(Rows(), hn::ShiftRight<kShift>(sum.lower),
                              hn::ShiftRight<kShift>(sum.upper));
}

HWY_INLINE Halves AddEach(const Halves& a, int32_t value) {
  const VWide v = hn::Set(Wide(), value);
  return {hn::Add(a.lower, v), hn::Add(a.upper, v)};
}

/// One pass down the columns; rows kRows..7 are zero. Results are rounded to multiples of
/// 2^kRoundBits and divided by 2^kShift.
template <int kRoundBits, int kShift, size_t kRows>
HWY_INLINE void TransformColumns(VRow (&r)[8]) {
  // Braces: GCC would put an implicit constructor of Halves outside this file's instruction set,
  // and NEON's vectors, which have constructors of their own, cannot be inlined there.
  Halves e0{}, e1{}, e2{}, e3{}, o0{}, o1{}, o2{}, o3{};
  if constexpr (kRows == 4) {
    e0 = e1 = Widen(r[0]);
    const Pairs even = MakePairs(r[2], hn::Zero(Rows()));
    e2 = MulPair(even, k0_541, 0);
    e3 = MulPair(even, k0_541 + k0_765, 0);
    // What the full transform below comes to without rows 5 and 7.
    const Pairs odd = MakePairs(r[1], r[3]);
    o0 = MulPair(odd, k1_175 - k0_899, k1_175 - k1_961);
    o1 = MulPair(odd, k1_175 - k0_390, k1_175 - k2_562);
    o2 = MulPair(odd, k1_175, k3_072 - k2_562 + k1_175 - k1_961);
    o3 = MulPair(odd, k1_501 - k0_899 + k1_175 - k0_390, k1_175);
  } else {
    const Pairs even = MakePairs(r[2], r[6]);
    e2 = MulPair(even, k0_541, k0_541 - k1_847);
    e3 = MulPair(even, k0_541 + k0_765, k0_541);
    e0 = Widen(hn::Add(r[0], r[4]));
    e1 = Widen(hn::Sub(r[0], r[4]));
    const Pairs sums = MakePairs(hn::Add(r[3], r[7]), hn::Add(r[1], r[5]));
    const Halves z3 = MulPair(sums, k1_175 - k1_961, k1_175);
    const Halves z4 = MulPair(sums, k1_175, k1_175 - k0_390);
    const Pairs outer = MakePairs(r[7], r[1]);
    const Pairs inner = MakePairs(r[5], r[3]);
    o0 = Add(MulPair(outer, k0_298 - k0_899, -k0_899), z3);
    o1 = Add(MulPair(inner, k2_053 - k2_562, -k2_562), z4);
    o2 = Add(MulPair(inner, -k2_562, k3_072 - k2_562), z3);
    o3 = Add(MulPair(outer, -k0_899, k1_501 - k0_899), z4);
  }
  // Every result contains e0 or e1 once, so rounding can start here.
  e0 = AddEach(e0, 1 << (kRoundBits - 1));
  e1 = AddEach(e1, 1 << (kRoundBits - 1));
  const Halves t10 = Add(e0, e3), t13 = Sub(e0, e3), t11 = Add(e1, e2), t12 = Sub(e1, e2);
  r[0] = Narrow<kShift>(Add(t10, o3));
  r[7] = Narrow<kShift>(Sub(t10, o3));
  r[1] = Narrow<kShift>(Add(t11, o2));
  r[6] = Narrow<kShift>(Sub(t11, o2));
  r[2] = Narrow<kShift>(Add(t12, o1));
  r[5] = Narrow<kShift>(Sub(t12, o1));
  r[3] = Narrow<kShift>(Add(t13, o0));
  r[4] = Narrow<kShift>(Sub(t13, o0));
}

/// Transposes each block. Each of the three rounds is a perfect shuffle of the block's 64 values:
/// it rotates the six bits of (row, column) by one, and after three the halves changed places.
HWY_INLINE void Transpose(VRow (&r)[8]) {
  const Rows d;
  for (int round = 0; round < 3; ++round) {
    VRow t[8];
    for (size_t i = 0; i < 4; ++i) {
      t[2 * i] = hn::InterleaveLower(d, r[i], r[i + 4]);
      t[2 * i + 1] = hn::InterleaveUpper(d, r[i], r[i + 4]);
    }
    for (size_t i = 0; i < 8; ++i) r[i] = t[i];
  }
}

using RowBytes = hn::Repartition<uint8_t, Rows>;
using Words = hn::RepartitionToWide<Rows>;
using Longs = hn::RepartitionToWide<Words>;
using HalfBytes = hn::Half<RowBytes>;

/// The clamped samples of two columns, alternating. Narrow<kPass2Shift - 8> left each sample,
/// saturated to -128..127, in the high byte of its lane.
HWY_INLINE hn::Vec<Words> MergeColumns(VRow even, VRow odd) {
  const hn::RebindToUnsigned<Rows> d;
  const auto low = hn::ShiftRight<8>(hn::BitCast(d, even));
  const auto high = hn::And(hn::BitCast(d, odd), hn::Set(d, 0xFF00));
  return hn::BitCast(Words(), hn::Xor(hn::Or(low, high), hn::Set(d, 0x8080)));
}

/// Stores eight columns of samples as rows.
HWY_INLINE void StoreColumns(const VRow (&c)[8], uint8_t* out, ptrdiff_t stride) {
  const Rows d;
  const auto c01 = hn::BitCast(d, MergeColumns(c[0], c[1]));
  const auto c23 = hn::BitCast(d, MergeColumns(c[2], c[3]));
  const auto c45 = hn::BitCast(d, MergeColumns(c[4], c[5]));
  const auto c67 = hn::BitCast(d, MergeColumns(c[6], c[7]));
  const Words dw;
  const auto top_left = hn::BitCast(dw, hn::InterleaveLower(d, c01, c23));
  const auto top_right = hn::BitCast(dw, hn::InterleaveLower(d, c45, c67));
  const auto bottom_left = hn::BitCast(dw, hn::InterleaveUpper(d, c01, c23));
  const auto bottom_right = hn::BitCast(dw, hn::InterleaveUpper(d, c45, c67));
  const auto store4 = [&](hn::Vec<Words> left, hn::Vec<Words> right, uint8_t* rows) HWY_ATTR {
    // Each block's rows 0 and 1, 2 and 3, eight bytes each.
    const Longs dl;
    const auto r01 = hn::BitCast(dl, hn::InterleaveLower(dw, left, right));
    const auto r23 = hn::BitCast(dl, hn::InterleaveUpper(dw, left, right));
    const auto r02 = hn::BitCast(RowBytes(), hn::ConcatEven(dl, r23, r01));
    const auto r13 = hn::BitCast(RowBytes(), hn::ConcatOdd(dl, r23, r01));
    hn::StoreU(hn::LowerHalf(HalfBytes(), r02), HalfBytes(), rows);
    hn::StoreU(hn::LowerHalf(HalfBytes(), r13), HalfBytes(), rows + stride);
    hn::StoreU(hn::UpperHalf(HalfBytes(), r02), HalfBytes(), rows + 2 * stride);
    hn::StoreU(hn::UpperHalf(HalfBytes(), r13), HalfBytes(), rows + 3 * stride);
  };
  store4(top_left, top_right, out);
  store4(bottom_left, bottom_right, out + 4 * stride);
}

HWY_INLINE VRow Dequantized(const int16_t* coefficients, const DequantizationSteps& steps,
                            size_t row) {
  const Rows d;
  return hn::Mul(hn::Load(d, coefficients + row * kGroupRowLength),
                 hn::LoadDup128(d, steps.step.data() + row * 8));
}

/// Sets the first `rows` rows of blocks to 0.
HWY_INLINE void ClearRows(int16_t* coefficients, size_t rows) {
  const Rows d;
  for (size_t i = 0; i < rows; ++i) {
    hn::Store(hn::Zero(d), d, coefficients + i * kGroupRowLength);
  }
}

/// All blocks have their coefficient 0 alone.
HWY_INLINE void TransformFlat(int16_t* coefficients, const DequantizationSteps& steps, uint8_t* out,
                              ptrdiff_t stride) {
  const Rows d;
  const VRow scaled = hn::ShiftLeft<kPass1Bits>(Dequantized(coefficients, steps, 0));
  ClearRows(coefficients, 1);
  const VRow half = hn::Set(d, 1 << (kPass1Bits + 2));
  const VRow level = hn::ShiftRight<kPass1Bits + 3>(hn::SaturatedAdd(scaled, half));
  HWY_ALIGN static constexpr uint8_t kFirstLane[16] = {0, 1, 0, 1, 0, 1, 0, 1,
                                                       0, 1, 0, 1, 0, 1, 0, 1};
  const auto first = hn::LoadDup128(hn::Repartition<uint8_t, Rows>(), kFirstLane);
  const VRow flat = hn::BitCast(
      d, hn::TableLookupBytes(hn::BitCast(hn::Repartition<uint8_t, Rows>(), level), first));
  const auto samples = hn::DemoteTo(Samples(), hn::Add(flat, hn::Set(d, 128)));
  for (ptrdiff_t i = 0; i < 8; ++i) hn::StoreU(samples, Samples(), out + i * stride);
}

/// Only rows and columns below kSize hold coefficients that may differ from 0.
template <size_t kSize>
HWY_INLINE void TransformBlocks(int16_t* coefficients, const DequantizationSteps& steps,
                                uint8_t* out, ptrdiff_t stride) {
  VRow r[8];
  for (size_t i = 0; i < kSize; ++i) r[i] = Dequantized(coefficients, steps, i);
  const VRow limit = hn::Set(Rows(), kMaxPlainRow0);
  const auto hostile = hn::Or(hn::Lt(limit, r[0]), hn::Lt(r[0], hn::Neg(limit)));
  if (HWY_UNLIKELY(!hn::AllFalse(Rows(), hostile))) {
    for (size_t i = 0; i < kBlocks; ++i) {
      InverseDctBlock(coefficients + i * 8, steps, out + i * 8, stride);
    }
    ClearRows(coefficients, kSize);
    return;
  }
  ClearRows(coefficients, kSize);
  TransformColumns<kPass1Shift, kPass1Shift, kSize>(r);
  Transpose(r);
  TransformColumns<kPass2Shift, kPass2Shift - 8, kSize>(r);
  StoreColumns(r, out, stride);
}

/// Zig-zag indices below this lie in the first four rows and columns.
constexpr uint32_t kCornerLength = 10;

void InverseDctRow(const BlockRow& row, int32_t first, int32_t last,
                   const DequantizationSteps& steps, uint8_t* out, ptrdiff_t stride) {
  const size_t end = static_cast<size_t>(last + 1) * kBlocksPerGroup;
  for (size_t block = static_cast<size_t>(first) * kBlocksPerGroup; block < end; block += kBlocks) {
    int16_t* coefficients = row.coefficients + block / kBlocksPerGroup * size_t{kGroupLength} +
                            block % kBlocksPerGroup * 8;
    uint32_t length = 0;
    for (size_t i = 0; i < kBlocks; ++i) {
      length = std::max<uint32_t>(length, row.last[block + i]);
    }
    if (length == 0) {
      TransformFlat(coefficients, steps, out, stride);
    } else if (length < kCornerLength) {
      TransformBlocks<4>(coefficients, steps, out, stride);
    } else {
      TransformBlocks<8>(coefficients, steps, out, stride);
    }
    out += kLanes;
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {

HWY_EXPORT(InverseDctRow);

void InverseDct(const BlockRow& row, int32_t first, int32_t last, const DequantizationSteps& steps,
                uint8_t* out, ptrdiff_t stride) {
  HWY_DYNAMIC_DISPATCH(InverseDctRow)(row, first, last, steps, out, stride);
}

}  // namespace fastinet
#endif  // HWY_ONCE
