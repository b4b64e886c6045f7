#include "warp/kernels.h"

#include <algorithm>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "warp/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/cut_off-inl.h"
#include "warp/sampling-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Pairs = hn::Rebind<int64_t, Doubles>;  // of words: the first one in the lower half
using Pair = hn::Vec<Pairs>;

// ------------------------------------------------------------------------------- points anywhere

/// Points of an image: how far they lie behind the centres of the pixels before them, 0 to 1, and
/// where these pixels are.
struct Points {
  Vec x_part, y_part;
  Pair offset;  // from the first pixel [bytes]
};

HWY_INLINE Points PointsOf(const WordImage& image, const SourceLine& from, Vec centre) {
  const Doubles d;
  const auto coordinate = [&](double step, double line, double shift) {
    const Vec sum = hn::Add(hn::Mul(hn::Set(d, step), centre), hn::Set(d, line));
    return hn::Sub(hn::Add(sum, hn::Set(d, shift)), hn::Set(d, 0.5));
  };
  const Vec x = coordinate(from.x_step, from.x_line, from.x_shift);
  const Vec y = coordinate(from.y_step, from.y_line, from.y_shift);
  const Vec column = hn::Floor(x), row = hn::Floor(y);
  // Whole numbers, exact in double; behind 1.5 * 2^52 the last bits are theirs.
  const Vec words = hn::Add(hn::Mul(row, hn::Set(d, 4.0 * static_cast<double>(image.stride))),
                            hn::Mul(column, hn::Set(d, 4.0)));
  const Vec base = hn::Set(d, 6755399441055744.0);
  const Pair offset =
      hn::Sub(hn::BitCast(Pairs(), hn::Add(words, base)), hn::BitCast(Pairs(), base));
  return {hn::Sub(x, column), hn::Sub(y, row), offset};
}

/// The pixels `right` and `right` + 1 behind those of `points`, `below` lines further down.
HWY_INLINE Pair GatherPairs(const WordImage& image, const Points& points, int below, int right) {
  const uint32_t* const words =
      image.words + static_cast<ptrdiff_t>(image.stride) * below + ptrdiff_t{right};
  return hn::GatherOffset(Pairs(), reinterpret_cast<const int64_t*>(words), points.offset);
}

/// A component of the first or the second pixels of some pairs.
HWY_INLINE Whole Component(Pair pairs, int second, int component) {
  const hn::Rebind<uint64_t, Doubles> d;
  const hn::Rebind<uint32_t, Doubles> words;
  const auto whole = hn::BitCast(d, pairs);
  const auto word = hn::TruncateTo(words, second == 0 ? whole : hn::ShiftRight<32>(whole));
  const Whole shifted = hn::BitCast(Ints(), component == 0   ? word
                                            : component == 1 ? hn::ShiftRight<8>(word)
                                                             : hn::ShiftRight<16>(word));
  return hn::And(shifted, hn::Set(Ints(), 0xFF));
}

struct Bilinear {
  /// Three components of some points.
  static HWY_INLINE void Exact(const WordImage& image, const Points& points, Vec* values) {
    const Pair above = GatherPairs(image, points, 0, 0), below = GatherPairs(image, points, 1, 0);
    for (int c = 0; c < 3; ++c) {
      const auto line = [&](Pair pixels) {
        return Between(ToDouble(Component(pixels, 0, c)), ToDouble(Component(pixels, 1, c)),
                       points.x_part);
      };
      values[c] = Between(line(above), line(below), points.y_part);
    }
  }
};

struct Bicubic {
  static HWY_INLINE void Exact(const WordImage& image, const Points& points, Vec* values) {
    Vec lines[3][4];
    for (int i = 0; i < 4; ++i) {
      const Pair left = GatherPairs(image, points, i - 1, -1);
      const Pair right = GatherPairs(image, points, i - 1, 1);
      for (int c = 0; c < 3; ++c) {
        const Whole v[4] = {Component(left, 0, c), Component(left, 1, c), Component(right, 0, c),
                            Component(right, 1, c)};
        lines[c][i] = CubicOfColumns(v, points.x_part);
      }
    }
    for (int c = 0; c < 3; ++c) values[c] = CubicOfLines(lines[c], points.y_part);
  }
};

