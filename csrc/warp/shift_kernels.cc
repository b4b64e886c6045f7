#include "warp/shift_kernels.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "warp/shift_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/transpose-inl.h"
#include "warp/sampling-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Calls value(line, part) for some pixels of each plane, whose left neighbours begin at `line`.
template <class Value>
HWY_INLINE void ShiftLine(const LinesOfPlanes& lines, const ShiftedLine& from,
                          const LineOfPlanes& to, const Value& value) {
  const Doubles d;
  const Vec line = hn::Set(d, from.line), shift = hn::Set(d, from.shift);
  // Of the pixel before the point: x + whole, where a centre is x + 0.5.
  const Vec behind = hn::Set(d, from.whole - 0.5);
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  for (size_t x = 0; x < to.count; x += hn::Lanes(d)) {
    const Vec centre = Centres(to.first + x);
    const Vec point = hn::Sub(hn::Add(hn::Add(centre, line), shift), hn::Set(d, 0.5));
    const Vec part = hn::Sub(point, hn::Add(centre, behind));
    for (size_t c = 0; c < 3; ++c) {
      StoreDoubles(value(lines[c] + x, part), planes[c] + x, to.count - x);
    }
  }
}

HWY_INLINE Whole LoadInts(const uint8_t* from) {
  return hn::PromoteTo(Ints(), hn::LoadU(Bytes(), from));
}

void ShiftLineBilinear(const LinesOfPlanes& lines, const ShiftedLine& from,
                       const LineOfPlanes& to) {
  ShiftLine(lines, from, to, [](const uint8_t* line, Vec part) {
    return Between(ToDouble(LoadInts(line)), ToDouble(LoadInts(line + 1)), part);
  });
}

void ShiftLineBicubic(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to) {
  ShiftLine(lines, from, to, [](const uint8_t* line, Vec part) {
    const Whole v[4] = {LoadInts(line - 1), LoadInts(line), LoadInts(line + 1), LoadInts(line + 2)};
    return CubicOfColumns(v, part);
  });
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
