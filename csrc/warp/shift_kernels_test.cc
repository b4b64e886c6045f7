// The inner loops of moves along lines on every instruction set that this machine has, against
// plain code.
#include "warp/shift_kernels.h"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"

namespace fastinet {
namespace {

double Cubic(const std::array<double, 4>& v, double part) {
  const double p2 = -v[0] + v[2];
  const double p3 = 2 * (v[0] - v[1]) + v[2] - v[3];
  const double p4 = -v[0] + v[1] - v[2] + v[3];
  return v[1] + part * (p2 + part * (p3 + part * p4));
}

/// A line of the result, not a byte more.
struct Line {
  explicit Line(size_t count) {
    for (auto& plane : planes) plane.assign(count, 123);
  }

  LineOfPlanes view(size_t first = 0) {
    return {planes[0].data(), planes[1].data(), planes[2].data(), first, planes[0].size()};
  }

  std::array<std::vector<uint8_t>, 3> planes;
};

TEST_CASE("lines along a line equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    for (const size_t count : {size_t{1}, size_t{7}, size_t{8}, size_t{61}, size_t{200}}) {
      std::array<std::vector<uint8_t>, 3> pixels;
      std::mt19937 random(5);
      for (auto& plane : pixels) {
        plane.resize(count + 3 + kWarpPadding);
        for (uint8_t& value : plane) value = static_cast<uint8_t>(random());
      }
      LinesOfPlanes lines{};
      for (size_t c = 0; c < 3; ++c) lines[c] = pixels[c].data() + 1;
      // At 0.3 many values are whole but for a rounding; at -0.25 values are exact.
      for (const ShiftedLine& from :
           {ShiftedLine{3.3, 2.1, 5}, ShiftedLine{-1e4, 0.7, -1e4}, ShiftedLine{0, -0.25, -1},
            ShiftedLine{0, 0.3, 0}, ShiftedLine{0.123, 17.3, 17}}) {
        for (const bool cubic : {false, true}) {
          Line line(count);
          cubic ? ShiftLineBicubic(lines, from, line.view(9))
                : ShiftLineBilinear(lines, from, line.view(9));
          size_t differences = 0;
          for (size_t x = 0; x < count; ++x) {
            const double number = static_cast<double>(x + 9);
            const double part = number + 0.5 + from.line + from.shift - 0.5 - (number + from.whole);
            for (size_t c = 0; c < 3; ++c) {
              std::array<double, 4> v{};
              for (size_t i = 0; i < 4; ++i) v[i] = pixels[c][x + i];
              const double value = cubic ? Cubic(v, part) : v[1] + (v[2] - v[1]) * part;
              const auto wanted = static_cast<uint8_t>(std::clamp(value, 0.0, 255.0));
              differences += line.planes[c][x] != wanted;
            }
          }
          CHECK_MESSAGE(differences == 0, target, cubic ? ", cubic, " : ", linear, ", count);
        }
      }
    }
  });
}

TEST_CASE("a plane is transposed at any size") {
  test::ForEachTarget([](const std::string& target) {
    for (const Size size : {Size{1, 1}, Size{1, 70}, Size{16, 16}, Size{47, 33}, Size{32, 5}}) {
      const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
      std::vector<uint8_t> plane(width * height), turned(width * height);
      for (size_t i = 0; i < plane.size(); ++i) plane[i] = static_cast<uint8_t>(i * 7 + i / 256);
      TransposePlane(plane.data(), size, turned.data());
      size_t differences = 0;
      for (size_t y = 0; y < height; ++y) {
        for (size_t x = 0; x < width; ++x) {
          differences += turned[x * height + y] != plane[y * width + x];
        }
      }
      CHECK_MESSAGE(differences == 0, target, ", ", width, " x ", height);
    }
  });
}

}  // namespace
}  // namespace fastinet
