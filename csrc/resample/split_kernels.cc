#include "resample/split_kernels.h"

#include <cstring>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "resample/split_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

constexpr int kLowBits = 16;
constexpr int kLeftBits = kWeightBits - kLowBits;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
#define FASTINET_HAS_SPLIT_KERNELS 1

namespace hn = hwy::HWY_NAMESPACE;

// Vectors of 32 bytes also where there are longer ones: the windows' are halves, one for each row.
using Bytes = hn::CappedTag<uint8_t, 32>;
using Words = hn::Repartition<int16_t, Bytes>;
using Sums = hn::Repartition<int32_t, Bytes>;
using ByteVec = hn::Vec<Bytes>;
using WordVec = hn::Vec<Words>;
using SumVec = hn::Vec<Sums>;
constexpr size_t kBytes = hn::MaxLanes(Bytes());
constexpr size_t kHalves = kBytes / 16;

#if HWY_TARGET <= HWY_AVX2
#define FASTINET_X86(name) _mm256_##name
#else
#define FASTINET_X86(name) _mm_##name
#endif

// What Highway has no names for. All of it stays within halves of 16 bytes.

/// low[2 * i] * words[2 * i] + low[2 * i + 1] * words[2 * i + 1].
HWY_INLINE SumVec MulAddPairs(WordVec a, WordVec b) {
  return SumVec{FASTINET_X86(madd_epi16)(a.raw, b.raw)};
}
/// The same of pixels and signed bytes; the sums have to fit in 16 bits.
HWY_INLINE WordVec MulAddBytes(ByteVec pixels, ByteVec weights) {
  return WordVec{FASTINET_X86(maddubs_epi16)(pixels.raw, weights.raw)};
}
/// Sums that fit in words, clamped, and words to pixels, clamped: all of `a` before all of `b`.
HWY_INLINE WordVec Pack(SumVec a, SumVec b) {
  return WordVec{FASTINET_X86(packs_epi32)(a.raw, b.raw)};
}
HWY_INLINE ByteVec Pack(WordVec a, WordVec b) {
  return ByteVec{FASTINET_X86(packus_epi16)(a.raw, b.raw)};
}
#undef FASTINET_X86

constexpr int32_t kHalf = 1 << (kLeftBits - 1);

/// Eight or sixteen sums of which the low parts are halves, rounded.
HWY_INLINE WordVec Rounded(WordVec high, SumVec low0, SumVec low1) {
  const auto carry = Pack(hn::ShiftRight<kLowBits>(low0), hn::ShiftRight<kLowBits>(low1));
  return hn::ShiftRight<kLeftBits>(hn::Add(hn::Add(high, carry), hn::Set(Words(), kHalf)));
}

// ---------------------------------------------------------------------------------------------
// Horizontal
// ---------------------------------------------------------------------------------------------

/// Sixteen bytes of `rows[0]` and, where vectors have two halves, of `rows[1]`.
HWY_INLINE ByteVec LoadRows(const uint8_t* const* rows, ptrdiff_t at) {
#if HWY_TARGET <= HWY_AVX2
  const hn::Half<Bytes> half;
  return hn::Combine(Bytes(), hn::LoadU(half, rows[1] + at), hn::LoadU(half, rows[0] + at));
#else
  return hn::LoadU(Bytes(), rows[0] + at);
#endif
}

/// The pixels of eight outputs' pairs in each half.
template <bool kIsWhole>
HWY_INLINE ByteVec Fetch(const uint8_t* const* rows, const WindowedWeights::Bases& bases,
                         const uint8_t* index) {
  if constexpr (kIsWhole) {
    return hn::TableLookupBytesOr0(LoadRows(rows, bases[0]), hn::LoadDup128(Bytes(), index));
  }
  const hn::Repartition<uint64_t, Bytes> eights;
  // What is 128 or more fetches a zero.
  const auto nothing = hn::Set(Bytes(), 0x80);
  const auto both = hn::LoadDup128(Bytes(), index);
  const auto lower =
      hn::InterleaveLower(eights, hn::BitCast(eights, both), hn::BitCast(eights, nothing));
  const auto upper =
      hn::InterleaveUpper(eights, hn::BitCast(eights, nothing), hn::BitCast(eights, both));
  return hn::Or(hn::TableLookupBytesOr0(LoadRows(rows, bases[0]), hn::BitCast(Bytes(), lower)),
                hn::TableLookupBytesOr0(LoadRows(rows, bases[1]), hn::BitCast(Bytes(), upper)));
}

