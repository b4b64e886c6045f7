#include "warp/warp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "warp/kernels.h"
#include "warp/shift_kernels.h"

namespace fastinet {
namespace {

// ------------------------------------------------------------------------------------ geometry

/// Pixels of a line, from `first` to before `end`.
struct Span {
  size_t first = 0;
  size_t end = 0;

  size_t count() const { return end - first; }
};

/// The first of `count` pixels that have passed a bound, as all behind it have; looked for from an
/// estimate on.
template <class Passed>
size_t FindFirst(size_t count, double estimate, const Passed& passed) {
  size_t x = 0;
  if (estimate > 0) x = static_cast<size_t>(std::min(estimate, static_cast<double>(count)));
  while (x > 0 && passed(x - 1)) --x;
  while (x < count && !passed(x)) ++x;
  return x;
}

/// Those of a line's `count` pixels whose points have their coordinate step * (x + 0.5) + line +
/// shift between 0 and `size`. However it is rounded, it never turns back on its way.
Span SpanOnAxis(double step, double line, double shift, int32_t size, size_t count) {
  const double end = size;
  const auto at = [&](size_t x) { return step * (static_cast<double>(x) + 0.5) + line + shift; };
  if (step == 0) return {0, at(0) >= 0 && at(0) < end ? count : 0};
  const auto find = [&](double bound, const auto& passed) {
    return FindFirst(count, (bound - line - shift) / step - 0.5, passed);
  };
  const auto is_below = [&](double bound) {
    return [&at, bound](size_t x) { return at(x) < bound; };
  };
  const auto is_from = [&](double bound) {
    return [&at, bound](size_t x) { return at(x) >= bound; };
  };
  if (step > 0) return {find(0, is_from(0)), find(end, is_from(end))};
  return {find(end, is_below(end)), find(0, is_below(0))};
}

/// Those of a line's pixels whose points lie in the image.
Span SpanInside(const SourceLine& from, Size size, size_t count) {
  const Span x = SpanOnAxis(from.x_step, from.x_line, from.x_shift, size.width, count);
  const Span y = SpanOnAxis(from.y_step, from.y_line, from.y_shift, size.height, count);
  const size_t first = std::max(x.first, y.first);
  return {first, std::max(first, std::min(x.end, y.end))};
}

bool IsWhole(double value) { return value == std::floor(value); }

/// Whether points lie on lines of pixels, and one pixel apart.
bool MovesAlongLines(const AffineMatrix& m) {
  return m[0] == 1 && m[3] == 0 && m[4] == 1 && IsWhole(m[5]);
}

/// The same transform of the transposed image.
AffineMatrix Transposed(const AffineMatrix& m) { return {m[4], m[3], m[5], m[1], m[0], m[2]}; }

/// The pixel that a position lies in; -1: before the first one, or too far away for any.
int32_t PixelAt(double position) {
  return position >= 0 && position < std::numeric_limits<int32_t>::max()
             ? static_cast<int32_t>(position)
             : -1;
}

constexpr int32_t kFixedOne = 1 << 16;

/// A number below 2^15 in 16.16 fixed point. The nearest below is rounded to 2^15, which wraps
/// around, as it does in Pillow.
int32_t ToFixed(double value) {
  return static_cast<int32_t>(static_cast<int64_t>(std::floor(value * 65536.0 + 0.5)));
}

/// Whether the transform of (x, y) fits 16.16 fixed point.
bool FitsFixed(const AffineMatrix& m, int32_t x, int32_t y) {
  return std::fabs(x * m[0] + y * m[1] + m[2]) < 32768.0 &&
         std::fabs(x * m[3] + y * m[4] + m[5]) < 32768.0;
}

/// `steps` times a step behind a position. The sum may wrap around, as fixed-point positions far
/// from the image do.
int32_t Advance(int32_t position, int32_t step, size_t steps) {
  return static_cast<int32_t>(static_cast<uint32_t>(position) +
                              static_cast<uint32_t>(step) * static_cast<uint32_t>(steps));
}

// ----------------------------------------------------------------------------------- the planes

size_t Wide(int32_t value) { return static_cast<size_t>(value); }

/// Pixels of line y of three planes of this size.
LineOfPlanes LineOf(MutableBytes planes, Size size, size_t y, const Span& span) {
  const size_t count = Wide(size.width) * Wide(size.height);
  uint8_t* const red = planes.data() + y * Wide(size.width) + span.first;
  return {red, red + count, red + 2 * count, span.first, span.count()};
}

/// Fills what lies beside `span` in line y.
void FillBeside(const Span& span, const Colour& fill, Size size, size_t y, MutableBytes planes) {
  const size_t width = Wide(size.width);
  for (size_t c = 0; c < 3; ++c) {
    uint8_t* const line = planes.data() + c * width * Wide(size.height) + y * width;
    std::fill(line, line + span.first, fill[c]);
    std::fill(line + span.end, line + width, fill[c]);
  }
}

/// Repeats what lies at the ends of a line `border` times beside it.
template <class Value>
void Repeat(Value* line, size_t width, size_t border) {
  std::fill_n(line - border, border, line[0]);
  std::fill_n(line + width, border, line[width - 1]);
}

}  // namespace

/// Where the pixels of a line come from: those of `span` from pixel x + along of line `row`.
struct Warp::Shift {
  Span span;
  size_t row = 0;
  int64_t along = 0;
};

void Warp::Apply(const WarpSpec& spec, Size size, MutableBytes planes) {
  if (size.width == 0 || size.height == 0) return;
  const AffineMatrix& m = spec.matrix;
  if (spec.sampling == Sampling::kNearest) {
    return m[1] == 0 && m[3] == 0 ? ScaleNearest(spec, size, planes)
                                  : WarpNearest(spec, size, planes);
  }
  if (MovesAlongLines(m)) return ShiftLines(spec, size, planes);
  if (const AffineMatrix other = Transposed(m); MovesAlongLines(other)) {
    return OnTranspose(size, planes, [&](Size turned, MutableBytes pixels) {
      ShiftLines({other, spec.sampling, spec.fill}, turned, pixels);
    });
  }
  WarpLines(spec, size, planes);
}

/// Copies the planes with a border at the ends of their lines.
void Warp::CopyBordered(Size size, Bytes planes) {
  const size_t width = Wide(size.width), stride = width + 2 * kWarpBorder;
  const size_t lines = planes.size() / width;
  source_.resize(lines * stride + kWarpPadding);
  for (size_t y = 0; y < lines; ++y) {
    uint8_t* const line = source_.data() + y * stride + kWarpBorder;
    std::copy_n(planes.data() + y * width, width, line);
    Repeat(line, width, kWarpBorder);
  }
}

/// Copies the planes as words, with a border all around.
void Warp::CopyWords(Size size, Bytes planes) {
  const size_t width = Wide(size.width), height = Wide(size.height), count = width * height;
  const size_t stride = width + 2 * kWarpBorder;
  words_.resize((height + 2 * kWarpBorder) * stride + kWordPadding);
  uint32_t* const first = words_.data() + kWarpBorder * stride;
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* const red = planes.data() + y * width;
    uint32_t* const line = first + y * stride + kWarpBorder;
    InterleavePlanes(red, red + count, red + 2 * count, width, line);
    Repeat(line, width, kWarpBorder);
  }
  const uint32_t* const last = first + (height - 1) * stride;
  for (size_t i = 1; i <= kWarpBorder; ++i) {
    std::copy_n(first, stride, first - i * stride);
    std::copy_n(last, stride, first + (height - 1 + i) * stride);
  }
}