/// `count` pixels of a line from number `first` of `to` on.
template <class Kind>
HWY_NOINLINE void WarpExactly(const WordImage& image, const SourceLine& from,
                              const LineOfPlanes& to, size_t first, size_t count) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  const Vec last = hn::Set(d, static_cast<double>(to.first + first + count - 1) + 0.5);
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  for (size_t x = first; x < first + count; x += lanes) {
    // What is beyond the last pixel need not lie in the image.
    const Vec centre = hn::Min(Centres(to.first + x), last);
    Vec values[3];
    Kind::Exact(image, PointsOf(image, from, centre), values);
    for (int c = 0; c < 3; ++c) StoreDoubles(values[c], planes[c] + x, first + count - x);
  }
}

#if HWY_TARGET == HWY_SCALAR  // whose vectors are one value long

template <class Kind>
void WarpLine(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  WarpExactly<Kind>(image, from, to, 0, to.count);
}

struct FastBilinear : Bilinear {};
struct FastBicubic : Bicubic {};

#else

// Double is slow, and only its whole part is stored. So values are computed in float first, with a
// bound of how far they may be from those in double: where both ends of that distance have the same
// whole part, it is that of the value in double, too. Where they have not, the pixels are made once
// more, in double: of real images a few in a hundred. Fused multiplication is welcome here, since
// the bound holds with it and without.

using Floats = hn::CappedTag<float, 16>;
using HalfFloats = hn::Rebind<float, Doubles>;
using FloatInts = hn::Rebind<int32_t, Floats>;
using FloatWords = hn::Rebind<uint32_t, Floats>;
using FloatBytes = hn::Rebind<uint8_t, Floats>;
using FloatVec = hn::Vec<Floats>;
using Words = hn::Vec<FloatWords>;

/// Points of some neighbouring pixels of the result. They are made before the pixels are read, and
/// go through memory: taken out of a vector's register, each offset would cost as much as its load.
struct FloatPoints {
  static constexpr size_t kMost = 256;

  float x_part[kMost], y_part[kMost];
  HWY_ALIGN int64_t offset[kMost];  // from the first pixel [bytes]
};

HWY_INLINE FloatVec BothAsFloats(Vec low, Vec high) {
  return hn::Combine(Floats(), hn::DemoteTo(HalfFloats(), high), hn::DemoteTo(HalfFloats(), low));
}

/// Those of `count` pixels, up to kMost, from number `first` on; rounded up to whole vectors.
HWY_INLINE void FloatPointsOf(const WordImage& image, const SourceLine& from, size_t first,
                              size_t count, FloatPoints* points) {
  const size_t half = hn::Lanes(Doubles());
  for (size_t i = 0; i < count; i += 2 * half) {
    const Points low = PointsOf(image, from, Centres(first + i));
    const Points high = PointsOf(image, from, Centres(first + i + half));
    hn::StoreU(BothAsFloats(low.x_part, high.x_part), Floats(), points->x_part + i);
    hn::StoreU(BothAsFloats(low.y_part, high.y_part), Floats(), points->y_part + i);
    hn::StoreU(low.offset, Pairs(), points->offset + i);
    hn::StoreU(high.offset, Pairs(), points->offset + i + half);
  }
}

// Neighbours in a line lie together, so that one load has them all: of four points at a time they
// are transposed in blocks of 16 bytes. Gathering them by their indices takes longer.

using Block = hn::FixedTag<uint32_t, 4>;

/// load(k), load(k + 4), ... side by side.
template <class D, class Load>
HWY_INLINE hn::Vec<D> SideBySide(D d, size_t k, const Load& load) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return load(k);
  } else {
    constexpr hn::Half<D> half;
    return hn::Combine(d, SideBySide(half, k + hn::MaxLanes(half), load),
                       SideBySide(half, k, load));
  }
}

/// The first or the second halves of blocks, in turn from one and the other.
HWY_INLINE Words LowerOf(Words a, Words b) { return hn::InterleaveLower(FloatWords(), a, b); }
HWY_INLINE Words UpperOf(Words a, Words b) { return hn::InterleaveUpper(FloatWords(), a, b); }

/// The first or the second halves of the blocks of two vectors.
HWY_INLINE Words LowerHalves(Words a, Words b) {
  const hn::Repartition<uint64_t, FloatWords> d;
  return hn::BitCast(FloatWords(), hn::InterleaveLower(d, hn::BitCast(d, a), hn::BitCast(d, b)));
}
HWY_INLINE Words UpperHalves(Words a, Words b) {
  const hn::Repartition<uint64_t, FloatWords> d;
  return hn::BitCast(FloatWords(), hn::InterleaveUpper(d, hn::BitCast(d, a), hn::BitCast(d, b)));
}

