// The transforms' inner loops on every instruction set that this machine has, against plain code.
#include "warp/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"

namespace fastinet {
namespace {

/// The word at (x, y), or the nearest one in the image.
uint32_t WordAt(const WordImage& image, int32_t x, int32_t y) {
  const int32_t column = std::clamp(x, 0, image.size.width - 1);
  const int32_t row = std::clamp(y, 0, image.size.height - 1);
  return image.words[row * image.size.width + column];
}

double ComponentAt(const WordImage& image, int32_t x, int32_t y, int c) {
  return (WordAt(image, x, y) >> (8 * c)) & 0xFF;
}

double Cubic(const std::array<double, 4>& v, double part) {
  const double p2 = -v[0] + v[2];
  const double p3 = 2 * (v[0] - v[1]) + v[2] - v[3];
  const double p4 = -v[0] + v[1] - v[2] + v[3];
  return v[1] + part * (p2 + part * (p3 + part * p4));
}

/// One component of the pixel at a point of the image.
uint8_t Read(const WordImage& image, double sx, double sy, int c, bool cubic) {
  const double x = sx - 0.5, y = sy - 0.5;
  const auto left = static_cast<int32_t>(std::floor(x)), top = static_cast<int32_t>(std::floor(y));
  const double dx = x - left, dy = y - top;
  if (!cubic) {
    const auto line = [&](int32_t row) {
      const double a = ComponentAt(image, left, row, c), b = ComponentAt(image, left + 1, row, c);
      return a + (b - a) * dx;
    };
    const double above = line(top), below = line(top + 1);
    return static_cast<uint8_t>(above + (below - above) * dy);
  }
  std::array<double, 4> lines{};
  for (int32_t i = 0; i < 4; ++i) {
    std::array<double, 4> v{};
    for (int32_t j = 0; j < 4; ++j) {
      v[static_cast<size_t>(j)] = ComponentAt(image, left - 1 + j, top - 1 + i, c);
    }
    lines[static_cast<size_t>(i)] = Cubic(v, dx);
  }
  return static_cast<uint8_t>(std::clamp(Cubic(lines, dy), 0.0, 255.0));
}

void TestLine(const std::string& target, const SourceLine& from, Size size, size_t count) {
  std::mt19937 random(7);
  std::vector<uint32_t> words(static_cast<size_t>(size.width) * static_cast<size_t>(size.height));
  for (uint32_t& word : words) word = static_cast<uint32_t>(random()) & 0xFFFFFF;
  const WordImage image{words.data(), size};
  for (const bool cubic : {false, true}) {
    std::array<std::vector<uint8_t>, 3> planes;
    for (auto& plane : planes) plane.assign(count, 123);  // not a byte more
    const LineOfPlanes to{planes[0].data(), planes[1].data(), planes[2].data(), count};
    cubic ? WarpLineBicubic(image, from, to) : WarpLineBilinear(image, from, to);
    size_t differences = 0;
    for (size_t x = 0; x < count; ++x) {
      const double centre = static_cast<double>(x) + 0.5;
      const double sx = from.x_step * centre + from.x_line + from.x_shift;
      const double sy = from.y_step * centre + from.y_line + from.y_shift;
      const bool inside = sx >= 0 && sx < size.width && sy >= 0 && sy < size.height;
      for (int c = 0; c < 3; ++c) {
        const uint8_t wanted = inside ? Read(image, sx, sy, c, cubic) : 123;
        differences += planes[static_cast<size_t>(c)][x] != wanted;
      }
    }
    CHECK_MESSAGE(differences == 0, target, cubic ? ", cubic, " : ", linear, ", count);
  }
}

TEST_CASE("lines equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    for (const size_t count : {size_t{1}, size_t{7}, size_t{8}, size_t{61}}) {
      TestLine(target, {0.9, 3.1, -7, 0.3, 2.7, -1.2}, {40, 23}, count);  // any points
      TestLine(target, {1, 1.7, -2, 0, 5.5, 0}, {40, 23}, count);         // on rows
      TestLine(target, {1, 0, -3, 0.2, 5.5, 0}, {40, 23}, count);         // on columns
      TestLine(target, {1, 0, 3, 0, 5.5, 0}, {40, 23}, count);            // on both
      TestLine(target, {0.01, 0, 0, 0.01, 0, 0}, {1, 1}, count);          // of one pixel
      TestLine(target, {5, 0, 1e9, 1, 0, 0}, {40, 23}, count);            // far outside
    }
  });
}

TEST_CASE("planes are interleaved to words at any length") {
  test::ForEachTarget([](const std::string& target) {
    for (const size_t count : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{201}}) {
      std::vector<uint8_t> red(count), green(count), blue(count);
      for (size_t x = 0; x < count; ++x) {
        red[x] = static_cast<uint8_t>(x);
        green[x] = static_cast<uint8_t>(3 * x);
        blue[x] = static_cast<uint8_t>(255 - x);
      }
      std::vector<uint32_t> words(count);
      InterleavePlanes(red.data(), green.data(), blue.data(), count, words.data());
      size_t differences = 0;
      for (size_t x = 0; x < count; ++x) {
        differences += words[x] != (red[x] | uint32_t{green[x]} << 8 | uint32_t{blue[x]} << 16);
      }
      CHECK_MESSAGE(differences == 0, target, ", ", count);
    }
  });
}

}  // namespace
}  // namespace fastinet
