#include "blur/kernels.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "blur/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::CappedTag<uint16_t, 32>;
using WordBytes = hn::Rebind<uint8_t, Words>;

HWY_INLINE hn::Vec<Words> LoadWords(const uint8_t* from) {
  return hn::PromoteTo(Words(), hn::LoadU(WordBytes(), from));
}

void SmoothLine(const uint8_t* above, const uint8_t* line, const uint8_t* below, size_t count,
                uint8_t* out) {
  const Words d;
  for (size_t x = 0; x < count; x += hn::Lanes(d)) {
    auto sum = hn::Set(d, 6);
    for (const uint8_t* row : {above, line, below}) {
      for (size_t i = 0; i < 3; ++i) sum = hn::Add(sum, LoadWords(row + x + i));
    }
    sum = hn::Add(sum, hn::ShiftLeft<2>(LoadWords(line + x + 1)));
    // A thirteenth of at most 13 * 255 + 6: 5042 is 2^16 / 13, rounded up by 0.77, which at 3321
    // makes 0.04 of one, less than the thirteenth that it would take.
    const auto mean = hn::BitCast(hn::Rebind<int16_t, Words>(), hn::MulHigh(sum, hn::Set(d, 5042)));
    hn::StoreU(hn::DemoteTo(WordBytes(), mean), WordBytes(), out + x);
  }
}

using Quads = hn::CappedTag<uint32_t, 16>;
using QuadBytes = hn::Rebind<uint8_t, Quads>;

template <int32_t kRadius>
HWY_INLINE void BlurLineOf(const uint8_t* const* taps, const BoxWeights& weights, size_t count,
                           uint8_t* out) {
  const Quads d;
  const auto load = [&](const uint8_t* from) {
    return hn::PromoteTo(d, hn::LoadU(QuadBytes(), from));
  };
  const auto inner = hn::Set(d, weights.inner), edge = hn::Set(d, weights.edge);
  const auto half = hn::Set(d, uint32_t{1} << 23);
  for (size_t x = 0; x < count; x += hn::Lanes(d)) {
    auto sum = load(taps[1] + x);
    for (int32_t i = 2; i <= 2 * kRadius + 1; ++i) sum = hn::Add(sum, load(taps[i] + x));
    const auto ends = hn::Add(load(taps[0] + x), load(taps[2 * kRadius + 2] + x));
    const auto all = hn::Add(hn::Add(hn::Mul(sum, inner), hn::Mul(ends, edge)), half);
    hn::StoreU(hn::TruncateTo(QuadBytes(), hn::ShiftRight<24>(all)), QuadBytes(), out + x);
  }
}

/// Of three pixels, in words of 16 bits.
void BlurLineShort(const uint8_t* const* taps, const BoxWeights& weights, size_t count,
                   uint8_t* out) {
  const hn::RebindToSigned<Words> d;
  const auto load = [&](const uint8_t* from) { return hn::BitCast(d, LoadWords(from)); };
  const auto factor = hn::Set(d, weights.short_factor), addend = hn::Set(d, weights.short_addend);
  for (size_t x = 0; x < count; x += hn::Lanes(d)) {
    const auto pixel = load(taps[1] + x);
    const auto ends = hn::Add(load(taps[0] + x), load(taps[2] + x));
    const auto difference = hn::Sub(ends, hn::Add(pixel, pixel));
    const auto part = hn::Add(hn::MulHigh(hn::ShiftLeft<6>(difference), factor), addend);
    const auto sum = hn::Add(pixel, hn::ShiftRightSame(part, weights.short_shift));
    hn::StoreU(hn::DemoteTo(WordBytes(), sum), WordBytes(), out + x);
  }
}

void BlurLine(const uint8_t* const* taps, const BoxWeights& weights, size_t count, uint8_t* out) {
  static_assert(kMostLineRadius == 2);
  if (weights.short_shift > 0) return BlurLineShort(taps, weights, count, out);
  switch (weights.radius) {
    case 0:
      return BlurLineOf<0>(taps, weights, count, out);
    case 1:
      return BlurLineOf<1>(taps, weights, count, out);
    default:
      return BlurLineOf<2>(taps, weights, count, out);
  }
}

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<int32_t, Floats>;
using FloatBytes = hn::Rebind<uint8_t, Floats>;

void WeighFloats(const float* const* taps, const float* weights, size_t tap_count, size_t count,
                 float* out) {
  // Several sums at once, since each addition waits for the one before it.
  const Floats d;
  constexpr size_t kSums = 4;
  static_assert(kSums * hn::MaxLanes(Floats()) <= kBlurPadding);
  const size_t lanes = hn::Lanes(d);
  for (size_t x = 0; x < count; x += kSums * lanes) {
    hn::Vec<Floats> sums[kSums];
    for (auto& sum : sums) sum = hn::Zero(d);
    for (size_t i = 0; i < tap_count; ++i) {
      const auto weight = hn::Set(d, weights[i]);
      for (size_t s = 0; s < kSums; ++s) {
        sums[s] = hn::Add(sums[s], hn::Mul(weight, hn::LoadU(d, taps[i] + x + s * lanes)));
      }
    }
    for (size_t s = 0; s < kSums; ++s) hn::StoreU(sums[s], d, out + x + s * lanes);
  }
}

void ToFloats(const uint8_t* values, size_t count, float* out) {
  const Floats d;
  for (size_t x = 0; x < count; x += hn::Lanes(d)) {
    const auto whole = hn::PromoteTo(Ints(), hn::LoadU(FloatBytes(), values + x));
    hn::StoreU(hn::ConvertTo(d, whole), d, out + x);
  }
}

void ToValues(const float* floats, size_t count, uint8_t* out) {
  const Floats d;
  for (size_t x = 0; x < count; x += hn::Lanes(d)) {
    // Saturates: what is below 0 or above 255.
    const auto nearest = hn::NearestInt(hn::LoadU(d, floats + x));
    hn::StoreU(hn::DemoteTo(FloatBytes(), nearest), FloatBytes(), out + x);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(SmoothLine);
HWY_EXPORT(BlurLine);
HWY_EXPORT(WeighFloats);
HWY_EXPORT(ToFloats);
HWY_EXPORT(ToValues);

}  // namespace

void SmoothLine(const uint8_t* above, const uint8_t* line, const uint8_t* below, size_t count,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(SmoothLine)(above, line, below, count, out);
}

void BlurLine(std::span<const uint8_t* const> taps, const BoxWeights& weights, size_t count,
              uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(BlurLine)(taps.data(), weights, count, out);
}

void WeighFloats(std::span<const float* const> taps, std::span<const float> weights, size_t count,
                 float* out) {
  HWY_DYNAMIC_DISPATCH(WeighFloats)
  (taps.data(), weights.data(), std::min(taps.size(), weights.size()), count, out);
}

void ToFloats(const uint8_t* values, size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(ToFloats)(values, count, out);
}

void ToValues(const float* floats, size_t count, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(ToValues)(floats, count, out);
}

}  // namespace fastinet
#endif  // HWY_ONCE
