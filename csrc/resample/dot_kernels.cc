#include "resample/dot_kernels.h"

#define FASTINET_WITH_AVX3_DL
#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "resample/dot_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

// In place of Highway's own macro, which in its older versions lacks avx512vnni.
#if HWY_COMPILER_CLANG
#define FASTINET_TARGET "avx2,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni"
#pragma clang attribute push(__attribute__((target(FASTINET_TARGET))), apply_to = function)
#undef FASTINET_TARGET
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")
#endif

#define FASTINET_DOT_NAMESPACE HWY_NAMESPACE
#include "resample/dot_kernels-inl.h"
#undef FASTINET_DOT_NAMESPACE

#if HWY_COMPILER_CLANG
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace fastinet::HWY_NAMESPACE {
namespace {
bool HasDotKernels() { return true; }
}  // namespace
}  // namespace fastinet::HWY_NAMESPACE

#else

namespace fastinet::HWY_NAMESPACE {
namespace {
bool HasDotKernels() { return false; }
void ResampleWideWindows(const uint8_t* const* /*rows*/, int32_t /*count*/,
                         const WideWeights& /*weights*/, uint8_t* const* /*out*/) {}
void ResampleQuads(const uint8_t* const* /*rows*/, std::span<const TapQuad> /*quads*/,
                   size_t /*width*/, uint8_t* /*out*/) {}
}  // namespace
}  // namespace fastinet::HWY_NAMESPACE

#endif

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(HasDotKernels);
HWY_EXPORT(ResampleWideWindows);
HWY_EXPORT(ResampleQuads);

}  // namespace

bool HasDotKernels() { return HWY_DYNAMIC_DISPATCH(HasDotKernels)(); }

void ResampleWideWindows(const uint8_t* const* rows, int32_t count, const WideWeights& weights,
                         uint8_t* const* out) {
  HWY_DYNAMIC_DISPATCH(ResampleWideWindows)(rows, count, weights, out);
}

void ResampleQuads(const uint8_t* const* rows, std::span<const TapQuad> quads, size_t width,
                   uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(ResampleQuads)(rows, quads, width, out);
}

}  // namespace fastinet
#endif  // HWY_ONCE
