#include "warp/kernels.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "warp/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Everything is computed in double and without fused multiplication, as in Pillow's Geometry.c, so
// that the last bits are the same.
using Doubles = hn::CappedTag<double, 8>;
using Ints = hn::Rebind<int32_t, Doubles>;
using Bytes = hn::Rebind<uint8_t, Doubles>;
using Vec = hn::Vec<Doubles>;
using Whole = hn::Vec<Ints>;

/// A coordinate of the points that some neighbouring pixels come from.
struct Coordinate {
  Vec part;     // behind the pixel's centre before the point: 0 to 1
  Whole pixel;  // which one that is, -1 for the first half of the first one
};

/// Points on an axis of `size` pixels: their coordinates, and which of them are on it.
HWY_INLINE Coordinate Locate(Vec position, double size, hn::Mask<Doubles>* inside) {
  const Doubles d;
  *inside = hn::And(hn::Ge(position, hn::Zero(d)), hn::Lt(position, hn::Set(d, size)));
  // Of the others only that what is read for them lies within the image matters.
  const Vec bounded = hn::IfThenElseZero(*inside, position);
  const Vec centred = hn::Sub(bounded, hn::Set(d, 0.5));
  const Vec floor = hn::Floor(centred);
  return {hn::Sub(centred, floor), hn::DemoteTo(Ints(), floor)};
}

HWY_INLINE Whole Clamped(Whole value, int32_t size) {
  return hn::Min(hn::Max(value, hn::Zero(Ints())), hn::Set(Ints(), size - 1));
}

/// A component of some pixels' words.
HWY_INLINE Whole Component(Whole words, int component) {
  const Whole shifted = component == 0   ? words
                        : component == 1 ? hn::ShiftRight<8>(words)
                                         : hn::ShiftRight<16>(words);
  return hn::And(shifted, hn::Set(Ints(), 0xFF));
}

HWY_INLINE Vec ToDouble(Whole value) { return hn::PromoteTo(Doubles(), value); }

/// Calls body(x, sx, sy) for every few pixels x of a line with the points they come from, and
/// stores the three components that it gives (0 to 255, cut off) where the points lie in the image.
template <class Body>
HWY_INLINE void ForEachPoint(const WordImage& image, const SourceLine& from, const LineOfPlanes& to,
                             const Body& body) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  const Vec x_step = hn::Set(d, from.x_step), x_line = hn::Set(d, from.x_line);
  const Vec y_step = hn::Set(d, from.y_step), y_line = hn::Set(d, from.y_line);
  const Vec x_shift = hn::Set(d, from.x_shift), y_shift = hn::Set(d, from.y_shift);
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  for (size_t first = 0; first < to.count; first += lanes) {
    const Vec centre = hn::Add(hn::Iota(d, static_cast<double>(first)), hn::Set(d, 0.5));
    const Vec sx = hn::Add(hn::Add(hn::Mul(x_step, centre), x_line), x_shift);
    const Vec sy = hn::Add(hn::Add(hn::Mul(y_step, centre), y_line), y_shift);
    hn::Mask<Doubles> in_x, in_y;
    const Coordinate x = Locate(sx, image.size.width, &in_x);
    const Coordinate y = Locate(sy, image.size.height, &in_y);
    const hn::Mask<Doubles> inside = hn::And(in_x, in_y);
    const size_t count = std::min(lanes, to.count - first);
    uint8_t reached[hn::MaxLanes(Doubles())];
    const Vec ones = hn::IfThenElseZero(inside, hn::Set(d, 1.0));
    hn::StoreU(hn::DemoteTo(Bytes(), hn::DemoteTo(Ints(), ones)), Bytes(), reached);
    if (hn::AllFalse(d, inside)) continue;
    const bool whole = count == lanes && hn::AllTrue(d, inside);
    const auto store = [&](int component, Vec value) {
      const auto bytes = hn::DemoteTo(Bytes(), hn::DemoteTo(Ints(), value));
      uint8_t* const out = planes[component] + first;
      if (whole) {
        hn::StoreU(bytes, Bytes(), out);
        return;
      }
      uint8_t values[hn::MaxLanes(Doubles())];
      hn::StoreU(bytes, Bytes(), values);
      for (size_t i = 0; i < count; ++i) out[i] = reached[i] != 0 ? values[i] : out[i];
    };
    body(x, y, store);
  }
}

HWY_INLINE Vec Between(Vec a, Vec b, Vec part) { return hn::Add(a, hn::Mul(hn::Sub(b, a), part)); }

HWY_INLINE Whole GatherWords(const WordImage& image, Whole row, Whole column) {
  const Whole index = hn::Add(hn::Mul(row, hn::Set(Ints(), image.size.width)), column);
  return hn::GatherIndex(Ints(), reinterpret_cast<const int32_t*>(image.words), index);
}

/// The difference that it makes where no point of a line lies between two columns, or between two
/// rows: then the ones next to it count nothing, and are not read.
struct OnPixels {
  bool columns;
  bool rows;
};

OnPixels LiesOnPixels(const SourceLine& from) {
  const auto is_whole = [](double value) { return value == std::floor(value); };
  return {from.x_step == 1 && from.x_line == 0 && is_whole(from.x_shift),
          from.y_step == 0 && is_whole(from.y_line + from.y_shift - 0.5)};
}

