// Walking over the planes of an image, for kernels; included behind Highway, once for every
// instruction set.

// Highway's foreach_target.h includes a kernel file again and again, and toggles this macro.
#if defined(FASTINET_COLOUR_PLANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FASTINET_COLOUR_PLANES_INL_H_
#undef FASTINET_COLOUR_PLANES_INL_H_
#else
#define FASTINET_COLOUR_PLANES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "colour/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<int32_t, Floats>;
using Bytes = hn::Rebind<uint8_t, Floats>;

HWY_INLINE hn::Vec<Ints> LoadInts(const uint8_t* from) {
  return hn::PromoteTo(Ints(), hn::LoadU(Bytes(), from));
}

/// Calls body(red, green, blue) for every `lanes` pixels. The last ones, where fewer are left, come
/// as copies, so that a body may load and store whole vectors.
template <class Body>
HWY_INLINE void ForEachVector(const RgbPlanes& planes, size_t lanes, const Body& body) {
  size_t x = 0;
  for (; x + lanes <= planes.pixels; x += lanes) {
    body(planes.red + x, planes.green + x, planes.blue + x);
  }
  const size_t rest = planes.pixels - x;
  if (rest == 0) return;
  constexpr size_t kMostLanes = 64;
  uint8_t* const ends[3] = {planes.red + x, planes.green + x, planes.blue + x};
  uint8_t copies[3][kMostLanes] = {};
  for (size_t c = 0; c < 3; ++c) std::copy_n(ends[c], rest, copies[c]);
  body(copies[0], copies[1], copies[2]);
  for (size_t c = 0; c < 3; ++c) std::copy_n(copies[c], rest, ends[c]);
}

/// The sum of what value(red, green, blue) gives of all pixels, 0 to 255 each, and 0 of black.
template <class Value>
HWY_INLINE uint64_t SumOfPixels(const RgbPlanes& planes, const Value& value) {
  // A lane holds the sum of at most 2^22 pixels, far from 2^31 / 255.
  constexpr size_t kRun = size_t{1} << 22;
  uint64_t sum = 0;
  for (size_t x = 0; x < planes.pixels; x += kRun) {
    auto sums = hn::Zero(Ints());
    // What fills up the last vector is black.
    ForEachVector(
        {planes.red + x, planes.green + x, planes.blue + x, std::min(kRun, planes.pixels - x)},
        hn::Lanes(Floats()), [&](uint8_t* red, uint8_t* green, uint8_t* blue) {
          sums = hn::Add(sums, value(LoadInts(red), LoadInts(green), LoadInts(blue)));
        });
    HWY_ALIGN int32_t lanes[hn::MaxLanes(Ints())];
    hn::Store(sums, Ints(), lanes);
    for (size_t i = 0; i < hn::Lanes(Ints()); ++i) sum += static_cast<uint64_t>(lanes[i]);
  }
  return sum;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#endif  // the toggle