/// Calls lines(size, planes) for the transposed image, and transposes what comes of it.
template <class Lines>
void Warp::OnTranspose(Size size, MutableBytes planes, const Lines& lines) {
  const size_t count = planes.size() / 3;
  const Size turned{size.height, size.width};
  transposed_.resize(planes.size());
  for (size_t c = 0; c < 3; ++c) {
    TransposePlane(planes.data() + c * count, size, transposed_.data() + c * count);
  }
  lines(turned, MutableBytes(transposed_));
  for (size_t c = 0; c < 3; ++c) {
    TransposePlane(transposed_.data() + c * count, turned, planes.data() + c * count);
  }
}

// -------------------------------------------------------------------------- bilinear and bicubic

void Warp::WarpLines(const WarpSpec& spec, Size size, MutableBytes planes) {
  CopyWords(size, planes);
  const size_t width = Wide(size.width), stride = width + 2 * kWarpBorder;
  const WordImage image{words_.data() + kWarpBorder * stride + kWarpBorder, size, stride};
  const AffineMatrix& m = spec.matrix;
  for (size_t y = 0; y < Wide(size.height); ++y) {
    const double centre = static_cast<double>(y) + 0.5;
    const SourceLine from{m[0], m[1] * centre, m[2], m[3], m[4] * centre, m[5]};
    const Span span = SpanInside(from, size, width);
    FillBeside(span, spec.fill, size, y, planes);
    const LineOfPlanes to = LineOf(planes, size, y, span);
    spec.sampling == Sampling::kBilinear ? WarpLineBilinear(image, from, to)
                                         : WarpLineBicubic(image, from, to);
  }
}