constexpr size_t kRowVecs = kWindowRows / kHalves;

/// The sums of eight outputs in four rows, of which each half of a vector has one.
struct WindowSums {
  WordVec high[kRowVecs];
  SumVec low[kRowVecs][2];
};

template <bool kIsWhole>
HWY_INLINE WindowSums MulWindow(const uint8_t* const* rows, const WindowedWeights::Bases& bases,
                                const PairWindow& window) {
  const auto high =
      hn::BitCast(Bytes(), hn::LoadDup128(hn::Repartition<int8_t, Bytes>(), window.high));
  const auto low0 = hn::LoadDup128(Words(), window.low);
  const auto low1 = hn::LoadDup128(Words(), window.low + 8);
  const auto zero = hn::Zero(Bytes());
  WindowSums sums;
  for (size_t r = 0; r < kRowVecs; ++r) {
    const auto pairs = Fetch<kIsWhole>(rows + r * kHalves, bases, window.index);
    const auto first = hn::BitCast(Words(), hn::InterleaveLower(Bytes(), pairs, zero));
    const auto second = hn::BitCast(Words(), hn::InterleaveUpper(Bytes(), pairs, zero));
    sums.high[r] = MulAddBytes(pairs, high);
    sums.low[r][0] = MulAddPairs(first, low0);
    sums.low[r][1] = MulAddPairs(second, low1);
  }
  return sums;
}

/// Makes eight outputs of four rows, as words. `kWindows` is 0 for any number of them.
template <size_t kWindows, bool kIsWhole>
HWY_INLINE void MakeEight(const uint8_t* const* rows, const PairWindow* window,
                          const WindowedWeights::Bases* bases, size_t windows,
                          WordVec (&out)[kRowVecs]) {
  WindowSums sums = MulWindow<kIsWhole>(rows, bases[0], window[0]);
  for (size_t w = 1; w < (kWindows > 0 ? kWindows : windows); ++w) {
    const WindowSums more = MulWindow<kIsWhole>(rows, bases[w], window[w]);
    for (size_t r = 0; r < kRowVecs; ++r) {
      sums.high[r] = hn::Add(sums.high[r], more.high[r]);
      sums.low[r][0] = hn::Add(sums.low[r][0], more.low[r][0]);
      sums.low[r][1] = hn::Add(sums.low[r][1], more.low[r][1]);
    }
  }
  for (size_t r = 0; r < kRowVecs; ++r) {
    out[r] = Rounded(sums.high[r], sums.low[r][0], sums.low[r][1]);
  }
}

/// Stores the two halves of `pixels`, or the only one, in rows of their own.
HWY_INLINE void StoreRows(ByteVec pixels, uint8_t* const* out, size_t x) {
#if HWY_TARGET <= HWY_AVX2
  const hn::Half<Bytes> half;
  hn::StoreU(hn::LowerHalf(half, pixels), half, out[0] + x);
  hn::StoreU(hn::UpperHalf(half, pixels), half, out[1] + x);
#else
  hn::StoreU(pixels, Bytes(), out[0] + x);
#endif
}