/// Calls line(on_columns, on_rows) with what is known of `from` as types.
template <class Line>
HWY_INLINE void WithOnPixels(const SourceLine& from, const Line& line) {
  const auto [columns, rows] = LiesOnPixels(from);
  using std::false_type, std::true_type;
  if (columns) return rows ? line(true_type(), true_type()) : line(true_type(), false_type());
  return rows ? line(false_type(), true_type()) : line(false_type(), false_type());
}

/// One component of a line's points between two columns.
template <bool kOnColumns>
HWY_INLINE Vec BetweenColumns(const Whole* words, int component, Vec part) {
  const Vec left = ToDouble(Component(words[0], component));
  if (kOnColumns) return left;
  return Between(left, ToDouble(Component(words[1], component)), part);
}

void WarpLineBilinear(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  WithOnPixels(from, [&](auto on_columns, auto on_rows) {
    constexpr int kColumns = on_columns ? 1 : 2, kRows = on_rows ? 1 : 2;
    ForEachPoint(image, from, to, [&](const Coordinate& x, const Coordinate& y, const auto& store) {
      Whole words[kRows][kColumns];
      for (int i = 0; i < kRows; ++i) {
        const Whole row = Clamped(hn::Add(y.pixel, hn::Set(Ints(), i)), image.size.height);
        for (int j = 0; j < kColumns; ++j) {
          const Whole column = Clamped(hn::Add(x.pixel, hn::Set(Ints(), j)), image.size.width);
          words[i][j] = GatherWords(image, row, column);
        }
      }
      for (int c = 0; c < 3; ++c) {
        const Vec top = BetweenColumns<on_columns>(words[0], c, x.part);
        if constexpr (on_rows) {
          store(c, top);
        } else {
          store(c, Between(top, BetweenColumns<on_columns>(words[1], c, x.part), y.part));
        }
      }
    });
  });
}

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

/// The cubic through one component of four neighbours, whose coefficients are whole numbers.
template <bool kOnColumns>
HWY_INLINE Vec CubicOfColumns(const Whole* words, int component, Vec part) {
  if constexpr (kOnColumns) {
    return ToDouble(Component(words[0], component));
  } else {
    Whole v[4];
    for (int i = 0; i < 4; ++i) v[i] = Component(words[i], component);
    const Whole difference = hn::Sub(v[0], v[1]), last = hn::Sub(v[2], v[3]);
    const Whole p3 = hn::Add(hn::Add(difference, difference), last);
    const Whole p4 = hn::Sub(hn::Zero(Ints()), hn::Add(difference, last));
    return Horner(ToDouble(v[1]), ToDouble(hn::Sub(v[2], v[0])), ToDouble(p3), ToDouble(p4), part);
  }
}

void WarpLineBicubic(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  WithOnPixels(from, [&](auto on_columns, auto on_rows) {
    constexpr int kColumns = on_columns ? 1 : 4, kRows = on_rows ? 1 : 4;
    ForEachPoint(image, from, to, [&](const Coordinate& x, const Coordinate& y, const auto& store) {
      const Doubles d;
      Whole columns[kColumns];
      for (int j = 0; j < kColumns; ++j) {
        const Whole step = hn::Set(Ints(), on_columns ? 0 : j - 1);
        columns[j] = Clamped(hn::Add(x.pixel, step), image.size.width);
      }
      Vec lines[3][kRows];
      for (int i = 0; i < kRows; ++i) {
        const Whole step = hn::Set(Ints(), on_rows ? 0 : i - 1);
        const Whole row = Clamped(hn::Add(y.pixel, step), image.size.height);
        Whole words[kColumns];
        for (int j = 0; j < kColumns; ++j) words[j] = GatherWords(image, row, columns[j]);
        for (int c = 0; c < 3; ++c) lines[c][i] = CubicOfColumns<on_columns>(words, c, x.part);
      }
      for (int c = 0; c < 3; ++c) {
        Vec value = lines[c][0];
        if constexpr (!on_rows) value = CubicOfLines(lines[c], y.part);
        store(c, hn::Min(hn::Max(value, hn::Zero(d)), hn::Set(d, 255.0)));
      }
    });
  });
}

void InterleavePlanes(const uint8_t* red, const uint8_t* green, const uint8_t* blue, size_t count,
                      uint32_t* words) {
  const hn::CappedTag<uint8_t, 64> d;
  const size_t lanes = hn::Lanes(d);
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    hn::StoreInterleaved4(hn::LoadU(d, red + x), hn::LoadU(d, green + x), hn::LoadU(d, blue + x),
                          hn::Zero(d), d, reinterpret_cast<uint8_t*>(words + x));
  }
  for (; x < count; ++x) {
    words[x] = red[x] | uint32_t{green[x]} << 8 | uint32_t{blue[x]} << 16;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(WarpLineBilinear);
HWY_EXPORT(WarpLineBicubic);
HWY_EXPORT(InterleavePlanes);

}  // namespace

void WarpLineBilinear(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(WarpLineBilinear)(image, from, to);
}

void WarpLineBicubic(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(WarpLineBicubic)(image, from, to);
}

void InterleavePlanes(const uint8_t* red, const uint8_t* green, const uint8_t* blue, size_t count,
                      uint32_t* words) {
  HWY_DYNAMIC_DISPATCH(InterleavePlanes)(red, green, blue, count, words);
}

}  // namespace fastinet
#endif  // HWY_ONCE
