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

using Samples = hn::CappedTag<uint8_t, 64>;
using Values = hn::RebindToSigned<hn::RepartitionToWide<Samples> >;
using Wide = hn::RepartitionToWide<Values>;
using VSample = hn::Vec<Samples>;
using VValue = hn::Vec<Values>;
using VWide = hn::Vec<Wide>;

constexpr size_t kLanes = hn::MaxLanes(Samples());
static_assert(kLanes <= kRowPadding);

/// A 16-bit value for each sample of a vector: of the lower and the upper half of each 128 bits.
struct Halves {
  VValue lower, upper;
};

HWY_INLINE Halves LoadSamples(const uint8_t* samples) {
  const Samples d;
  const VSample loaded = hn::LoadU(d, samples);
  return {hn::BitCast(Values(), hn::InterleaveLower(d, loaded, hn::Zero(d))),
          hn::BitCast(Values(), hn::InterleaveUpper(d, loaded, hn::Zero(d)))};
}

/// Samples around 128, as values around 0.
HWY_INLINE Halves LoadCentred(const uint8_t* samples) {
  const Halves values = LoadSamples(samples);
  const VValue centre = hn::Set(Values(), 128);
  return {hn::Sub(values.lower, centre), hn::Sub(values.upper, centre)};
}

/// Clamps to 0..255, and takes back what LoadSamples did to the order.
HWY_INLINE VSample Narrow(VValue lower, VValue upper) {
#if HWY_TARGET == HWY_AVX3
  return VSample{_mm512_packus_epi16(lower.raw, upper.raw)};
#elif HWY_TARGET == HWY_AVX2
  return VSample{_mm256_packus_epi16(lower.raw, upper.raw)};
#elif HWY_TARGET == HWY_SSE4
  return VSample{_mm_packus_epi16(lower.raw, upper.raw)};
#else
  static_assert(kLanes == 16);  // one block of 128 bits, so that its halves are the vector's
  const hn::Half<Samples> half;
  return hn::Combine(Samples(), hn::DemoteTo(half, upper), hn::DemoteTo(half, lower));
#endif
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

struct Pixels {
  VValue red, green, blue;
};

HWY_INLINE Pixels Convert(VValue y, VValue cb, VValue cr) {
  const Values d;
  constexpr uint32_t kGreenPair =
      uint32_t{static_cast<uint16_t>(-k0_344)} | uint32_t{static_cast<uint16_t>(k0_286)} << 16;
  const VValue green_factors = hn::BitCast(d, hn::Set(Wide(), static_cast<int32_t>(kGreenPair)));
  const VValue green_part =
      hn::ReorderDemote2To(d, MulPair(hn::InterleaveLower(d, cb, cr), green_factors),
                           MulPair(hn::InterleaveUpper(d, cb, cr), green_factors));
  // Rounded products in 15 fractional bits. Half of an odd factor is no whole number; but what the
  // odd bit changes, 1/512 at most, changes the rounding of none of the 256 values.
  const VValue red_part = hn::MulFixedPoint15(cr, hn::Set(d, (k0_402 + 1) / 2));
  const VValue blue_part = hn::MulFixedPoint15(cb, hn::Set(d, -k0_228 / 2));
  return {.red = hn::Add(hn::Add(y, cr), red_part),
          .green = hn::Add(hn::Sub(y, cr), green_part),
          .blue = hn::Add(hn::Add(y, hn::Add(cb, cb)), blue_part)};
}

void ConvertRow(const std::array<const uint8_t*, 3>& ycc, size_t width,
                const std::array<uint8_t*, 3>& rgb) {
  const Samples d;
  for (size_t x = 0; x < width; x += kLanes) {
    const Halves y = LoadSamples(ycc[0] + x);
    const Halves cb = LoadCentred(ycc[1] + x);
    const Halves cr = LoadCentred(ycc[2] + x);
    const Pixels lower = Convert(y.lower, cb.lower, cr.lower);
    const Pixels upper = Convert(y.upper, cb.upper, cr.upper);
    hn::StoreU(Narrow(lower.red, upper.red), d, rgb[0] + x);
    hn::StoreU(Narrow(lower.green, upper.green), d, rgb[1] + x);
    hn::StoreU(Narrow(lower.blue, upper.blue), d, rgb[2] + x);
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
