#include "warp/grid.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numbers>

#include "base/correct_math.h"

namespace fastinet {
namespace {

size_t Wide(int32_t value) { return static_cast<size_t>(value); }

}  // namespace

bool FitsGrid(Size size) {
  constexpr int64_t kBorders = 2 * static_cast<int64_t>(kWarpBorder);
  return (size.width + kBorders) * (size.height + kBorders) < std::numeric_limits<int32_t>::max();
}

void GridWarp::Apply(const WarpSpec& spec, Filling filling, Size size, MutableBytes planes) {
  // In double and in this order, as torchvision moves the origin (_get_inverse_affine_matrix).
  const AffineMatrix& m = spec.matrix;
  const double x = size.width * -0.5, y = size.height * -0.5;
  const AffineMatrix from_middle{m[0], m[1], (x - m[0] * x - m[1] * y) + m[2],
                                 m[3], m[4], (y - m[3] * x - m[4] * y) + m[5]};
  Sample(from_middle, spec.sampling, filling, spec.fill, size, planes);
}

void GridWarp::Rotate(double degrees, Sampling sampling, Filling filling, const Colour& fill,
                      Size size, MutableBytes planes) {
  const double radians = -degrees * (std::numbers::pi / 180.0);
  const auto [sine, cosine] = CorrectSineAndCosine(radians);
  Sample({cosine, sine, 0, -sine, cosine, 0}, sampling, filling, fill, size, planes);
}

void GridWarp::Sample(const AffineMatrix& from_middle, Sampling sampling, Filling filling,
                      const Colour& fill, Size size, MutableBytes planes) {
  if (size.width == 0 || size.height == 0) return;
  CopyWords(size, planes);
  const size_t width = Wide(size.width), stride = width + 2 * kWarpBorder;
  const WordImage image{words_.data() + kWarpBorder * stride + kWarpBorder, size, stride};
  const auto axis = [&](size_t first, int32_t side) -> GridLine::Axis {
    const float half = static_cast<float>(side) * 0.5f;
    const auto entry = [&](size_t i) { return static_cast<float>(from_middle[first + i]) / half; };
    return {entry(0), entry(1), entry(2)};
  };
  GridLine from{axis(0, size.width), axis(3, size.height), 0};
  const size_t count = planes.size() / 3;
  for (size_t y = 0; y < Wide(size.height); ++y) {
    from.y = static_cast<float>(y) - static_cast<float>(size.height - 1) * 0.5f;
    uint8_t* const red = planes.data() + y * width;
    const LineOfPlanes to{red, red + count, red + 2 * count, 0, width};
    sampling == Sampling::kNearest ? SampleGridNearest(image, from, filling, fill, to)
                                   : SampleGridBilinear(image, from, filling, fill, to);
  }
}

/// Copies the planes as words that say that they are inside, within a border of words that do not.
void GridWarp::CopyWords(Size size, Bytes planes) {
  const size_t width = Wide(size.width), height = Wide(size.height), count = width * height;
  const size_t stride = width + 2 * kWarpBorder;
  words_.assign((height + 2 * kWarpBorder) * stride, 0);
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* const red = planes.data() + y * width;
    uint32_t* const line = words_.data() + (kWarpBorder + y) * stride + kWarpBorder;
    InterleavePlanes(red, red + count, red + 2 * count, width, line);
    for (size_t x = 0; x < width; ++x) line[x] |= kInsideImage;
  }
}

}  // namespace fastinet