/// Where points lie on lines of pixels: MovesAlongLines.
void Warp::ShiftLines(const WarpSpec& spec, Size size, MutableBytes planes) {
  CopyBordered(size, planes);
  const size_t width = Wide(size.width), height = Wide(size.height);
  const size_t stride = width + 2 * kWarpBorder;
  const AffineMatrix& m = spec.matrix;
  const bool bilinear = spec.sampling == Sampling::kBilinear;
  for (size_t y = 0; y < height; ++y) {
    const double row = static_cast<double>(y) + m[5];
    const double line = m[1] * (static_cast<double>(y) + 0.5), shift = m[2];
    Span span;
    if (row >= 0 && row < size.height) span = SpanOnAxis(1, line, shift, size.width, width);
    FillBeside(span, spec.fill, size, y, planes);
    if (span.count() == 0) continue;
    const LineOfPlanes to = LineOf(planes, size, y, span);
    LinesOfPlanes lines{};
    for (size_t c = 0; c < 3; ++c) {
      lines[c] = source_.data() + (c * height + static_cast<size_t>(row)) * stride + kWarpBorder;
    }
    // Along the line the point moves on by one pixel each time, but for the rounding of sums.
    const double moved = 0.5 + line + shift - 0.5, whole = std::floor(moved);
    const auto first = static_cast<ptrdiff_t>(span.first) + static_cast<ptrdiff_t>(whole);
    if (IsWhole(line) && IsWhole(shift)) {
      std::copy_n(lines[0] + first, to.count, to.red);
      std::copy_n(lines[1] + first, to.count, to.green);
      std::copy_n(lines[2] + first, to.count, to.blue);
      continue;
    }
    constexpr double kRounding = 1e-6;  // far more than sums of numbers below 2^17 are rounded by
    if (moved - whole > kRounding && moved - whole < 1 - kRounding) {
      for (const uint8_t*& each : lines) each += first;
      const ShiftedLine from{line, shift, whole};
      bilinear ? ShiftLineBilinear(lines, from, to) : ShiftLineBicubic(lines, from, to);
      continue;
    }
    // Next to the pixels' centres the sums decide which pixels are neighbours.
    words_.resize(stride + kWordPadding);
    InterleavePlanes(lines[0] - kWarpBorder, lines[1] - kWarpBorder, lines[2] - kWarpBorder, stride,
                     words_.data());
    const WordImage image{words_.data() + kWarpBorder, {size.width, 1}, 0};
    const SourceLine from{1, line, shift, 0, 0.5, 0};
    bilinear ? WarpLineBilinear(image, from, to) : WarpLineBicubic(image, from, to);
  }
}

// ---------------------------------------------------------------------------- the nearest pixels

/// Copies parts of lines; `shift_of` tells of each line y where it comes from.
template <class ShiftOf>
void Warp::MoveLines(const Colour& fill, Size size, MutableBytes planes, const ShiftOf& shift_of) {
  source_.assign(planes.begin(), planes.end());
  const size_t width = Wide(size.width), count = planes.size() / 3;
  for (size_t y = 0; y < Wide(size.height); ++y) {
    const Shift shift = shift_of(y);
    FillBeside(shift.span, fill, size, y, planes);
    if (shift.span.count() == 0) continue;
    const auto first = static_cast<size_t>(static_cast<int64_t>(shift.span.first) + shift.along);
    for (size_t c = 0; c < 3; ++c) {
      std::copy_n(source_.data() + c * count + shift.row * width + first, shift.span.count(),
                  planes.data() + c * count + y * width + shift.span.first);
    }
  }
}

/// Pillow adds the steps up in double here, whose roundings are part of the result
/// (ImagingScaleAffine).
void Warp::ScaleNearest(const WarpSpec& spec, Size size, MutableBytes planes) {
  const AffineMatrix& m = spec.matrix;
  const size_t width = Wide(size.width), height = Wide(size.height);
  columns_.resize(width + height);
  int32_t* const rows = columns_.data() + width;
  const auto add_up = [](double shift, double step, size_t count, int32_t* pixels) {
    double position = shift + step * 0.5;
    for (size_t i = 0; i < count; ++i, position += step) pixels[i] = PixelAt(position);
  };
  add_up(m[2], m[0], width, columns_.data());
  add_up(m[5], m[4], height, rows);
  const auto is_inside = [](int32_t pixel, int32_t count) { return pixel >= 0 && pixel < count; };
  // They never turn back, so that those which lie in the image follow one another.
  Span span;
  while (span.first < width && !is_inside(columns_[span.first], size.width)) ++span.first;
  span.end = span.first;
  while (span.end < width && is_inside(columns_[span.end], size.width)) ++span.end;
  const int64_t along = span.count() == 0 ? 0 : columns_[span.first] - int64_t(span.first);
  bool moves = true;  // all by the same
  for (size_t x = span.first; x < span.end; ++x) moves &= columns_[x] - int64_t(x) == along;
  if (moves) {
    return MoveLines(spec.fill, size, planes, [&](size_t y) -> Shift {
      if (!is_inside(rows[y], size.height)) return {};
      return {span, Wide(rows[y]), along};
    });
  }
  source_.assign(planes.begin(), planes.end());
  for (size_t y = 0; y < height; ++y) {
    const Span reached = is_inside(rows[y], size.height) ? span : Span{};
    FillBeside(reached, spec.fill, size, y, planes);
    for (size_t c = 0; c < 3 && reached.count() > 0; ++c) {
      const uint8_t* const from = source_.data() + (c * height + Wide(rows[y])) * width;
      uint8_t* const to = planes.data() + (c * height + y) * width;
      for (size_t x = reached.first; x < reached.end; ++x) to[x] = from[Wide(columns_[x])];
    }
  }
}

