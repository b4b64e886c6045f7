// Random erasing: boxes by their rule, and rows whose pixels are replaced; each against a plain
// way of saying it. The Python tests compare the distributions with torchvision's and timm's.
#include "augment/erasing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "base/half.h"
#include "base/test_checks.h"
#include "rng/normal.h"

namespace fastinet {
namespace {

std::vector<Box> Drawn(const ErasingRule& rule, Size size, uint64_t item) {
  std::vector<Box> boxes(static_cast<size_t>(rule.count), Box{9, 9, 9, 9});
  DrawErasedBoxes(rule, size, {.seed = 1, .epoch = 2, .item = item}, boxes);
  return boxes;
}

TEST_CASE("boxes are smaller than the row on both sides") {
  for (const Size size : {Size{224, 224}, Size{50, 7}, Size{3, 2}, Size{1, 1}}) {
    for (uint64_t item = 0; item < 500; ++item) {
      const ErasingRule rule{.probability = 1, .scale = {0.02, 0.9}, .count = 3};
      for (const Box& box : Drawn(rule, size, item)) {
        if (box == Box{}) continue;
        CHECK(box.IsInside(size));
        CHECK(box.width < size.width);
        CHECK(box.height < size.height);
      }
    }
  }
}

TEST_CASE("how many rows and boxes are erased") {
  constexpr uint64_t kItems = 4000;
  const ErasingRule rule{.probability = 0.25, .count = 4};
  std::array<int, 5> rows_with{};
  for (uint64_t item = 0; item < kItems; ++item) {
    const std::vector<Box> boxes = Drawn(rule, {224, 224}, item);
    const auto none = std::ranges::find(boxes, Box{});
    // Those that are none are the last ones.
    CHECK(std::all_of(none, boxes.end(), [](const Box& box) { return box == Box{}; }));
    ++rows_with[static_cast<size_t>(none - boxes.begin())];
  }
  // Five standard deviations.
  CHECK(std::abs(rows_with[0] - 3000) < 5 * 27.4);
  for (size_t boxes = 1; boxes <= 4; ++boxes) CHECK(std::abs(rows_with[boxes] - 250) < 5 * 15.3);
  for (uint64_t item = 0; item < 100; ++item) {
    CHECK(Drawn({.probability = 0}, {224, 224}, item)[0] == Box{});
    CHECK(Drawn({.probability = 1}, {224, 224}, item)[0] != Box{});
  }
}

/// A row that is too flat for any try stays as it is.
TEST_CASE("no box fits") {
  for (uint64_t item = 0; item < 50; ++item) {
    CHECK(Drawn({.probability = 1, .scale = {0.9, 1}}, {400, 2}, item)[0] == Box{});
  }
}

/// What a training run was started with must mean the same in every later version, on every
/// machine.
TEST_CASE("boxes and numbers never change") {
  const std::vector<Box> boxes = Drawn({.probability = 1, .count = 3}, {224, 192}, 7);
  CHECK((boxes[0] == Box{127, 149, 25, 15}));
  CHECK((boxes[1] == Box{25, 28, 32, 78}));
  CHECK((boxes[2] == Box{25, 47, 61, 49}));
  const PhiloxKey key = NoiseKey({.seed = 1, .epoch = 2, .item = 7});
  std::array<float, 2> values{};
  FillNoise(key, 1, 6, values);
  CHECK_EQ(values[0], -0x1.423c26p+0F);
  CHECK_EQ(values[1], -0x1.3f0b7ap-2F);
}

TEST_CASE("numbers are the same from wherever they are begun") {
  const PhiloxKey key = NoiseKey({.seed = 4});
  std::vector<float> all(100);
  FillNoise(key, 2, 0, all);
  for (uint32_t i = 0; i < all.size(); ++i) {
    const PhiloxBlock bits = Philox4x32(key, {i / 4, 2, 0, 0});
    CHECK_EQ(all[i], static_cast<float>(StandardNormal(bits[i % 4])));
  }
  for (size_t first = 0; first < all.size(); ++first) {
    for (size_t count = 0; count <= std::min<size_t>(9, all.size() - first); ++count) {
      std::vector<float> some(count);
      FillNoise(key, 2, first, some);
      CHECK(std::ranges::equal(some, std::span(all).subspan(first, count)));
    }
  }
}

// Of which the second covers a part of the first, the third is none, and the last is a pixel.
constexpr std::array<Box, 4> kBoxes = {Box{2, 1, 300, 6}, Box{100, 3, 20, 8}, Box{},
                                       Box{0, 10, 1, 1}};
constexpr Size kSize{310, 11};
constexpr size_t kPixels = 310 * 11;

/// The value of channel `c` of each pixel that the boxes replace.
std::vector<std::array<float, 3>> Replaced(const ErasingRule& rule, PhiloxKey key,
                                           std::vector<bool>& is_replaced) {
  std::vector<std::array<float, 3>> pixels(kPixels);
  is_replaced.assign(kPixels, false);
  for (uint32_t number = 0; number < kBoxes.size(); ++number) {
    const Box& box = kBoxes[number];
    for (int32_t y = 0; y < box.height; ++y) {
      for (int32_t x = 0; x < box.width; ++x) {
        const int64_t line = int64_t{box.y} + y;
        const auto at = static_cast<size_t>(line * kSize.width + box.x + x);
        is_replaced[at] = true;
        for (size_t c = 0; c < 3; ++c) {
          const size_t n =
              rule.mode == EraseMode::kRand ? c : 3 * static_cast<size_t>(y * box.width + x) + c;
          float value = rule.value[c];
          if (rule.mode != EraseMode::kConst) FillNoise(key, number, n, {&value, 1});
          pixels[at][c] = value;
        }
      }
    }
  }
  return pixels;
}

TEST_CASE("erased rows, of every format") {
  const PhiloxKey key = NoiseKey({.seed = 8, .item = 3});
  for (const EraseMode mode : {EraseMode::kConst, EraseMode::kRand, EraseMode::kPixel}) {
    const ErasingRule rule{.mode = mode, .value = {0.3F, -2, 65504}, .count = 4};
    std::vector<bool> is_replaced;
    const auto pixels = Replaced(rule, key, is_replaced);
    for (const DType dtype : {DType::kFloat16, DType::kBFloat16, DType::kFloat32}) {
      for (const Layout layout : {Layout::kNHWC, Layout::kNCHW}) {
        const OutputFormat format{.dtype = dtype, .layout = layout};
        const size_t element = DTypeBytes(dtype);
        std::vector<uint8_t> row(3 * kPixels * element, 77);
        EraseBoxes(rule, kBoxes, key, kSize, format, row);
        for (size_t at = 0; at < kPixels; ++at) {
          for (size_t c = 0; c < 3; ++c) {
            const size_t index = layout == Layout::kNHWC ? 3 * at + c : c * kPixels + at;
            std::array<uint8_t, 4> expected = {77, 77, 77, 77};
            if (is_replaced[at]) {
              const float value = pixels[at][c];
              const uint16_t half =
                  dtype == DType::kFloat16 ? Float16Bits(value) : BFloat16Bits(value);
              if (dtype == DType::kFloat32) {
                std::memcpy(expected.data(), &value, sizeof value);
              } else {
                std::memcpy(expected.data(), &half, sizeof half);
              }
            }
            CHECK(std::memcmp(&row[index * element], expected.data(), element) == 0);
          }
        }
      }
    }
  }
}

TEST_CASE("rows of uint8 are not erased") {
  std::vector<uint8_t> row(3 * kPixels, 77);
  EraseBoxes({.count = 4}, kBoxes, {}, kSize, {.dtype = DType::kUint8}, row);
  CHECK(std::ranges::all_of(row, [](uint8_t value) { return value == 77; }));
}

/// A list of pixels does to a row what EraseBoxes does.
TEST_CASE("pixels for whoever erases them elsewhere") {
  const PhiloxKey key = NoiseKey({.seed = 8, .item = 3});
  for (const EraseMode mode : {EraseMode::kConst, EraseMode::kRand, EraseMode::kPixel}) {
    const ErasingRule rule{.mode = mode, .value = {0.3F, -2, 5}, .count = 4};
    std::vector<float> row(3 * kPixels, 77), noise = {1, 2, 3};
    std::vector<float> listed = row;
    EraseBoxes(rule, kBoxes, key, kSize, {.dtype = DType::kFloat32},
               {reinterpret_cast<uint8_t*>(row.data()), row.size() * sizeof(float)});
    KeepNoise(rule, kBoxes, key, noise);
    CHECK_EQ(MostErasedPixels(kBoxes), size_t{300 * 6 + 20 * 8 + 1});
    std::vector<int64_t> pixels(MostErasedPixels(kBoxes));
    std::vector<float> values(3 * pixels.size());
    constexpr int64_t kFirst = 1000;
    const size_t count = ListErasedPixels(rule, kBoxes, noise, kSize, kFirst, {pixels, values});
    CHECK_EQ(count, size_t{300 * 6 + 20 * 8 + 1 - 20 * 4});  // of which the first two share some
    for (size_t i = 0; i < count; ++i) {
      for (size_t c = 0; c < 3; ++c) {
        float& value = listed[3 * static_cast<size_t>(pixels[i] - kFirst) + c];
        CHECK_EQ(value, 77);  // each pixel once
        value = values[3 * i + c];
      }
    }
    CHECK(listed == row);
  }
}

TEST_CASE("impossible rules") {
  CHECK_OK(ErasingRule{}.Validate());
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  for (const ErasingRule& rule :
       {ErasingRule{.probability = -0.1}, ErasingRule{.probability = 1.1},
        ErasingRule{.probability = kNaN}, ErasingRule{.scale = {0, 0.5}},
        ErasingRule{.scale = {0.5, 0.4}}, ErasingRule{.scale = {0.5, 1.1}},
        ErasingRule{.scale = {kNaN, 1}}, ErasingRule{.ratio = {0, 1}}, ErasingRule{.ratio = {2, 1}},
        ErasingRule{.ratio = {1e-9, 1}}, ErasingRule{.ratio = {1, 1e9}},
        ErasingRule{.value = {0, 0, 70000}},
        ErasingRule{.value = {0, std::numeric_limits<float>::quiet_NaN(), 0}},
        ErasingRule{.count = 0}, ErasingRule{.count = 26}}) {
    CHECK(rule.Validate().code() == StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace fastinet
