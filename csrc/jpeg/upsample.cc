#include "jpeg/upsample.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "jpeg/upsample.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Sums = hn::CappedTag<uint16_t, 32>;
using Samples = hn::Rebind<uint8_t, Sums>;
using VSum = hn::Vec<Sums>;

constexpr size_t kLanes = hn::MaxLanes(Sums());
static_assert(2 * kLanes <= kRowPadding);

HWY_INLINE VSum LoadSamples(const uint8_t* samples) {
  return hn::PromoteTo(Sums(), hn::LoadU(Samples(), samples));
}

HWY_INLINE VSum Triple(VSum v) { return hn::Add(v, hn::Add(v, v)); }

/// Stores left[0], right[0], left[1], right[1], ...; all values are below 256.
HWY_INLINE void StorePairs(VSum left, VSum right, uint8_t* pixels) {
#if HWY_TARGET == HWY_SCALAR  // vectors of one lane
  pixels[0] = static_cast<uint8_t>(hn::GetLane(left));
  pixels[1] = static_cast<uint8_t>(hn::GetLane(right));
#else
  const hn::Repartition<uint8_t, Sums> bytes;
  hn::StoreU(hn::BitCast(bytes, hn::Or(left, hn::ShiftLeft<8>(right))), bytes, pixels);
#endif
}

// The rounding terms 1 and 2, 8 and 7 alternate so that halves go up and down in turn, as
// libjpeg's ordered dither does.

void H2V1(const uint8_t* samples, size_t count, uint8_t* pixels) {
  const Sums d;
  for (size_t i = 0; i < count; i += kLanes) {
    const VSum triple = Triple(LoadSamples(samples + i));
    const VSum before = hn::Add(LoadSamples(samples + i - 1), hn::Set(d, 1));
    const VSum after = hn::Add(LoadSamples(samples + i + 1), hn::Set(d, 2));
    StorePairs(hn::ShiftRight<2>(hn::Add(triple, before)),
               hn::ShiftRight<2>(hn::Add(triple, after)), pixels + 2 * i);
  }
}

void H2V2(const uint8_t* near, const uint8_t* far, size_t count, uint8_t* pixels) {
  const Sums d;
  const auto column = [&](const uint8_t* n, const uint8_t* f)
                          HWY_ATTR { return hn::Add(Triple(LoadSamples(n)), LoadSamples(f)); };
  for (size_t i = 0; i < count; i += kLanes) {
    const VSum triple = Triple(column(near + i, far + i));
    const VSum before = hn::Add(column(near + i - 1, far + i - 1), hn::Set(d, 8));
    const VSum after = hn::Add(column(near + i + 1, far + i + 1), hn::Set(d, 7));
    StorePairs(hn::ShiftRight<4>(hn::Add(triple, before)),
               hn::ShiftRight<4>(hn::Add(triple, after)), pixels + 2 * i);
  }
}

void H1V2(const uint8_t* near, const uint8_t* far, bool lower, size_t count, uint8_t* pixels) {
  const VSum bias = hn::Set(Sums(), lower ? 2 : 1);
  const hn::RebindToSigned<Sums> ds;
  for (size_t i = 0; i < count; i += kLanes) {
    const VSum sum = hn::Add(Triple(LoadSamples(near + i)), hn::Add(LoadSamples(far + i), bias));
    hn::StoreU(hn::DemoteTo(Samples(), hn::BitCast(ds, hn::ShiftRight<2>(sum))), Samples(),
               pixels + i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {

HWY_EXPORT(H2V1);
HWY_EXPORT(H2V2);
HWY_EXPORT(H1V2);

void UpsampleH2V1(const uint8_t* samples, size_t count, uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(H2V1)(samples, count, pixels);
}

void UpsampleH2V2(const uint8_t* near, const uint8_t* far, size_t count, uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(H2V2)(near, far, count, pixels);
}

void UpsampleH1V2(const uint8_t* near, const uint8_t* far, bool lower, size_t count,
                  uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(H1V2)(near, far, lower, count, pixels);
}

void Replicate(const uint8_t* samples, size_t count, size_t expand, uint8_t* pixels) {
  for (size_t i = 0; i < count; ++i) pixels = std::fill_n(pixels, expand, samples[i]);
}

}  // namespace fastinet
#endif  // HWY_ONCE
