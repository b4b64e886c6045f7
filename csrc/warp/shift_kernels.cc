#include "warp/shift_kernels.h"

#include <algorithm>
#include <cmath>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "warp/shift_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/cut_off-inl.h"
#include "base/transpose-inl.h"
#include "warp/sampling-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE Whole LoadInts(const uint8_t* from) {
  return hn::PromoteTo(Ints(), hn::LoadU(Bytes(), from));
}

struct Bilinear {
  /// Values between pixels, whose left neighbours begin at `line`.
  static HWY_INLINE Vec Exact(const uint8_t* line, Vec part) {
    return Between(ToDouble(LoadInts(line)), ToDouble(LoadInts(line + 1)), part);
  }
};

struct Bicubic {
  static HWY_INLINE Vec Exact(const uint8_t* line, Vec part) {
    const Whole v[4] = {LoadInts(line - 1), LoadInts(line), LoadInts(line + 1), LoadInts(line + 2)};
    return CubicOfColumns(v, part);
  }
};

/// The `count` pixels of a line from number `first` of `to` on, of planes `plane` to `plane_end`
/// - 1.
template <class Kind>
HWY_NOINLINE void ShiftExactly(const LinesOfPlanes& lines, const ShiftedLine& from,
                               const LineOfPlanes& to, size_t first, size_t count, size_t plane,
                               size_t plane_end) {
  const Doubles d;
  const Vec along = hn::Set(d, from.line), shift = hn::Set(d, from.shift);
  // Of the pixel before the point: x + whole, where a centre is x + 0.5.
  const Vec behind = hn::Set(d, from.whole - 0.5);
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  for (size_t x = first; x < first + count; x += hn::Lanes(d)) {
    const Vec centre = Centres(to.first + x);
    const Vec point = hn::Sub(hn::Add(hn::Add(centre, along), shift), hn::Set(d, 0.5));
    const Vec part = hn::Sub(point, hn::Add(centre, behind));
    for (size_t c = plane; c < plane_end; ++c) {
      StoreDoubles(Kind::Exact(lines[c] + x, part), planes[c] + x, first + count - x);
    }
  }
}

#if HWY_TARGET == HWY_SCALAR  // whose vectors are one value long

template <class Kind>
void ShiftLine(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to) {
  ShiftExactly<Kind>(lines, from, to, 0, to.count, 0, 3);
}

struct FastBilinear : Bilinear {};
struct FastBicubic : Bicubic {};

#else

// As in kernels.cc, values are computed in float first, with a bound of their error, and in double
// where that does not tell their whole part. All points of a line lie at the same place between
// their neighbours, but for the rounding of sums of numbers below 2^28, which makes 2^-24; in float
// the place is within 2^-23.

using Floats = hn::CappedTag<float, 16>;
using FloatVec = hn::Vec<Floats>;
using FloatMask = hn::Mask<Floats>;

HWY_INLINE FloatVec LoadFloats(const uint8_t* from) {
  const hn::Rebind<uint8_t, Floats> bytes;
  const hn::Rebind<int32_t, Floats> ints;
  return hn::ConvertTo(Floats(), hn::PromoteTo(ints, hn::LoadU(bytes, from)));
}

struct FastBilinear : Bilinear {
  /// 2^-15 of the place, and three operations within 2^-17, with what is added for the bound.
  static constexpr float kBound = 0x1p-13f;

  explicit FastBilinear(double part) : part_(hn::Set(Floats(), static_cast<float>(part))) {}

  /// Values, and whether the pixels read differ.
  HWY_INLINE FloatVec Approximate(const uint8_t* line, FloatMask* differ) const {
    const FloatVec left = LoadFloats(line), right = LoadFloats(line + 1);
    *differ = hn::Ne(left, right);
    return hn::MulAdd(part_, hn::Sub(right, left), left);
  }

 private:
  FloatVec part_;
};

struct FastBicubic : Bicubic {
  /// The cubic's slope is below 3 * 255, which makes 2^-13 of the place; the weights, each within
  /// 2^-25, make 2^-15, and seven operations on numbers up to 319 7 * 2^-16.
  static constexpr float kBound = 0x1p-11f;

  explicit FastBicubic(double part) {
    const double square = part * part;
    const double weights[4] = {part * (part * (2 - part) - 1), square * (part - 2) + 1,
                               part * (1 + part - square), square * (part - 1)};
    for (int i = 0; i < 4; ++i) weights_[i] = hn::Set(Floats(), static_cast<float>(weights[i]));
  }

