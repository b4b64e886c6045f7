#include "warp/warp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "warp/kernels.h"

namespace fastinet {
namespace {

/// The pixel that a position lies in; -1: before the first one, or too far away for any.
int32_t PixelAt(double position) {
  return position >= 0 && position < std::numeric_limits<int32_t>::max()
             ? static_cast<int32_t>(position)
             : -1;
}

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

/// Sum that may wrap around, as fixed-point positions far from the image do.
int32_t Advance(int32_t position, int32_t step) {
  return static_cast<int32_t>(static_cast<uint32_t>(position) + static_cast<uint32_t>(step));
}

}  // namespace

void Warp::Apply(const WarpSpec& spec, Size size, MutableBytes planes) {
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const size_t count = width * height;
  if (count == 0) return;
  uint8_t* const red = planes.data();
  pixels_.resize(count);
  InterleavePlanes(red, red + count, red + 2 * count, count, pixels_.data());
  for (size_t c = 0; c < 3; ++c) std::fill_n(red + c * count, count, spec.fill[c]);
  const AffineMatrix& m = spec.matrix;
  if (spec.sampling == Sampling::kNearest) {
    return m[1] == 0 && m[3] == 0 ? ScaleNearest(spec, size, planes)
                                  : WarpNearest(spec, size, planes);
  }
  const WordImage image{pixels_.data(), size};
  for (size_t y = 0; y < height; ++y) {
    const double centre = static_cast<double>(y) + 0.5;
    const SourceLine from{m[0], m[1] * centre, m[2], m[3], m[4] * centre, m[5]};
    uint8_t* const line = red + y * width;
    const LineOfPlanes to{line, line + count, line + 2 * count, width};
    spec.sampling == Sampling::kBilinear ? WarpLineBilinear(image, from, to)
                                         : WarpLineBicubic(image, from, to);
  }
}

/// Pillow adds the steps up in double here, whose roundings are part of the result
/// (ImagingScaleAffine).
void Warp::ScaleNearest(const WarpSpec& spec, Size size, MutableBytes planes) {
  const AffineMatrix& m = spec.matrix;
  const auto width = static_cast<size_t>(size.width);
  const size_t count = planes.size() / 3;
  columns_.resize(width);
  double position = m[2] + m[0] * 0.5;
  for (int32_t& column : columns_) {
    column = PixelAt(position);
    position += m[0];
  }
  position = m[5] + m[4] * 0.5;
  for (int32_t y = 0; y < size.height; ++y, position += m[4]) {
    const int32_t row = PixelAt(position);
    if (row < 0 || row >= size.height) continue;
    const uint32_t* const from = pixels_.data() + static_cast<size_t>(row) * width;
    uint8_t* const to = planes.data() + static_cast<size_t>(y) * width;
    for (size_t x = 0; x < width; ++x) {
      if (columns_[x] < 0 || columns_[x] >= size.width) continue;
      const uint32_t word = from[columns_[x]];
      for (size_t c = 0; c < 3; ++c) to[c * count + x] = static_cast<uint8_t>(word >> (8 * c));
    }
  }
}

/// In 16.16 fixed point where all corners fit it, else by sums in double (ImagingTransformAffine).
void Warp::WarpNearest(const WarpSpec& spec, Size size, MutableBytes planes) {
  const AffineMatrix& m = spec.matrix;
  const auto width = static_cast<size_t>(size.width);
  const size_t count = planes.size() / 3;
  const auto copy = [&](size_t x, int32_t y, int32_t from_x, int32_t from_y) {
    if (from_x < 0 || from_x >= size.width || from_y < 0 || from_y >= size.height) return;
    const uint32_t word =
        pixels_[static_cast<size_t>(from_y) * width + static_cast<size_t>(from_x)];
    uint8_t* const to = planes.data() + static_cast<size_t>(y) * width + x;
    for (size_t c = 0; c < 3; ++c) to[c * count] = static_cast<uint8_t>(word >> (8 * c));
  };
  if (FitsFixed(m, 0, 0) && FitsFixed(m, size.width, size.height) && FitsFixed(m, 0, size.height) &&
      FitsFixed(m, size.width, 0)) {
    int32_t line_x = ToFixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
    int32_t line_y = ToFixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    const int32_t a = ToFixed(m[0]), b = ToFixed(m[1]), d = ToFixed(m[3]), e = ToFixed(m[4]);
    for (int32_t y = 0; y < size.height; ++y) {
      int32_t at_x = line_x, at_y = line_y;
      for (size_t x = 0; x < width; ++x) {
        copy(x, y, at_x >> 16, at_y >> 16);
        at_x = Advance(at_x, a);
        at_y = Advance(at_y, d);
      }
      line_x = Advance(line_x, b);
      line_y = Advance(line_y, e);
    }
    return;
  }
  double line_x = m[2] + m[1] * 0.5 + m[0] * 0.5, line_y = m[5] + m[4] * 0.5 + m[3] * 0.5;
  for (int32_t y = 0; y < size.height; ++y) {
    double at_x = line_x, at_y = line_y;
    for (size_t x = 0; x < width; ++x) {
      copy(x, y, PixelAt(at_x), PixelAt(at_y));
      at_x += m[0];
      at_y += m[3];
    }
    line_x += m[1];
    line_y += m[4];
  }
}

}  // namespace fastinet