template <size_t kWindows, bool kIsWhole>
HWY_INLINE void ResampleFourRows(const uint8_t* const* rows, const WindowedWeights& weights,
                                 uint8_t* const* out) {
  const auto windows = kWindows > 0 ? kWindows : static_cast<size_t>(weights.windows());
  const auto outputs = static_cast<size_t>(weights.outputs());
  const PairWindow* window = weights.data();
  const WindowedWeights::Bases* bases = weights.bases();
  const uint8_t* row[kWindowRows] = {rows[0], rows[1], rows[2], rows[3]};
  uint8_t* to[kWindowRows] = {out[0], out[1], out[2], out[3]};
  for (size_t x = 0; x < outputs; x += kBlockOutputs) {
    WordVec first[kRowVecs], second[kRowVecs];
    MakeEight<kWindows, kIsWhole>(row, window, bases, windows, first);
    MakeEight<kWindows, kIsWhole>(row, window + windows, bases + windows, windows, second);
    window += 2 * windows;
    bases += 2 * windows;
    for (size_t r = 0; r < kRowVecs; ++r) {
      StoreRows(Pack(first[r], second[r]), to + r * kHalves, x);
    }
  }
}

void ResampleWindows(const uint8_t* const* rows, int32_t count, const WindowedWeights& weights,
                     uint8_t* const* out) {
  for (int32_t i = 0; i < count; i += kWindowRows) {
    if (!weights.is_whole()) {
      ResampleFourRows<0, false>(rows + i, weights, out + i);
    } else if (weights.windows() == 1) {
      ResampleFourRows<1, true>(rows + i, weights, out + i);
    } else if (weights.windows() == 2) {
      ResampleFourRows<2, true>(rows + i, weights, out + i);
    } else {
      ResampleFourRows<0, true>(rows + i, weights, out + i);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Vertical
// ---------------------------------------------------------------------------------------------

/// A pair of taps, its parts repeated over vectors.
struct PairVecs {
  explicit PairVecs(const TapPair& pair) {
    int32_t low_bits;
    int16_t high_bits;
    std::memcpy(&low_bits, pair.low, sizeof(low_bits));
    std::memcpy(&high_bits, pair.high, sizeof(high_bits));
    low = hn::BitCast(Words(), hn::Set(Sums(), low_bits));
    high = hn::BitCast(Bytes(), hn::Set(Words(), high_bits));
  }
  WordVec low;
  ByteVec high;
};

/// The sums of two rows' pixels, as unpacking brings them about.
struct PairSums {
  WordVec high[2];
  SumVec low[4];
};

HWY_INLINE PairSums MulPair(const uint8_t* const* rows, size_t x, const PairVecs& weights) {
  const Bytes d;
  const auto a = hn::LoadU(d, rows[0] + x);
  const auto b = hn::LoadU(d, rows[1] + x);
  PairSums sums;
  const ByteVec both[2] = {hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)};
  for (size_t i = 0; i < 2; ++i) {
    sums.high[i] = MulAddBytes(both[i], weights.high);
    const auto first = hn::InterleaveLower(d, both[i], hn::Zero(d));
    const auto second = hn::InterleaveUpper(d, both[i], hn::Zero(d));
    sums.low[2 * i] = MulAddPairs(hn::BitCast(Words(), first), weights.low);
    sums.low[2 * i + 1] = MulAddPairs(hn::BitCast(Words(), second), weights.low);
  }
  return sums;
}

HWY_INLINE void Accumulate(const PairSums& more, PairSums* sums) {
  for (size_t i = 0; i < 2; ++i) sums->high[i] = hn::Add(sums->high[i], more.high[i]);
  for (size_t i = 0; i < 4; ++i) sums->low[i] = hn::Add(sums->low[i], more.low[i]);
}

HWY_INLINE void StoreRounded(const PairSums& sums, uint8_t* out) {
  WordVec rounded[2];
  for (size_t i = 0; i < 2; ++i) {
    rounded[i] = Rounded(sums.high[i], sums.low[2 * i], sums.low[2 * i + 1]);
  }
  hn::StoreU(Pack(rounded[0], rounded[1]), Bytes(), out);
}

/// One, two or three pairs: their weights stay in registers.
template <size_t kPairs>
HWY_INLINE void ResampleFewPairs(const uint8_t* const* rows, const TapPair* pairs, size_t width,
                                 uint8_t* out) {
  const PairVecs first(pairs[0]), second(pairs[kPairs > 1]), third(pairs[kPairs > 2 ? 2 : 0]);
  const uint8_t* row[2 * kPairs];
  for (size_t k = 0; k < 2 * kPairs; ++k) row[k] = rows[k];
  for (size_t x = 0; x < width; x += kBytes) {
    PairSums sums = MulPair(row, x, first);
    if constexpr (kPairs > 1) Accumulate(MulPair(row + 2, x, second), &sums);
    if constexpr (kPairs > 2) Accumulate(MulPair(row + 4, x, third), &sums);
    StoreRounded(sums, out + x);
  }
}

void ResamplePairs(const uint8_t* const* rows, std::span<const TapPair> pairs, size_t width,
                   uint8_t* out) {
  if (pairs.size() == 1) return ResampleFewPairs<1>(rows, pairs.data(), width, out);
  if (pairs.size() == 2) return ResampleFewPairs<2>(rows, pairs.data(), width, out);
  if (pairs.size() == 3) return ResampleFewPairs<3>(rows, pairs.data(), width, out);
  for (size_t x = 0; x < width; x += kBytes) {
    PairSums sums = MulPair(rows, x, PairVecs(pairs[0]));
    for (size_t k = 1; k < pairs.size(); ++k) {
      Accumulate(MulPair(rows + 2 * k, x, PairVecs(pairs[k])), &sums);
    }
    StoreRounded(sums, out + x);
  }
}

#elif HWY_ARCH_ARM_A64 && HWY_TARGET != HWY_SCALAR
#define FASTINET_HAS_SPLIT_KERNELS 1

// Here a product is added to a sum in one instruction, and longer than its factors: taps are
// multiplied one by one, and pairs only fetched together.

/// The sums of eight outputs.
struct Sums {
  int16x8_t high;
  int32x4_t low[2];
};

HWY_INLINE Sums Zero() { return {vdupq_n_s16(0), {vdupq_n_s32(0), vdupq_n_s32(0)}}; }

HWY_INLINE void MulAdd(int16x8_t pixels, int16x8_t high, int16x8_t low, Sums* sums) {
  sums->high = vmlaq_s16(sums->high, pixels, high);
  sums->low[0] = vmlal_s16(sums->low[0], vget_low_s16(pixels), vget_low_s16(low));
  sums->low[1] = vmlal_high_s16(sums->low[1], pixels, low);
}

HWY_INLINE uint8x8_t Rounded(const Sums& sums) {
  const int16x8_t carry =
      vshrn_high_n_s32(vshrn_n_s32(sums.low[0], kLowBits), sums.low[1], kLowBits);
  return vqrshrun_n_s16(vaddq_s16(sums.high, carry), kLeftBits);
}

/// Makes eight outputs of four rows, of each a half of a vector of pixels.
HWY_INLINE void MakeEight(const uint8_t* const* rows, const PairWindow* window,
                          const WindowedWeights::Bases* bases, size_t windows, bool is_whole,
                          uint8x8_t (&out)[kWindowRows]) {
  Sums sums[kWindowRows] = {Zero(), Zero(), Zero(), Zero()};
  for (size_t w = 0; w < windows; ++w) {
    const uint8x16_t index = vld1q_u8(window[w].index);
    const int16x8x2_t low = vld2q_s16(window[w].low);
    const int16x8_t high = vreinterpretq_s16_s8(vld1q_s8(window[w].high));
    const int16x8_t high0 = vshrq_n_s16(vshlq_n_s16(high, 8), 8), high1 = vshrq_n_s16(high, 8);
    for (size_t r = 0; r < kWindowRows; ++r) {
      const uint8x16_t lower = vld1q_u8(rows[r] + bases[w][0]);
      uint8x16_t pairs = vqtbl1q_u8(lower, index);
      if (!is_whole) {
        const uint8x16_t upper = vld1q_u8(rows[r] + bases[w][1]);
        pairs = vcombine_u8(vget_low_u8(pairs), vqtbl1_u8(upper, vget_high_u8(index)));
      }
      const uint16x8_t words = vreinterpretq_u16_u8(pairs);
      MulAdd(vreinterpretq_s16_u16(vandq_u16(words, vdupq_n_u16(0x00FF))), high0, low.val[0],
             &sums[r]);
      MulAdd(vreinterpretq_s16_u16(vshrq_n_u16(words, 8)), high1, low.val[1], &sums[r]);
    }
  }
  for (size_t r = 0; r < kWindowRows; ++r) out[r] = Rounded(sums[r]);
}

void ResampleWindows(const uint8_t* const* rows, int32_t count, const WindowedWeights& weights,
                     uint8_t* const* out) {
  const auto windows = static_cast<size_t>(weights.windows());
  const auto outputs = static_cast<size_t>(weights.outputs());
  for (int32_t i = 0; i < count; i += kWindowRows) {
    const PairWindow* window = weights.data();
    const WindowedWeights::Bases* bases = weights.bases();
    for (size_t x = 0; x < outputs; x += kBlockOutputs) {
      uint8x8_t first[kWindowRows], second[kWindowRows];
      MakeEight(rows + i, window, bases, windows, weights.is_whole(), first);
      MakeEight(rows + i, window + windows, bases + windows, windows, weights.is_whole(), second);
      window += 2 * windows;
      bases += 2 * windows;
      for (size_t r = 0; r < kWindowRows; ++r) {
        vst1q_u8(out[i + static_cast<int32_t>(r)] + x, vcombine_u8(first[r], second[r]));
      }
    }
  }
}

void ResamplePairs(const uint8_t* const* rows, std::span<const TapPair> pairs, size_t width,
                   uint8_t* out) {
  for (size_t x = 0; x < width; x += 16) {
    Sums sums[2] = {Zero(), Zero()};
    for (size_t k = 0; k < pairs.size(); ++k) {
      for (size_t t = 0; t < 2; ++t) {
        const uint8x16_t pixels = vld1q_u8(rows[2 * k + t] + x);
        const int16x8_t high = vdupq_n_s16(pairs[k].high[t]);
        const int16x8_t low = vdupq_n_s16(pairs[k].low[t]);
        MulAdd(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(pixels))), high, low, &sums[0]);
        MulAdd(vreinterpretq_s16_u16(vmovl_high_u8(pixels)), high, low, &sums[1]);
      }
    }
    vst1q_u8(out + x, vcombine_u8(Rounded(sums[0]), Rounded(sums[1])));
  }
}

