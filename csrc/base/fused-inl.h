// a * b + c, rounded once, for kernels; included behind Highway, once for every instruction set.

// Highway's foreach_target.h includes a kernel file again and again, and toggles this macro.
#if defined(FASTINET_BASE_FUSED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FASTINET_BASE_FUSED_INL_H_
#undef FASTINET_BASE_FUSED_INL_H_
#else
#define FASTINET_BASE_FUSED_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "base/fused.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

/// a * b + c of floats, rounded once, also where the instruction set has no such thing.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V Fused([[maybe_unused]] D d, V a, V b, V c) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  HWY_ALIGN float lanes[3][hn::MaxLanes(D())];
  hn::Store(a, d, lanes[0]);
  hn::Store(b, d, lanes[1]);
  hn::Store(c, d, lanes[2]);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    lanes[0][i] = FusedMulAdd(lanes[0][i], lanes[1][i], lanes[2][i]);
  }
  return hn::Load(d, lanes[0]);
#endif
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#endif  // the toggle