/// Where a line begins for LoadPixels: `right` of the points' pixels, `below` them.
HWY_INLINE const uint8_t* LineBegin(const WordImage& image, int below, int right) {
  return reinterpret_cast<const uint8_t*>(
      image.words + static_cast<ptrdiff_t>(image.stride) * below + ptrdiff_t{right});
}

/// Of the points of a vector, the first two or the four of the pixels from each on. Offsets are
/// volatile, so that each line loads them again: kept, there are more than registers for them.
template <int kCount>
HWY_INLINE void LoadPixels(const uint8_t* line, const volatile int64_t* offsets, Words* words) {
  const auto block = [&](size_t i) {
    return hn::LoadU(Block(), reinterpret_cast<const uint32_t*>(line + offsets[i]));
  };
  const Words v0 = SideBySide(FloatWords(), 0, block), v1 = SideBySide(FloatWords(), 1, block);
  const Words v2 = SideBySide(FloatWords(), 2, block), v3 = SideBySide(FloatWords(), 3, block);
  const Words left = LowerOf(v0, v1), left2 = LowerOf(v2, v3);
  words[0] = LowerHalves(left, left2);
  words[1] = UpperHalves(left, left2);
  if constexpr (kCount == 4) {
    const Words right = UpperOf(v0, v1), right2 = UpperOf(v2, v3);
    words[2] = LowerHalves(right, right2);
    words[3] = UpperHalves(right, right2);
  }
}

/// Red, 256 times green, and blue of some words: green stays where it is.
struct FloatPixels {
  explicit HWY_INLINE FloatPixels(Words words) {
    const auto whole = [](Words value) {
      return hn::ConvertTo(Floats(), hn::BitCast(FloatInts(), value));
    };
    values[0] = whole(hn::And(words, hn::Set(FloatWords(), 0xFF)));
    values[1] = whole(hn::And(words, hn::Set(FloatWords(), 0xFF00)));
    values[2] = whole(hn::ShiftRight<16>(words));  // nothing is above it
  }

  FloatVec values[3];
};

/// Bits that differ between some words and `first`, added to those that did before.
HWY_INLINE Words Differing(Words before, Words first, Words words) {
  return hn::Or(before, hn::Xor(first, words));
}

struct FastBilinear : Bilinear {
  /// With x_part and y_part within 2^-25, and each operation within 2^-17 of numbers up to 255, a
  /// line is within 3 * 2^-17, and the value, with what is added for the bound, within 9 * 2^-17.
  static constexpr float kBound = 0x1p-13f;

  /// Three components, green 256 times, and the bits in which any of the pixels read differ.
  static HWY_INLINE Words Approximate(const WordImage& image, FloatVec x_part, FloatVec y_part,
                                      const int64_t* offsets, FloatVec* values) {
    Words above[2], below[2];
    LoadPixels<2>(LineBegin(image, 0, 0), offsets, above);
    LoadPixels<2>(LineBegin(image, 1, 0), offsets, below);
    const FloatPixels pixels[4] = {FloatPixels(above[0]), FloatPixels(above[1]),
                                   FloatPixels(below[0]), FloatPixels(below[1])};
    const auto between = [](FloatVec a, FloatVec b, FloatVec part) {
      return hn::MulAdd(part, hn::Sub(b, a), a);
    };
    for (int c = 0; c < 3; ++c) {
      const auto line = [&](int first) {
        return between(pixels[first].values[c], pixels[first + 1].values[c], x_part);
      };
      values[c] = between(line(0), line(2), y_part);
    }
    const Words differing = Differing(hn::Xor(above[0], above[1]), above[0], below[0]);
    return Differing(differing, above[0], below[1]);
  }
};

struct FastBicubic : Bicubic {
  /// Weights, up to 1, are within 2^-23, all four of a line together within 2^-21, which makes
  /// 2^-13 of a line. Its four products and three sums, up to 319, are each within 2^-16: 2^-12 in
  /// all. The lines' weights, whose magnitudes add up to 1.5 at most, make that 1.5 times as much,
  /// and add as much of their own as a line has: 5 * 2^-13. What is added for the bound is rounded,
  /// too, by 2^-16.
  static constexpr float kBound = 6 * 0x1p-13f;

