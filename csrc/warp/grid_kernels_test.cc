// The inner loops of transforms of tensors on every instruction set that this machine has, against
// plain code, which the Python tests in turn hold against torchvision.
#include "warp/grid_kernels.h"

#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"

namespace fastinet {
namespace {

/// Words of an image of noise within a border of zeros.
class Image {
 public:
  explicit Image(Size size)
      : size_(size), stride_(static_cast<size_t>(size.width) + 2 * kWarpBorder) {
    words_.resize((static_cast<size_t>(size.height) + 2 * kWarpBorder) * stride_);
    std::mt19937 random(8);
    for (int32_t y = 0; y < size.height; ++y) {
      for (int32_t x = 0; x < size.width; ++x) {
        words_[Index(x, y)] = (random() & 0xFFFFFF) | kInsideImage;
      }
    }
  }

  WordImage view() const { return {words_.data() + Index(0, 0), size_, stride_}; }

  /// A byte of the pixel at whole coordinates, 0 where there is none.
  float At(float x, float y, int byte) const {
    const auto width = static_cast<float>(size_.width), height = static_cast<float>(size_.height);
    if (!(x >= 0 && x < width && y >= 0 && y < height)) return 0;
    const uint32_t word = words_[Index(static_cast<int32_t>(x), static_cast<int32_t>(y))];
    return static_cast<float>((word >> (8 * byte)) & 0xFF);
  }

 private:
  size_t Index(int32_t x, int32_t y) const {
    return (static_cast<size_t>(y) + kWarpBorder) * stride_ + static_cast<size_t>(x) + kWarpBorder;
  }

  Size size_;
  size_t stride_;
  std::vector<uint32_t> words_;
};

float Coordinate(const GridLine::Axis& axis, float y, float x, int32_t side) {
  const float product = x * axis.x_share;
  const float place = std::fma(y, axis.y_share, product) + axis.shift;
  return std::fma(place + 1.0f, static_cast<float>(side) / 2, -0.5f);
}

float Bilinear(const Image& image, float x, float y, int byte) {
  const float left = std::floor(x), top = std::floor(y);
  const float right_part = x - left, lower_part = y - top;
  const float left_part = 1 - right_part, upper_part = 1 - lower_part;
  float sum = image.At(left, top, byte) * (upper_part * left_part);
  sum = std::fma(image.At(left + 1, top, byte), upper_part * right_part, sum);
  sum = std::fma(image.At(left, top + 1, byte), lower_part * left_part, sum);
  return std::fma(image.At(left + 1, top + 1, byte), lower_part * right_part, sum);
}

float Filled(float value, float inside, float fill, Filling filling) {
  const float outside = (1 - inside) * fill, scaled = (value - fill) * inside;
  if (filling == Filling::k1) {
    const float part = value * inside;
    return part + outside;
  }
  return filling == Filling::k2 ? scaled + fill : value;
}

TEST_CASE("grids are sampled as by plain code on every instruction set") {
  constexpr std::array<uint8_t, 3> kFill = {3, 130, 255};
  const auto check = [&](const std::string& target, Size size, const GridLine& from) {
    const Image image(size);
    const auto width = static_cast<size_t>(size.width);
    for (const Filling filling : {Filling::kNone, Filling::k1, Filling::k2}) {
      for (const bool is_nearest : {false, true}) {
        std::array<std::vector<uint8_t>, 3> out;
        for (auto& plane : out) plane.assign(width, 99);
        const LineOfPlanes to{out[0].data(), out[1].data(), out[2].data(), 0, width};
        is_nearest ? SampleGridNearest(image.view(), from, filling, kFill, to)
                   : SampleGridBilinear(image.view(), from, filling, kFill, to);
        size_t differences = 0;
        for (size_t i = 0; i < width; ++i) {
          const float middle = static_cast<float>(i) - static_cast<float>(size.width - 1) / 2;
          const float x = Coordinate(from.column, from.y, middle, size.width);
          const float y = Coordinate(from.row, from.y, middle, size.height);
          for (int c = 0; c < 3; ++c) {
            const float fill = kFill[static_cast<size_t>(c)];
            float value = 0;
            if (is_nearest) {
              const float column = std::nearbyint(x), row = std::nearbyint(y);
              const bool is_outside = image.At(column, row, 3) == 0;
              value = is_outside && filling != Filling::kNone ? fill : image.At(column, row, c);
            } else {
              value = Filled(Bilinear(image, x, y, c), Bilinear(image, x, y, 3), fill, filling);
            }
            const auto wanted = static_cast<uint8_t>(std::nearbyint(value));
            differences += out[static_cast<size_t>(c)][i] != wanted;
          }
        }
        CHECK_MESSAGE(differences == 0, target, ", ", size.width, " x ", size.height, ", filling ",
                      static_cast<int>(filling), is_nearest ? ", nearest" : ", bilinear");
      }
    }
  };
  test::ForEachTarget([&](const std::string& target) {
    for (const Size size : {Size{1, 1}, Size{2, 7}, Size{19, 13}, Size{70, 33}}) {
      const float half_width = static_cast<float>(size.width) / 2;
      const float half_height = static_cast<float>(size.height) / 2;
      for (const float y : {-6.0f, 0.5f, 4.0f}) {
        check(target, size, {{1 / half_width, 0, 0}, {0, 1 / half_height, 0}, y});
        check(target, size,
              {{0.9f / half_width, 0.4f / half_width, 0.1f},
               {-0.4f / half_height, 0.9f / half_height, -0.07f},
               y});
        check(target, size, {{1e7f, -3e8f, 1e9f}, {-1e7f, 1e6f, -1e9f}, y});
      }
    }
  });
}

}  // namespace
}  // namespace fastinet
