#include "warp/grid_kernels.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "warp/grid_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/fused-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::Rebind<int32_t, Floats>;
using Words = hn::Rebind<uint32_t, Floats>;
using Bytes = hn::Rebind<uint8_t, Floats>;
using Vec = hn::Vec<Floats>;
using Whole = hn::Vec<Ints>;
using Word = hn::Vec<Words>;

HWY_INLINE Vec Set(float value) { return hn::Set(Floats(), value); }

/// Coordinates in pixels: 0 is the centre of the first one.
HWY_INLINE Vec PixelsOf(const GridLine::Axis& axis, float y, Vec x, int32_t side) {
  const Floats d;
  const Vec lines = Fused(d, Set(y), Set(axis.y_share), hn::Mul(x, Set(axis.x_share)));
  const Vec place = hn::Add(hn::Add(lines, Set(axis.shift)), Set(1));
  return Fused(d, place, Set(static_cast<float>(side) / 2), Set(-0.5f));
}

/// Whole coordinates, kept within a border of two pixels: all that lies there is the same.
HWY_INLINE Whole WithinBorder(Vec pixels, int32_t side) {
  const Vec last = Set(static_cast<float>(side));
  return hn::ConvertTo(Ints(), hn::Min(hn::Max(pixels, Set(-2)), last));
}

HWY_INLINE Whole IndexOf(const WordImage& image, Whole column, Whole row) {
  const auto stride = hn::Set(Ints(), static_cast<int32_t>(image.stride));
  return hn::Add(hn::Mul(row, stride), column);
}

HWY_INLINE Word Gather(const WordImage& image, Whole index, size_t below, size_t right) {
  return hn::GatherIndex(Words(), image.words + below * image.stride + right, index);
}

/// A byte of some words.
template <int kByte>
HWY_INLINE Vec Component(Word words) {
  const Word byte = hn::And(hn::ShiftRight<8 * kByte>(words), hn::Set(Words(), 0xFF));
  return hn::ConvertTo(Floats(), hn::BitCast(Ints(), byte));
}

HWY_INLINE void StoreSome(hn::Vec<Bytes> bytes, uint8_t* out, size_t count) {
  if (count >= hn::Lanes(Bytes())) return hn::StoreU(bytes, Bytes(), out);
  uint8_t values[hn::MaxLanes(Bytes())];
  hn::StoreU(bytes, Bytes(), values);
  std::copy_n(values, count, out);
}

/// How far pixels lie from the middle of their line.
HWY_INLINE Vec FromMiddle(size_t first, int32_t width) {
  const float middle = static_cast<float>(width - 1) / 2;
  return hn::Sub(hn::Iota(Floats(), static_cast<float>(first)), Set(middle));
}

/// Four pixels around some points, and their weights.
struct Corners {
  Word words[4];
  Vec weights[4];

  template <int kByte>
  HWY_INLINE Vec Mean() const {
    Vec sum = hn::Mul(Component<kByte>(words[0]), weights[0]);
    for (int i = 1; i < 4; ++i) sum = Fused(Floats(), Component<kByte>(words[i]), weights[i], sum);
    return sum;
  }
};

HWY_INLINE Corners CornersOf(const WordImage& image, Vec x, Vec y) {
  const Vec left = hn::Floor(x), top = hn::Floor(y);
  const Vec right_part = hn::Sub(x, left), lower_part = hn::Sub(y, top);
  const Vec left_part = hn::Sub(Set(1), right_part), upper_part = hn::Sub(Set(1), lower_part);
  const Whole index =
      IndexOf(image, WithinBorder(left, image.size.width), WithinBorder(top, image.size.height));
  return {{Gather(image, index, 0, 0), Gather(image, index, 0, 1), Gather(image, index, 1, 0),
           Gather(image, index, 1, 1)},
          {hn::Mul(upper_part, left_part), hn::Mul(upper_part, right_part),
           hn::Mul(lower_part, left_part), hn::Mul(lower_part, right_part)}};
}

void SampleGridBilinear(const WordImage& image, const GridLine& from, Filling filling,
                        const std::array<uint8_t, 3>& fill, const LineOfPlanes& to) {
  const Vec fills[3] = {Set(fill[0]), Set(fill[1]), Set(fill[2])};
  for (size_t first = 0; first < to.count; first += hn::Lanes(Floats())) {
    const Vec middle = FromMiddle(first, image.size.width);
    const Corners corners =
        CornersOf(image, PixelsOf(from.column, from.y, middle, image.size.width),
                  PixelsOf(from.row, from.y, middle, image.size.height));
    const Vec inside = corners.Mean<3>(), outside = hn::Sub(Set(1), inside);
    const auto store = [&](Vec value, Vec colour, uint8_t* out) {
      switch (filling) {
        case Filling::kNone:
          break;
        case Filling::k1:
          value = hn::Add(hn::Mul(value, inside), hn::Mul(outside, colour));
          break;
        case Filling::k2:
          value = hn::Add(hn::Mul(hn::Sub(value, colour), inside), colour);
          break;
      }
      StoreSome(hn::DemoteTo(Bytes(), hn::NearestInt(value)), out + first, to.count - first);
    };
    store(corners.Mean<0>(), fills[0], to.red);
    store(corners.Mean<1>(), fills[1], to.green);
    store(corners.Mean<2>(), fills[2], to.blue);
  }
}

void SampleGridNearest(const WordImage& image, const GridLine& from, Filling filling,
                       const std::array<uint8_t, 3>& fill, const LineOfPlanes& to) {
  const uint32_t colour = filling == Filling::kNone ? 0
                                                    : uint32_t{fill[0]} | uint32_t{fill[1]} << 8 |
                                                          uint32_t{fill[2]} << 16;
  for (size_t first = 0; first < to.count; first += hn::Lanes(Floats())) {
    const Vec middle = FromMiddle(first, image.size.width);
    const auto nearest = [&](const GridLine::Axis& axis, int32_t side) {
      return WithinBorder(hn::Round(PixelsOf(axis, from.y, middle, side)), side);
    };
    const Word pixels = Gather(image,
                               IndexOf(image, nearest(from.column, image.size.width),
                                       nearest(from.row, image.size.height)),
                               0, 0);
    const auto is_outside = hn::Lt(pixels, hn::Set(Words(), kInsideImage));
    const Word words = hn::IfThenElse(is_outside, hn::Set(Words(), colour), pixels);
    const auto store = [&](Word shifted, uint8_t* out) {
      StoreSome(hn::TruncateTo(Bytes(), shifted), out + first, to.count - first);
    };
    store(words, to.red);
    store(hn::ShiftRight<8>(words), to.green);
    store(hn::ShiftRight<16>(words), to.blue);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(SampleGridBilinear);
HWY_EXPORT(SampleGridNearest);

}  // namespace

void SampleGridBilinear(const WordImage& image, const GridLine& from, Filling filling,
                        const std::array<uint8_t, 3>& fill, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(SampleGridBilinear)(image, from, filling, fill, to);
}

void SampleGridNearest(const WordImage& image, const GridLine& from, Filling filling,
                       const std::array<uint8_t, 3>& fill, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(SampleGridNearest)(image, from, filling, fill, to);
}

}  // namespace fastinet
#endif  // HWY_ONCE