#else
#define FASTINET_HAS_SPLIT_KERNELS 0
void ResampleWindows(const uint8_t* const* /*rows*/, int32_t /*count*/,
                     const WindowedWeights& /*weights*/, uint8_t* const* /*out*/) {}
void ResamplePairs(const uint8_t* const* /*rows*/, std::span<const TapPair> /*pairs*/,
                   size_t /*width*/, uint8_t* /*out*/) {}
#endif

bool HasSplitKernels() { return FASTINET_HAS_SPLIT_KERNELS != 0; }
#undef FASTINET_HAS_SPLIT_KERNELS

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(HasSplitKernels);
HWY_EXPORT(ResampleWindows);
HWY_EXPORT(ResamplePairs);

}  // namespace

bool HasSplitKernels() { return HWY_DYNAMIC_DISPATCH(HasSplitKernels)(); }

void ResampleWindows(const uint8_t* const* rows, int32_t count, const WindowedWeights& weights,
                     uint8_t* const* out) {
  HWY_DYNAMIC_DISPATCH(ResampleWindows)(rows, count, weights, out);
}

void ResamplePairs(const uint8_t* const* rows, std::span<const TapPair> pairs, size_t width,
                   uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(ResamplePairs)(rows, pairs, width, out);
}

}  // namespace fastinet
#endif  // HWY_ONCE
