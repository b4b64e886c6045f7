// Cutting floats off to integers, for kernels; included behind Highway, once for every instruction
// set.

// Highway's foreach_target.h includes a kernel file again and again, and toggles this macro.
#if defined(FASTINET_BASE_CUT_OFF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FASTINET_BASE_CUT_OFF_INL_H_
#undef FASTINET_BASE_CUT_OFF_INL_H_
#else
#define FASTINET_BASE_CUT_OFF_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

// What of floats is before the point, of those between -2^31 and 2^31. Highway's ConvertTo says
// what others become, too, which takes four instructions more on x86; these leave it open.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4

template <size_t kLanes>
HWY_INLINE hwy::HWY_NAMESPACE::Vec128<int32_t, kLanes> CutOff(
    hwy::HWY_NAMESPACE::Vec128<float, kLanes> value) {
  return hwy::HWY_NAMESPACE::Vec128<int32_t, kLanes>{_mm_cvttps_epi32(value.raw)};
}

#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hwy::HWY_NAMESPACE::Vec256<int32_t> CutOff(hwy::HWY_NAMESPACE::Vec256<float> value) {
  return hwy::HWY_NAMESPACE::Vec256<int32_t>{_mm256_cvttps_epi32(value.raw)};
}
#endif

#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hwy::HWY_NAMESPACE::Vec512<int32_t> CutOff(hwy::HWY_NAMESPACE::Vec512<float> value) {
  return hwy::HWY_NAMESPACE::Vec512<int32_t>{_mm512_cvttps_epi32(value.raw)};
}
#endif

#else

template <class FloatVec>
HWY_INLINE auto CutOff(FloatVec value) {
  const hwy::HWY_NAMESPACE::RebindToSigned<hwy::HWY_NAMESPACE::DFromV<FloatVec> > d;
  return hwy::HWY_NAMESPACE::ConvertTo(d, value);
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#endif  // the toggle