  /// Of the cubic of a = -1.
  static HWY_INLINE void WeightsOf(FloatVec part, FloatVec* weights) {
    const Floats d;
    const FloatVec one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f);
    const FloatVec square = hn::Mul(part, part);
    weights[0] = hn::Mul(part, hn::MulAdd(part, hn::Sub(two, part), hn::Set(d, -1.0f)));
    weights[1] = hn::MulAdd(square, hn::Sub(part, two), one);
    weights[2] = hn::Mul(part, hn::Sub(hn::Add(one, part), square));
    weights[3] = hn::Mul(square, hn::Sub(part, one));
  }

  static HWY_INLINE Words Approximate(const WordImage& image, FloatVec x_part, FloatVec y_part,
                                      const int64_t* offsets, FloatVec* values) {
    FloatVec columns[4], rows[4];
    WeightsOf(x_part, columns);
    WeightsOf(y_part, rows);
    for (int c = 0; c < 3; ++c) values[c] = hn::Zero(Floats());
    Words differing = hn::Zero(FloatWords()), first = differing;
    for (int i = 0; i < 4; ++i) {
      Words words[4];
      LoadPixels<4>(LineBegin(image, i - 1, -1), offsets, words);
      if (i == 0) first = words[0];
      // Written out, since a loop would find out the component and the column each time.
      const FloatPixels p0(words[0]), p1(words[1]), p2(words[2]), p3(words[3]);
      for (int c = 0; c < 3; ++c) {
        FloatVec line = hn::Mul(columns[0], p0.values[c]);
        line = hn::MulAdd(columns[1], p1.values[c], line);
        line = hn::MulAdd(columns[2], p2.values[c], line);
        line = hn::MulAdd(columns[3], p3.values[c], line);
        values[c] = hn::MulAdd(rows[i], line, values[c]);
      }
      differing = Differing(differing, first, words[0]);
      differing = Differing(differing, first, words[1]);
      differing = Differing(differing, first, words[2]);
      differing = Differing(differing, first, words[3]);
    }
    return differing;
  }
};

/// As many pixels as a vector of floats has, from number x of `to` on, whose points are those from
/// number `place` on.
template <class Kind>
HWY_INLINE void WarpVector(const WordImage& image, const SourceLine& from, const LineOfPlanes& to,
                           const FloatPoints& points, size_t place, size_t x) {
  const Floats d;
  const FloatVec bound = hn::Set(d, Kind::kBound);
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  FloatVec values[3];
  const Words differing =
      Kind::Approximate(image, hn::LoadU(d, points.x_part + place),
                        hn::LoadU(d, points.y_part + place), points.offset + place, values);
  values[1] = hn::Mul(values[1], hn::Set(d, 0x1p-8f));
  // Components where the ends differ, in the place that they have in `differing`. A component that
  // is the same in all pixels read is that itself, whatever the bound says.
  Words doubtful = hn::Zero(FloatWords());
  for (int c = 0; c < 3; ++c) {
    const auto least = CutOff(hn::Sub(values[c], bound)), most = CutOff(hn::Add(values[c], bound));
    hn::StoreU(hn::DemoteTo(FloatBytes(), most), FloatBytes(), planes[c] + x);
    // The ends differ by one or not at all: all bits of their difference are set, or none.
    const Words differ = hn::BitCast(FloatWords(), hn::Sub(least, most));
    const Words mask = hn::Set(FloatWords(), uint32_t{0xFF} << (8 * c));
    doubtful = hn::Or(doubtful, hn::And(differ, mask));
  }
  const auto are_doubtful = hn::Ne(hn::And(doubtful, differing), hn::Zero(FloatWords()));
  if (HWY_LIKELY(hn::AllFalse(FloatWords(), are_doubtful))) return;
  uint8_t bits[8] = {};  // room for what StoreMaskBits may write
  hn::StoreMaskBits(FloatWords(), are_doubtful, bits);
  const size_t half = hn::Lanes(Doubles());
  const unsigned all = bits[0] | unsigned{bits[1]} << 8, low = (1u << half) - 1;
  if ((all & low) != 0) WarpExactly<Kind>(image, from, to, x, half);
  if ((all & ~low) != 0) WarpExactly<Kind>(image, from, to, x + half, half);
}

template <class Kind>
void WarpLine(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  const size_t lanes = hn::Lanes(Floats());
  if (to.count < lanes) {
    if (to.count > 0) WarpExactly<Kind>(image, from, to, 0, to.count);
    return;
  }
  FloatPoints points;
  for (size_t done = 0; done < to.count; done += FloatPoints::kMost) {
    // The last ones together with some that are there already, where they make no vector.
    const size_t first = std::min(done, to.count - lanes);
    const size_t count = std::min(FloatPoints::kMost, to.count - first);
    FloatPointsOf(image, from, to.first + first, count, &points);
    for (size_t i = 0; i < count; i += lanes) {
      const size_t place = std::min(i, count - lanes);
      WarpVector<Kind>(image, from, to, points, place, first + place);
    }
  }
}