  HWY_INLINE FloatVec Approximate(const uint8_t* line, FloatMask* differ) const {
    const FloatVec v0 = LoadFloats(line - 1), v1 = LoadFloats(line);
    const FloatVec v2 = LoadFloats(line + 1), v3 = LoadFloats(line + 2);
    *differ = hn::Or(hn::Ne(v0, v1), hn::Or(hn::Ne(v1, v2), hn::Ne(v2, v3)));
    const FloatVec left = hn::MulAdd(weights_[1], v1, hn::Mul(weights_[0], v0));
    return hn::MulAdd(weights_[3], v3, hn::MulAdd(weights_[2], v2, left));
  }

 private:
  FloatVec weights_[4];
};

/// Whether a number has at most four binary places. Of places with so few, values are exact in
/// float, and many of them whole, which a bound would take for doubtful ones.
bool IsCoarse(double value) { return value * 16 == std::floor(value * 16); }

template <class Kind>
void ShiftLine(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to) {
  const Floats d;
  const hn::Rebind<uint8_t, Floats> bytes;
  const size_t lanes = hn::Lanes(d);
  const Kind kind(0.5 + from.line + from.shift - 0.5 - from.whole);
  const bool is_exact = IsCoarse(from.line) && IsCoarse(from.shift);
  const FloatVec bound = hn::Set(d, is_exact ? 0.0f : Kind::kBound);
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  // At places such as 0.3 many values are whole but for a rounding, so that many vectors are made
  // twice. Where the first ones were, all others are made in double at once.
  constexpr size_t kTries = 2;
  size_t made = 0, made_twice = 0;
  for (size_t i = 0; i < to.count; i += lanes) {
    if (to.count < lanes || made_twice > kTries + made / 8) {
      return ShiftExactly<Kind>(lines, from, to, i, to.count - i, 0, 3);
    }
    // The last ones together with some that are there already.
    const size_t x = std::min(i, to.count - lanes);
    for (size_t c = 0; c < 3; ++c) {
      FloatMask differ;
      const FloatVec value = kind.Approximate(lines[c] + x, &differ);
      const auto least = CutOff(hn::Sub(value, bound)), most = CutOff(hn::Add(value, bound));
      hn::StoreU(hn::DemoteTo(bytes, most), bytes, planes[c] + x);
      ++made;
      const FloatMask doubtful = hn::And(differ, hn::RebindMask(d, hn::Ne(least, most)));
      if (HWY_LIKELY(hn::AllFalse(d, doubtful))) continue;
      ++made_twice;
      ShiftExactly<Kind>(lines, from, to, x, lanes, c, c + 1);
    }
  }
}

#endif

void ShiftLineBilinear(const LinesOfPlanes& lines, const ShiftedLine& from,
                       const LineOfPlanes& to) {
  ShiftLine<FastBilinear>(lines, from, to);
}

void ShiftLineBicubic(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to) {
  ShiftLine<FastBicubic>(lines, from, to);
}

void TransposePlane(const uint8_t* plane, Size size, uint8_t* out) {
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  size_t whole_columns = 0, whole_rows = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<uint8_t, 16> d;
  whole_columns = width / 16 * 16;
  whole_rows = height / 16 * 16;
  for (size_t y = 0; y < whole_rows; y += 16) {
    for (size_t x = 0; x < whole_columns; x += 16) {
      hn::Vec<decltype(d)> block[16];
      for (size_t i = 0; i < 16; ++i) block[i] = hn::LoadU(d, plane + (y + i) * width + x);
      TransposeBlock(block);
      for (size_t i = 0; i < 16; ++i) hn::StoreU(block[i], d, out + (x + i) * height + y);
    }
  }
#endif
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = y < whole_rows ? whole_columns : 0; x < width; ++x) {
      out[x * height + y] = plane[y * width + x];
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(ShiftLineBilinear);
HWY_EXPORT(ShiftLineBicubic);
HWY_EXPORT(TransposePlane);

}  // namespace

void ShiftLineBilinear(const LinesOfPlanes& lines, const ShiftedLine& from,
                       const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(ShiftLineBilinear)(lines, from, to);
}

void ShiftLineBicubic(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(ShiftLineBicubic)(lines, from, to);
}

void TransposePlane(const uint8_t* plane, Size size, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(TransposePlane)(plane, size, out);
}

}  // namespace fastinet
#endif  // HWY_ONCE