/// In 16.16 fixed point where all corners fit it (ImagingTransformAffine).
void Warp::WarpNearest(const WarpSpec& spec, Size size, MutableBytes planes) {
  const AffineMatrix& m = spec.matrix;
  if (!FitsFixed(m, 0, 0) || !FitsFixed(m, size.width, size.height) ||
      !FitsFixed(m, 0, size.height) || !FitsFixed(m, size.width, 0)) {
    return WarpNearestFarOut(spec, size, planes);
  }
  const int32_t first_x = ToFixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
  const int32_t first_y = ToFixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
  const int32_t a = ToFixed(m[0]), b = ToFixed(m[1]), d = ToFixed(m[3]), e = ToFixed(m[4]);
  // Of `count` pixels, where the first one comes from pixel `along`. Behind the last number that
  // fixed point has, positions go on with the negative ones.
  const auto shift_of = [](int32_t along, int32_t row, int32_t count, int32_t rows) -> Shift {
    if (row < 0 || row >= rows) return {};
    const int32_t end = std::min({count, count - along, (1 << 15) - along});
    const int32_t first = std::max(0, -along);
    if (first >= end) return {};
    return {{Wide(first), Wide(end)}, Wide(row), along};
  };
  if (a == kFixedOne && d == 0) {
    return MoveLines(spec.fill, size, planes, [&](size_t y) {
      return shift_of(Advance(first_x, b, y) >> 16, Advance(first_y, e, y) >> 16, size.width,
                      size.height);
    });
  }
  if (e == kFixedOne && b == 0) {
    return OnTranspose(size, planes, [&](Size turned, MutableBytes pixels) {
      MoveLines(spec.fill, turned, pixels, [&](size_t x) {
        return shift_of(Advance(first_y, d, x) >> 16, Advance(first_x, a, x) >> 16, size.height,
                        size.width);
      });
    });
  }
  const size_t width = Wide(size.width), count = planes.size() / 3;
  words_.resize(count);
  const uint8_t* const red = planes.data();
  InterleavePlanes(red, red + count, red + 2 * count, count, words_.data());
  const WordImage image{words_.data(), size, width};
  const auto [r, g, blue] = spec.fill;
  const uint32_t fill = r | uint32_t{g} << 8 | uint32_t{blue} << 16;
  for (size_t y = 0; y < Wide(size.height); ++y) {
    const FixedLine from{Advance(first_x, b, y), a, Advance(first_y, e, y), d};
    WarpLineNearest(image, from, fill, LineOf(planes, size, y, {0, width}));
  }
}

/// By sums in double.
void Warp::WarpNearestFarOut(const WarpSpec& spec, Size size, MutableBytes planes) {
  const AffineMatrix& m = spec.matrix;
  const size_t width = Wide(size.width), count = planes.size() / 3;
  source_.assign(planes.begin(), planes.end());
  double line_x = m[2] + m[1] * 0.5 + m[0] * 0.5, line_y = m[5] + m[4] * 0.5 + m[3] * 0.5;
  for (size_t y = 0; y < Wide(size.height); ++y) {
    double at_x = line_x, at_y = line_y;
    for (size_t x = 0; x < width; ++x) {
      const int32_t column = PixelAt(at_x), row = PixelAt(at_y);
      const bool inside = column >= 0 && column < size.width && row >= 0 && row < size.height;
      for (size_t c = 0; c < 3; ++c) {
        planes[c * count + y * width + x] =
            inside ? source_[c * count + Wide(row) * width + Wide(column)] : spec.fill[c];
      }
      at_x += m[0];
      at_y += m[3];
    }
    line_x += m[1];
    line_y += m[4];
  }
}

}  // namespace fastinet
