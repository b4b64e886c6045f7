// Values between pixels, for kernels; included behind Highway, once for every instruction set.

// Highway's foreach_target.h includes a kernel file again and again, and toggles this macro.
#if defined(FASTINET_WARP_SAMPLING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FASTINET_WARP_SAMPLING_INL_H_
#undef FASTINET_WARP_SAMPLING_INL_H_
#else
#define FASTINET_WARP_SAMPLING_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// What is stored is computed in double and without fused multiplication, as in Pillow's Geometry.c,
// so that the last bits are the same.
using Doubles = hn::CappedTag<double, 8>;
using Ints = hn::Rebind<int32_t, Doubles>;
using Bytes = hn::Rebind<uint8_t, Doubles>;
using Vec = hn::Vec<Doubles>;
using Whole = hn::Vec<Ints>;

HWY_INLINE Vec ToDouble(Whole value) { return hn::PromoteTo(Doubles(), value); }

HWY_INLINE Vec Between(Vec a, Vec b, Vec part) { return hn::Add(a, hn::Mul(hn::Sub(b, a), part)); }

/// p1 + part * (p2 + part * (p3 + part * p4)).
HWY_INLINE Vec Horner(Vec p1, Vec p2, Vec p3, Vec p4, Vec part) {
  return hn::Add(p1, hn::Mul(part, hn::Add(p2, hn::Mul(part, hn::Add(p3, hn::Mul(part, p4))))));
}

/// The cubic through four lines.
HWY_INLINE Vec CubicOfLines(const Vec* v, Vec part) {
  const Vec difference = hn::Sub(v[0], v[1]);
  const Vec p3 = hn::Sub(hn::Add(hn::Add(difference, difference), v[2]), v[3]);
  const Vec p4 = hn::Add(hn::Sub(hn::Sub(v[1], v[0]), v[2]), v[3]);
  return Horner(v[1], hn::Sub(v[2], v[0]), p3, p4, part);
}

/// The cubic through four neighbours in a line, whose coefficients are whole numbers.
HWY_INLINE Vec CubicOfColumns(const Whole* v, Vec part) {
  const Whole difference = hn::Sub(v[0], v[1]), last = hn::Sub(v[2], v[3]);
  const Whole p3 = hn::Add(hn::Add(difference, difference), last);
  const Whole p4 = hn::Sub(hn::Zero(Ints()), hn::Add(difference, last));
  return Horner(ToDouble(v[1]), ToDouble(hn::Sub(v[2], v[0])), ToDouble(p3), ToDouble(p4), part);
}

/// Stores the first `count` of some values, cut off; what is beyond 0 and 255 becomes these.
HWY_INLINE void StoreDoubles(Vec value, uint8_t* out, size_t count) {
  const auto bytes = hn::DemoteTo(Bytes(), hn::DemoteTo(Ints(), value));
  if (count >= hn::Lanes(Bytes())) return hn::StoreU(bytes, Bytes(), out);
  uint8_t values[hn::MaxLanes(Bytes())];
  hn::StoreU(bytes, Bytes(), values);
  std::copy_n(values, count, out);
}

/// The centres of pixels from number `first` on.
HWY_INLINE Vec Centres(size_t first) {
  const Doubles d;
  return hn::Add(hn::Iota(d, static_cast<double>(first)), hn::Set(d, 0.5));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#endif  // the toggle