#endif

void WarpLineBilinear(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  WarpLine<FastBilinear>(image, from, to);
}

void WarpLineBicubic(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  WarpLine<FastBicubic>(image, from, to);
}

// ---------------------------------------------------------------------------- the nearest pixels

void WarpLineNearest(const WordImage& image, const FixedLine& from, uint32_t fill,
                     const LineOfPlanes& to) {
  const hn::CappedTag<int32_t, 16> d;
  const hn::RebindToUnsigned<decltype(d)> words;
  const hn::Rebind<uint8_t, decltype(d)> bytes;
  const size_t lanes = hn::Lanes(d);
  const auto width = hn::Set(words, static_cast<uint32_t>(image.size.width));
  const auto height = hn::Set(words, static_cast<uint32_t>(image.size.height));
  const auto stride = hn::Set(d, static_cast<int32_t>(image.stride));
  const auto steps_of = [&](int32_t step) {
    return hn::Set(d, static_cast<int32_t>(static_cast<uint32_t>(step) * lanes));
  };
  const auto x_steps = steps_of(from.x_step), y_steps = steps_of(from.y_step);
  auto x = hn::Add(hn::Set(d, from.x), hn::Mul(hn::Iota(d, 0), hn::Set(d, from.x_step)));
  auto y = hn::Add(hn::Set(d, from.y), hn::Mul(hn::Iota(d, 0), hn::Set(d, from.y_step)));
  uint8_t* const planes[3] = {to.red, to.green, to.blue};
  for (size_t first = 0; first < to.count; first += lanes) {
    const auto column = hn::ShiftRight<16>(x), row = hn::ShiftRight<16>(y);
    // What is below zero is large without its sign.
    const auto inside =
        hn::And(hn::Lt(hn::BitCast(words, column), width), hn::Lt(hn::BitCast(words, row), height));
    const auto index = hn::BitCast(words, hn::Add(hn::Mul(row, stride), column));
    const auto reached = hn::BitCast(d, hn::IfThenElseZero(inside, index));
    const auto gathered =
        hn::GatherIndex(d, reinterpret_cast<const int32_t*>(image.words), reached);
    const auto word = hn::IfThenElse(inside, hn::BitCast(words, gathered), hn::Set(words, fill));
    const decltype(word) shifted[3] = {word, hn::ShiftRight<8>(word), hn::ShiftRight<16>(word)};
    const size_t left = to.count - first;
    for (int c = 0; c < 3; ++c) {
      const auto values = hn::TruncateTo(bytes, shifted[c]);
      if (left >= lanes) {
        hn::StoreU(values, bytes, planes[c] + first);
        continue;
      }
      uint8_t copy[hn::MaxLanes(bytes)];
      hn::StoreU(values, bytes, copy);
      std::copy_n(copy, left, planes[c] + first);
    }
    x = hn::Add(x, x_steps);
    y = hn::Add(y, y_steps);
  }
}

// ------------------------------------------------------------------------------------- the words

void InterleavePlanes(const uint8_t* red, const uint8_t* green, const uint8_t* blue, size_t count,
                      uint32_t* words) {
  const hn::CappedTag<uint8_t, 64> d;
  const size_t lanes = hn::Lanes(d);
  const auto interleave = [&](size_t x) {
    hn::StoreInterleaved4(hn::LoadU(d, red + x), hn::LoadU(d, green + x), hn::LoadU(d, blue + x),
                          hn::Zero(d), d, reinterpret_cast<uint8_t*>(words + x));
  };
  size_t x = 0;
  for (; x + lanes <= count; x += lanes) interleave(x);
  if (x == count) return;
  if (count >= lanes) return interleave(count - lanes);
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
HWY_EXPORT(WarpLineNearest);
HWY_EXPORT(InterleavePlanes);

}  // namespace

void WarpLineBilinear(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(WarpLineBilinear)(image, from, to);
}

void WarpLineBicubic(const WordImage& image, const SourceLine& from, const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(WarpLineBicubic)(image, from, to);
}

void WarpLineNearest(const WordImage& image, const FixedLine& from, uint32_t fill,
                     const LineOfPlanes& to) {
  HWY_DYNAMIC_DISPATCH(WarpLineNearest)(image, from, fill, to);
}

void InterleavePlanes(const uint8_t* red, const uint8_t* green, const uint8_t* blue, size_t count,
                      uint32_t* words) {
  HWY_DYNAMIC_DISPATCH(InterleavePlanes)(red, green, blue, count, words);
}

}  // namespace fastinet
#endif  // HWY_ONCE
