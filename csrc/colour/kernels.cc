#include "colour/kernels.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "colour/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/cut_off-inl.h"
#include "colour/planes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// ------------------------------------------------------------------------------------- blending

/// The difference is exact; its product and the sum are rounded to float, as in Blend.c.
HWY_INLINE hn::Vec<Bytes> Blend(hn::Vec<Floats> background, hn::Vec<Floats> value,
                                hn::Vec<Floats> factor) {
  const auto sum = hn::Add(background, hn::Mul(factor, hn::Sub(value, background)));
  // Before it becomes an integer, since factors have no bounds. What is below zero stays below it.
  const auto clipped = hn::Min(sum, hn::Set(Floats(), 255.0f));
  return hn::DemoteTo(Bytes(), CutOff(clipped));
}

HWY_INLINE hn::Vec<Floats> LoadFloats(const uint8_t* from) {
  return hn::ConvertTo(Floats(), LoadInts(from));
}

void BlendWithValue(uint8_t* values, size_t count, uint8_t background, float factor) {
  const auto from = hn::Set(Floats(), background);
  const auto by = hn::Set(Floats(), factor);
  const size_t lanes = hn::Lanes(Floats());
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    hn::StoreU(Blend(from, LoadFloats(values + x), by), Bytes(), values + x);
  }
  if (x == count) return;
  uint8_t copy[hn::MaxLanes(Floats())] = {};
  std::copy_n(values + x, count - x, copy);
  hn::StoreU(Blend(from, LoadFloats(copy), by), Bytes(), copy);
  std::copy_n(copy, count - x, values + x);
}

void BlendWithPlane(uint8_t* values, size_t count, const uint8_t* background, float factor) {
  const auto by = hn::Set(Floats(), factor);
  const size_t lanes = hn::Lanes(Floats());
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    hn::StoreU(Blend(LoadFloats(background + x), LoadFloats(values + x), by), Bytes(), values + x);
  }
  if (x == count) return;
  uint8_t copies[2][hn::MaxLanes(Floats())] = {};
  std::copy_n(values + x, count - x, copies[0]);
  std::copy_n(background + x, count - x, copies[1]);
  hn::StoreU(Blend(LoadFloats(copies[1]), LoadFloats(copies[0]), by), Bytes(), copies[0]);
  std::copy_n(copies[0], count - x, values + x);
}

void AddWeighted(float* sums, size_t count, const uint8_t* values, float weight) {
  const Floats d;
  const auto by = hn::Set(d, weight);
  const size_t lanes = hn::Lanes(d);
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    const auto product = hn::Mul(by, hn::ConvertTo(d, LoadInts(values + x)));
    hn::StoreU(hn::Add(hn::LoadU(d, sums + x), product), d, sums + x);
  }
  for (; x < count; ++x) {
    const float product = weight * static_cast<float>(values[x]);
    sums[x] += product;
  }
}

void TruncateSums(uint8_t* values, size_t count, const float* sums) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    const auto clipped = hn::Min(hn::Max(hn::LoadU(d, sums + x), hn::Zero(d)), hn::Set(d, 255.0f));
    hn::StoreU(hn::DemoteTo(Bytes(), CutOff(clipped)), Bytes(), values + x);
  }
  for (; x < count; ++x) values[x] = static_cast<uint8_t>(std::clamp(sums[x], 0.0f, 255.0f));
}

/// Of whole numbers up to 255; their sums are below 2^24 and so exact.
HWY_INLINE hn::Vec<Ints> Grey(hn::Vec<Floats> red, hn::Vec<Floats> green, hn::Vec<Floats> blue) {
  const Floats d;
  const auto rounded = hn::MulAdd(blue, hn::Set(d, 7471), hn::Set(d, 0x8000));
  const auto sum =
      hn::MulAdd(red, hn::Set(d, 19595), hn::MulAdd(green, hn::Set(d, 38470), rounded));
  return hn::ShiftRight<16>(CutOff(sum));
}

