#include "augment/rotation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <utility>

#include "base/correct_math.h"

namespace fastinet {
namespace {

/// Python's round(value, 15) of a number in [-1, 1]: the double nearest to the decimal number with
/// 15 places that is nearest to the value; both steps are correctly rounded.
double RoundTo15Places(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15f", value);
  return std::strtod(text, nullptr);
}

/// A quarter turn of a square, anticlockwise.
void TurnQuarter(size_t side, MutableBytes plane) {
  // Four pixels that follow one another about the centre change places.
  for (size_t y = 0; y < side / 2; ++y) {
    for (size_t x = y; x + 1 < side - y; ++x) {
      const auto at = [&](size_t row, size_t column) -> uint8_t& {
        return plane[row * side + column];
      };
      uint8_t& top = at(y, x);
      uint8_t& right = at(x, side - 1 - y);
      uint8_t& bottom = at(side - 1 - y, side - 1 - x);
      uint8_t& left = at(side - 1 - x, y);
      const uint8_t first = std::exchange(top, right);
      right = std::exchange(bottom, std::exchange(left, first));
    }
  }
}

}  // namespace

void FlipLines(Size size, MutableBytes plane) {
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  for (size_t y = 0; y < height / 2; ++y) {
    std::swap_ranges(plane.begin() + static_cast<ptrdiff_t>(y * width),
                     plane.begin() + static_cast<ptrdiff_t>((y + 1) * width),
                     plane.begin() + static_cast<ptrdiff_t>((height - 1 - y) * width));
  }
}

void Rotate(double degrees, Sampling sampling, Colour fill, Warp& warp, Size size,
            MutableBytes planes) {
  // As Python's %: never negative.
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  if (angle == 0) return;
  const size_t count = planes.size() / 3;
  const bool is_square = size.width == size.height;
  if (angle == 180 || (is_square && (angle == 90 || angle == 270))) {
    const auto side = static_cast<size_t>(size.width);
    for (size_t c = 0; c < 3; ++c) {
      const MutableBytes plane = planes.subspan(c * count, count);
      if (angle == 180) {
        std::reverse(plane.begin(), plane.end());
        continue;
      }
      const int quarters = angle == 90 ? 1 : 3;
      for (int turn = 0; turn < quarters; ++turn) TurnQuarter(side, plane);
    }
    return;
  }
  const double radians = -(angle * (std::numbers::pi / 180.0));
  const SineAndCosine exact = CorrectSineAndCosine(radians);
  const double cosine = RoundTo15Places(exact.cosine), sine = RoundTo15Places(exact.sine);
  const double centre_x = size.width / 2.0, centre_y = size.height / 2.0;
  const auto moved = [](double x, double y, double a, double b, double c) {
    return a * x + b * y + c;
  };
  AffineMatrix matrix{cosine, sine, 0, -sine, cosine, 0};
  matrix[2] = moved(-centre_x, -centre_y, matrix[0], matrix[1], matrix[2]);
  matrix[5] = moved(-centre_x, -centre_y, matrix[3], matrix[4], matrix[5]);
  matrix[2] += centre_x;
  matrix[5] += centre_y;
  warp.Apply({matrix, sampling, fill}, size, planes);
}

}  // namespace fastinet
