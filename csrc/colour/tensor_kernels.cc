#include "colour/tensor_kernels.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "colour/tensor_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/cut_off-inl.h"
#include "base/fused-inl.h"
#include "colour/planes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatVec = hn::Vec<Floats>;

HWY_INLINE FloatVec ToFloats(hn::Vec<Ints> values) { return hn::ConvertTo(Floats(), values); }

/// sum + a * b, rounded as the version rounds it.
template <TransformsVersion kVersion>
HWY_INLINE FloatVec AddProduct(FloatVec sum, FloatVec a, FloatVec b) {
  if constexpr (kVersion == TransformsVersion::k2) return Fused(Floats(), a, b, sum);
  return hn::Add(sum, hn::Mul(a, b));
}

template <TransformsVersion kVersion>
HWY_INLINE hn::Vec<Ints> Grey(hn::Vec<Ints> red, hn::Vec<Ints> green, hn::Vec<Ints> blue) {
  const Floats d;
  FloatVec sum = hn::Mul(ToFloats(red), hn::Set(d, 0.2989f));
  sum = AddProduct<kVersion>(sum, ToFloats(green), hn::Set(d, 0.587f));
  return CutOff(AddProduct<kVersion>(sum, ToFloats(blue), hn::Set(d, 0.114f)));
}

HWY_INLINE void StoreClipped(FloatVec value, uint8_t* to) {
  const Floats d;
  const FloatVec clipped = hn::Min(hn::Max(value, hn::Zero(d)), hn::Set(d, 255.0f));
  hn::StoreU(hn::DemoteTo(Bytes(), CutOff(clipped)), Bytes(), to);
}

/// The rest is taken in double, as Python does.
struct Shares {
  explicit HWY_INLINE Shares(double factor)
      : of_value(hn::Set(Floats(), static_cast<float>(factor))),
        of_other(hn::Set(Floats(), static_cast<float>(1.0 - factor))) {}

  FloatVec of_value, of_other;
};

template <TransformsVersion kVersion>
void BlendWithGreyOf(const RgbPlanes& planes, double factor) {
  const Shares shares(factor);
  ForEachVector(planes, hn::Lanes(Floats()), [&](uint8_t* red, uint8_t* green, uint8_t* blue) {
    const FloatVec grey = ToFloats(Grey<kVersion>(LoadInts(red), LoadInts(green), LoadInts(blue)));
    for (uint8_t* channel : {red, green, blue}) {
      const FloatVec part = hn::Mul(ToFloats(LoadInts(channel)), shares.of_value);
      StoreClipped(AddProduct<kVersion>(part, grey, shares.of_other), channel);
    }
  });
}

template <TransformsVersion kVersion>
HWY_INLINE void BlendSmooth(const Shares& shares, const uint8_t* smooth, uint8_t* values) {
  const FloatVec value = ToFloats(LoadInts(values)), other = ToFloats(LoadInts(smooth));
  if constexpr (kVersion == TransformsVersion::k2) {
    return StoreClipped(AddProduct<kVersion>(value, hn::Sub(other, value), shares.of_other),
                        values);
  }
  const FloatVec part = hn::Mul(value, shares.of_value);
  StoreClipped(AddProduct<kVersion>(part, other, shares.of_other), values);
}

template <TransformsVersion kVersion>
void BlendWithSmoothOf(uint8_t* values, size_t count, const uint8_t* smooth, double factor) {
  const Shares shares(factor);
  const size_t lanes = hn::Lanes(Floats());
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) BlendSmooth<kVersion>(shares, smooth + x, values + x);
  if (x == count) return;
  uint8_t copies[2][hn::MaxLanes(Floats())] = {};
  std::copy_n(values + x, count - x, copies[0]);
  std::copy_n(smooth + x, count - x, copies[1]);
  BlendSmooth<kVersion>(shares, copies[1], copies[0]);
  std::copy_n(copies[0], count - x, values + x);
}

uint64_t SumOfTensorGrey(const RgbPlanes& planes, TransformsVersion version) {
  return version == TransformsVersion::k1 ? SumOfPixels(planes, Grey<TransformsVersion::k1>)
                                          : SumOfPixels(planes, Grey<TransformsVersion::k2>);
}

void BlendWithTensorGrey(const RgbPlanes& planes, double factor, TransformsVersion version) {
  version == TransformsVersion::k1 ? BlendWithGreyOf<TransformsVersion::k1>(planes, factor)
                                   : BlendWithGreyOf<TransformsVersion::k2>(planes, factor);
}

void BlendWithSmoothTensor(uint8_t* values, size_t count, const uint8_t* smooth, double factor,
                           TransformsVersion version) {
  version == TransformsVersion::k1
      ? BlendWithSmoothOf<TransformsVersion::k1>(values, count, smooth, factor)
      : BlendWithSmoothOf<TransformsVersion::k2>(values, count, smooth, factor);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(SumOfTensorGrey);
HWY_EXPORT(BlendWithTensorGrey);
HWY_EXPORT(BlendWithSmoothTensor);

}  // namespace

uint64_t SumOfTensorGrey(const RgbPlanes& planes, TransformsVersion version) {
  return HWY_DYNAMIC_DISPATCH(SumOfTensorGrey)(planes, version);
}

void BlendWithTensorGrey(const RgbPlanes& planes, double factor, TransformsVersion version) {
  HWY_DYNAMIC_DISPATCH(BlendWithTensorGrey)(planes, factor, version);
}

void BlendWithSmoothTensor(uint8_t* values, size_t count, const uint8_t* smooth, double factor,
                           TransformsVersion version) {
  HWY_DYNAMIC_DISPATCH(BlendWithSmoothTensor)(values, count, smooth, factor, version);
}

}  // namespace fastinet
#endif  // HWY_ONCE