void BlendWithGrey(const RgbPlanes& planes, float factor) {
  const auto by = hn::Set(Floats(), factor);
  ForEachVector(planes, hn::Lanes(Floats()), [&](uint8_t* red, uint8_t* green, uint8_t* blue) {
    const auto r = LoadFloats(red), g = LoadFloats(green), b = LoadFloats(blue);
    const auto grey = hn::ConvertTo(Floats(), Grey(r, g, b));
    hn::StoreU(Blend(grey, r, by), Bytes(), red);
    hn::StoreU(Blend(grey, g, by), Bytes(), green);
    hn::StoreU(Blend(grey, b, by), Bytes(), blue);
  });
}

void ReplaceByGrey(const RgbPlanes& planes) {
  ForEachVector(planes, hn::Lanes(Floats()), [&](uint8_t* red, uint8_t* green, uint8_t* blue) {
    const auto grey =
        hn::DemoteTo(Bytes(), Grey(LoadFloats(red), LoadFloats(green), LoadFloats(blue)));
    for (uint8_t* channel : {red, green, blue}) hn::StoreU(grey, Bytes(), channel);
  });
}

uint64_t SumOfGrey(const RgbPlanes& planes) {
  return SumOfPixels(planes, [](auto red, auto green, auto blue) {
    const Floats d;
    return Grey(hn::ConvertTo(d, red), hn::ConvertTo(d, green), hn::ConvertTo(d, blue));
  });
}

// ------------------------------------------------------------------------------------ extremes

Extremes ExtremesOf(const uint8_t* values, size_t count) {
  const hn::CappedTag<uint8_t, 64> d;
  const size_t lanes = hn::Lanes(d);
  auto least = hn::Set(d, 255), greatest = hn::Zero(d);
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    const auto each = hn::LoadU(d, values + x);
    least = hn::Min(least, each);
    greatest = hn::Max(greatest, each);
  }
  uint8_t lows[hn::MaxLanes(d)], highs[hn::MaxLanes(d)];
  hn::StoreU(least, d, lows);
  hn::StoreU(greatest, d, highs);
  Extremes extremes{*std::min_element(lows, lows + lanes), *std::max_element(highs, highs + lanes)};
  for (; x < count; ++x) {
    extremes.least = std::min(extremes.least, values[x]);
    extremes.greatest = std::max(extremes.greatest, values[x]);
  }
  return extremes;
}

// ------------------------------------------------------------------------------------------ hue

// Pillow computes in float, with steps in double, and keeps 8 bits of hue and saturation between
// the two conversions. There are few enough values to have tried them all (the hue has 6 * 255 *
// 255, the way back 2^24), and what is done here gives the same 8 bits for each of them:
//
// - The saturation 255 * range / value and all that the way back gives are what exact arithmetic
//   gives, since no rounding there comes close enough to a whole number, or to a half.
// - The hue does come close, and is in the end below the exact one where that is whole and Pillow's
//   floats are a little less. So its divisions are those of Pillow, in float.

using FloatVec = hn::Vec<Floats>;

HWY_INLINE FloatVec Constant(float value) { return hn::Set(Floats(), value); }

/// Values of at least zero without what follows the point.
HWY_INLINE FloatVec WholePart(FloatVec value) { return hn::ConvertTo(Floats(), CutOff(value)); }

/// Hue, 0 to 254, of pixels with this largest component and this range.
HWY_INLINE FloatVec HueOf(FloatVec red, FloatVec green, FloatVec blue, FloatVec value,
                          FloatVec range) {
  // The hue is counted in sixths of a turn from the largest component, 0, 2 or 4: by (value - c) /
  // range of the two others, of which that of the least is 1. So it is start - 1 + share or start +
  // 1 - share, where `share` is that of the middle one.
  const auto is_red = hn::Eq(red, value), is_green = hn::Eq(green, value);
  const auto next = hn::IfThenElse(is_red, green, hn::IfThenElse(is_green, blue, red));
  const auto after = hn::IfThenElse(is_red, blue, hn::IfThenElse(is_green, red, green));
  const auto start =
      hn::IfThenElse(is_red, Constant(0), hn::IfThenElse(is_green, Constant(2), Constant(4)));
  // Grey has no hue, and its range is 0.
  const auto share = hn::Div(hn::Sub(value, hn::Max(next, after)), hn::Max(range, Constant(1)));
  const auto one = hn::IfThenElse(hn::Lt(next, after), Constant(-1), Constant(1));
  const auto sixths = hn::Sub(hn::Add(start, one), hn::Mul(one, share));
  const auto turn = hn::Div(sixths, Constant(6));
  const auto positive = hn::IfThenElse(hn::Lt(turn, Constant(0)), hn::Add(turn, Constant(1)), turn);
  return WholePart(hn::Mul(positive, Constant(255)));
}

