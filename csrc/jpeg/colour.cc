#include "jpeg/colour.h"

#include "base/simd_targets.h"
#include "jpeg/upsample.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "jpeg/colour.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// With Cb and Cr centred on 0, libjpeg computes, in 16 fractional bits and rounding to nearest,
//   R = Y + 1.402 Cr,  G = Y - 0.344136286 Cb - 0.714136286 Cr,  B = Y + 1.772 Cb.
// Factors beyond 1/2 do not fit 16 signed bits; so, with every rest exact,
//   1.402 = 1 + 0.402,  -0.714136286 = 0.285863714 - 1,  1.772 = 2 - 0.228.
constexpr int16_t k0_402 = 26345;
constexpr int16_t k0_344 = 22554;
constexpr int16_t k0_286 = 18734;
constexpr int16_t k0_228 = 14942;

#if HWY_TARGET == HWY_SCALAR  // the baseline, where vectors have one lane

uint8_t Clamp(int32_t value) {
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void ConvertRow(const std::array<const uint8_t*, 3>& ycc, size_t width,
                const std::array<uint8_t*, 3>& rgb) {
  constexpr int32_t kHalf = 1 << 15;
  for (size_t x = 0; x < width; ++x) {
    const int32_t y = ycc[0][x], cb = ycc[1][x] - 128, cr = ycc[2][x] - 128;
    rgb[0][x] = Clamp(y + cr + ((k0_402 * cr + kHalf) >> 16));
    rgb[1][x] = Clamp(y - cr + ((k0_286 * cr - k0_344 * cb + kHalf) >> 16));
    rgb[2][x] = Clamp(y + 2 * cb + ((-k0_228 * cb + kHalf) >> 16));
  }
}

#else

using Values = hn::CappedTag<int16_t, 32>;
using Wide = hn::RepartitionToWide<Values>;
using Samples = hn::Rebind<uint8_t, Values>;
using VValue = hn::Vec<Values>;
using VWide = hn::Vec<Wide>;

constexpr size_t kLanes = hn::MaxLanes(Values());
static_assert(kLanes <= kRowPadding);

HWY_INLINE VValue LoadSamples(const uint8_t* samples) {
  return hn::PromoteTo(Values(), hn::LoadU(Samples(), samples));
}

HWY_INLINE void StoreSamples(VValue values, uint8_t* samples) {
  hn::StoreU(hn::DemoteTo(Samples(), values), Samples(), samples);
}

/// v * factor / 2^16, rounded to nearest: one bit more than the high product has, then halved.
HWY_INLINE VValue MulRounded(VValue v, int16_t factor) {
  const Values d;
  const VValue twice = hn::MulHigh(hn::Add(v, v), hn::Set(d, factor));
  return hn::ShiftRight<1>(hn::Add(twice, hn::Set(d, 1)));
}

/// The sum of each pair's products / 2^16, rounded to nearest.
HWY_INLINE VWide MulPair(VValue pairs, VValue factors) {
  const Wide d;
  VWide odd = hn::Zero(d);
  const VWide even = hn::ReorderWidenMulAccumulate(d, pairs, factors, hn::Zero(d), odd);
  // The half is added last: which products meet in a lane before they are rearranged, and so how
  // often a start value would count, differs between instruction sets.
  const VWide sums = hn::RearrangeToOddPlusEven(even, odd);
  return hn::ShiftRight<16>(hn::Add(sums, hn::Set(d, 1 << 15)));
}

void ConvertRow(const std::array<const uint8_t*, 3>& ycc, size_t width,
                const std::array<uint8_t*, 3>& rgb) {
  const Values d;
  const VValue centre = hn::Set(d, 128);
  constexpr uint32_t kGreenPair =
      uint32_t{static_cast<uint16_t>(-k0_344)} | uint32_t{static_cast<uint16_t>(k0_286)} << 16;
  const VValue green_factors = hn::BitCast(d, hn::Set(Wide(), static_cast<int32_t>(kGreenPair)));
  for (size_t x = 0; x < width; x += kLanes) {
    const VValue y = LoadSamples(ycc[0] + x);
    const VValue cb = hn::Sub(LoadSamples(ycc[1] + x), centre);
    const VValue cr = hn::Sub(LoadSamples(ycc[2] + x), centre);
    const VValue red = hn::Add(hn::Add(y, cr), MulRounded(cr, k0_402));
    const VValue blue = hn::Add(hn::Add(y, hn::Add(cb, cb)), MulRounded(cb, -k0_228));
    const VValue green_part =
        hn::ReorderDemote2To(d, MulPair(hn::InterleaveLower(d, cb, cr), green_factors),
                             MulPair(hn::InterleaveUpper(d, cb, cr), green_factors));
    const VValue green = hn::Add(hn::Sub(y, cr), green_part);
    StoreSamples(red, rgb[0] + x);
    StoreSamples(green, rgb[1] + x);
    StoreSamples(blue, rgb[2] + x);
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {

HWY_EXPORT(ConvertRow);

void ConvertYCbCrRow(const std::array<const uint8_t*, 3>& ycc, size_t width,
                     const std::array<uint8_t*, 3>& rgb) {
  HWY_DYNAMIC_DISPATCH(ConvertRow)(ycc, width, rgb);
}

}  // namespace fastinet
#endif  // HWY_ONCE
