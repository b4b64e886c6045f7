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

/// An image of words with its border.
class BorderedImage {
 public:
  /// `levels` is how many values components have, from 255 down.
  BorderedImage(Size size, uint32_t levels)
      : size_(size),
        stride_(static_cast<size_t>(size.width) + 2 * kWarpBorder),
        words_(stride_ * (static_cast<size_t>(size.height) + 2 * kWarpBorder) + kWordPadding) {
    std::mt19937 random(7);
    const auto border = static_cast<int32_t>(kWarpBorder);
    for (int32_t y = 0; y < size.height; ++y) {
      for (int32_t x = 0; x < size.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          At(x, y) |= (255 - static_cast<uint32_t>(random()) % levels) << (8 * c);
        }
      }
    }
    for (int32_t y = -border; y < size.height + border; ++y) {
      for (int32_t x = -border; x < size.width + border; ++x) {
        At(x, y) = At(std::clamp(x, 0, size.width - 1), std::clamp(y, 0, size.height - 1));
      }
    }
  }

  WordImage view() const {
    return {words_.data() + kWarpBorder * stride_ + kWarpBorder, size_, stride_};
  }

 private:
  uint32_t& At(int32_t x, int32_t y) {
    const auto behind = [](int32_t place) {
      return static_cast<size_t>(int64_t{place} + int64_t{kWarpBorder});
    };
    return words_[behind(y) * stride_ + behind(x)];
  }

  Size size_;
  size_t stride_;
  std::vector<uint32_t> words_;
};

double ComponentAt(const WordImage& image, int32_t x, int32_t y, int c) {
  const int32_t column = std::clamp(x, 0, image.size.width - 1);
  const int32_t row = std::clamp(y, 0, image.size.height - 1);
  return (image.words[static_cast<size_t>(row) * image.stride + static_cast<size_t>(column)] >>
          (8 * c)) &
         0xFF;
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

void TestLine(const std::string& target, const SourceLine& from, const BorderedImage& bordered,
              size_t first, size_t count) {
  const WordImage image = bordered.view();
  for (const bool cubic : {false, true}) {
    Line line(count);
    cubic ? WarpLineBicubic(image, from, line.view(first))
          : WarpLineBilinear(image, from, line.view(first));
    size_t differences = 0;
    for (size_t x = 0; x < count; ++x) {
      const double centre = static_cast<double>(first + x) + 0.5;
      const double sx = from.x_step * centre + from.x_line + from.x_shift;
      const double sy = from.y_step * centre + from.y_line + from.y_shift;
      CHECK((sx >= 0 && sx < image.size.width && sy >= 0 && sy < image.size.height));
      for (int c = 0; c < 3; ++c) {
        differences += line.planes[static_cast<size_t>(c)][x] != Read(image, sx, sy, c, cubic);
      }
    }
    CHECK_MESSAGE(differences == 0, target, cubic ? ", cubic, " : ", linear, ", count);
  }
}

TEST_CASE("lines equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    // Noise, few levels, one level.
    for (const uint32_t levels : {256u, 3u, 1u}) {
      const BorderedImage image({40, 23}, levels), pixel({1, 1}, levels);
      for (const size_t count : {size_t{1}, size_t{7}, size_t{16}, size_t{33}}) {
        TestLine(target, {0.9, 3.1, -2.7, 0.3, 2.7, -1.2}, image, 4, count);   // anywhere
        TestLine(target, {-0.9, 33.1, 3.7, 0.61, 0.1, 0.0}, image, 0, count);  // from the right
        TestLine(target, {0.5, 0.25, 0, -0.5, 20, 0}, image, 0, count);        // sums that tie
        TestLine(target, {1, 1.7, -2, 0, 5.5, 0}, image, 2, count);            // on rows
        TestLine(target, {1, 0, -3, 0.2, 5.5, 0}, image, 5, count);            // on columns
        TestLine(target, {1, 0, 3, 0, 5.5, 0}, image, 0, count);               // on both
        TestLine(target, {0.01, 0, 0, 0.01, 0, 0}, image, 0, count);           // in one pixel
        TestLine(target, {0.01, 0, 0, 0.01, 0, 0}, pixel, 0, count);           // of one pixel
      }
    }
  });
}

/// Values of every distance from whole numbers, in double and as they are computed in float.
TEST_CASE("a long line of all parts equals plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    const BorderedImage image({300, 300}, 256);
    TestLine(target, {0.0149, 0.3, 0, 0.0149012, 0.7, 0}, image, 0, 20'000);
    TestLine(target, {0.003, 0, 0, 0.0125, 0, 0}, image, 0, 20'000);
  });
}

TEST_CASE("lines of nearest pixels equal plain code on every instruction set") {
  constexpr uint32_t kFill = 0x00030201;
  test::ForEachTarget([&](const std::string& target) {
    const BorderedImage bordered({40, 23}, 256);
    const WordImage image = bordered.view();
    const auto fixed = [](double value) { return static_cast<int32_t>(value * 65536); };
    for (const FixedLine& from : {FixedLine{fixed(-3.3), fixed(0.7), fixed(-2), fixed(0.4)},
                                  FixedLine{fixed(44), fixed(-1.3), fixed(25), fixed(-0.5)},
                                  FixedLine{fixed(32760), fixed(1.5), fixed(4), 0},
                                  FixedLine{0, 0, fixed(-32760), fixed(-1.5)},
                                  FixedLine{fixed(30), fixed(30), fixed(20), fixed(-10)}}) {
      for (const size_t count : {size_t{1}, size_t{16}, size_t{100}}) {
        Line line(count);
        WarpLineNearest(image, from, kFill, line.view());
        size_t differences = 0;
        uint32_t x = static_cast<uint32_t>(from.x), y = static_cast<uint32_t>(from.y);
        for (size_t i = 0; i < count; ++i) {
          const int32_t column = static_cast<int32_t>(x) >> 16, row = static_cast<int32_t>(y) >> 16;
          const bool inside = column >= 0 && column < 40 && row >= 0 && row < 23;
          for (int c = 0; c < 3; ++c) {
            const double wanted =
                inside ? ComponentAt(image, column, row, c) : (kFill >> (8 * c)) & 0xFF;
            differences += line.planes[static_cast<size_t>(c)][i] != wanted;
          }
          x += static_cast<uint32_t>(from.x_step);
          y += static_cast<uint32_t>(from.y_step);
        }
        CHECK_MESSAGE(differences == 0, target, ", ", count);
      }
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