void ShiftHue(const RgbPlanes& planes, uint8_t shift) {
  const auto by = Constant(shift);
  ForEachVector(planes, hn::Lanes(Floats()), [&](uint8_t* red, uint8_t* green, uint8_t* blue) {
    const auto r = LoadFloats(red), g = LoadFloats(green), b = LoadFloats(blue);
    const auto value = hn::Max(r, hn::Max(g, b));
    const auto range = hn::Sub(value, hn::Min(r, hn::Min(g, b)));
    const auto turned = hn::Add(HueOf(r, g, b, value, range), by);
    const auto hue =
        hn::Sub(turned, hn::IfThenElseZero(hn::Ge(turned, Constant(256)), Constant(256)));
    const auto saturation =
        WholePart(hn::Div(hn::Mul(range, Constant(255)), hn::Max(value, Constant(1))));
    // Back: a component is value * (1 - saturation / 255 * distance / 255), rounded, where the
    // distance rises and falls with the hue: 0 while the component is the largest, 255 while it is
    // the least, and a sixth of a turn, 255 sixths of a step, long between the two.
    const auto strength = hn::Mul(value, saturation);
    const auto place = hn::Mul(hue, Constant(6));
    const auto from = [&](float middle) { return hn::Abs(hn::Sub(place, Constant(middle))); };
    const auto store = [&](FloatVec distance, uint8_t* to) {
      const auto within = hn::Min(hn::Max(distance, Constant(0)), Constant(255));
      // Products of whole numbers below 2^24, which are exact; 32512 is half of 255 * 255.
      const auto sum = hn::Add(hn::Mul(strength, within), Constant(32512));
      const auto lost = WholePart(hn::Mul(sum, Constant(1.0f / 65025)));
      hn::StoreU(hn::DemoteTo(Bytes(), CutOff(hn::Sub(value, lost))), Bytes(), to);
    };
    store(hn::Sub(Constant(510), from(765)), red);
    store(hn::Sub(from(510), Constant(255)), green);
    store(hn::Sub(from(1020), Constant(255)), blue);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(BlendWithValue);
HWY_EXPORT(BlendWithPlane);
HWY_EXPORT(BlendWithGrey);
HWY_EXPORT(AddWeighted);
HWY_EXPORT(TruncateSums);
HWY_EXPORT(SumOfGrey);
HWY_EXPORT(ReplaceByGrey);
HWY_EXPORT(ExtremesOf);
HWY_EXPORT(ShiftHue);

}  // namespace

void BlendWithValue(uint8_t* values, size_t count, uint8_t background, float factor) {
  HWY_DYNAMIC_DISPATCH(BlendWithValue)(values, count, background, factor);
}

void BlendWithPlane(uint8_t* values, size_t count, const uint8_t* background, float factor) {
  HWY_DYNAMIC_DISPATCH(BlendWithPlane)(values, count, background, factor);
}

void BlendWithGrey(const RgbPlanes& planes, float factor) {
  HWY_DYNAMIC_DISPATCH(BlendWithGrey)(planes, factor);
}

void AddWeighted(float* sums, size_t count, const uint8_t* values, float weight) {
  HWY_DYNAMIC_DISPATCH(AddWeighted)(sums, count, values, weight);
}

void TruncateSums(uint8_t* values, size_t count, const float* sums) {
  HWY_DYNAMIC_DISPATCH(TruncateSums)(values, count, sums);
}

uint64_t SumOfGrey(const RgbPlanes& planes) { return HWY_DYNAMIC_DISPATCH(SumOfGrey)(planes); }

void ReplaceByGrey(const RgbPlanes& planes) { HWY_DYNAMIC_DISPATCH(ReplaceByGrey)(planes); }

Extremes ExtremesOf(const uint8_t* values, size_t count) {
  return HWY_DYNAMIC_DISPATCH(ExtremesOf)(values, count);
}

void ShiftHue(const RgbPlanes& planes, uint8_t shift) {
  HWY_DYNAMIC_DISPATCH(ShiftHue)(planes, shift);
}

}  // namespace fastinet
#endif  // HWY_ONCE
