// Progressive JPEGs whose last scans are missing: each region is what the whole image has there,
// and the whole is what libjpeg-turbo 3.0.1 and later make of it. What Pillow's own copy makes of
// them is compared in tests/pixels/test_incomplete_progressive.py.
#include "jpeg/smoothing.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "base/test_checks.h"
#include "jpeg/test_jpegs.h"
#include "jpeg/turbo.h"

namespace fastinet {
namespace {

using test::Collector, test::JpegRecipe, test::MakeJpeg, test::Matches, test::OracleDecode,
    test::OracleImage, test::Random;

#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 3000001
constexpr bool kOracleSmoothsRightly = true;
#else
constexpr bool kOracleSmoothsRightly = false;  // the linked library takes wrong rows for the whole
#endif

/// Decodes by the road under test.
Collector Decode(Bytes jpeg, const Box& region) {
  TurboDecoder decoder;
  Collector collector;
  const Status status = decoder.DecodeRegion(jpeg, region, collector);
  CHECK_MESSAGE(status.ok(), status);
  return collector;
}

OracleImage Whole(Bytes jpeg, Size size) {
  const Collector rows = Decode(jpeg, {0, 0, size.width, size.height});
  OracleImage image;
  image.size = size;
  image.channels = rows.channels;
  image.pixels = rows.pixels;
  return image;
}

/// The largest step between two neighbours in the middle row.
int LargestStep(const OracleImage& image) {
  int largest = 0;
  for (int x = 1; x < image.size.width; ++x) {
    const int y = image.size.height / 2;
    largest = std::max(largest, std::abs(image.at(x, y, 0) - image.at(x - 1, y, 0)));
  }
  return largest;
}

std::vector<JpegRecipe> Recipes() {
  std::vector<JpegRecipe> recipes;
  uint32_t seed = 0;
  for (const Size size : {Size{61, 45}, Size{16, 90}, Size{17, 9}, Size{8, 8}, Size{120, 33}}) {
    for (const int components : {1, 3, 4}) {
      for (const std::array<int, 2> luma : {std::array{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 2}}) {
        if (components != 3 && luma != std::array{1, 1}) continue;
        JpegRecipe recipe;
        recipe.size = size;
        recipe.components = components;
        recipe.sampling[0] = luma;
        recipe.quality = 30 + 10 * static_cast<int>(seed % 7);
        recipe.progressive = true;
        recipe.noise = 20;
        recipe.seed = ++seed;
        recipes.push_back(recipe);
      }
    }
  }
  return recipes;
}

TEST_CASE("regions of an incomplete progressive image are those of the whole") {
  Random random(3);
  int smoothed = 0;
  for (JpegRecipe recipe : Recipes()) {
    for (recipe.scans = 1; recipe.scans <= 8; ++recipe.scans) {
      for (const bool arithmetic : {false, true}) {
        recipe.arithmetic = arithmetic;
        const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
        const OracleImage whole = Whole(jpeg, recipe.size);
        const OracleImage oracle = OracleDecode(jpeg);
        if (kOracleSmoothsRightly && recipe.components != 4) {
          CHECK_MESSAGE(whole.pixels == oracle.pixels, recipe);
        }
        for (int i = 0; i < 4; ++i) {
          Box region;
          region.x = random.Below(recipe.size.width);
          region.y = random.Below(recipe.size.height);
          region.width = 1 + random.Below(recipe.size.width - region.x);
          region.height = 1 + random.Below(recipe.size.height - region.y);
          CHECK_MESSAGE(Matches(Decode(jpeg, region), whole, region, region.height), recipe, " ",
                        region.x, ",", region.y, " ", region.width, "x", region.height);
        }
        if (recipe.components != 4 && whole.pixels != OracleDecode(jpeg, false).pixels) ++smoothed;
      }
    }
  }
  CHECK(smoothed > 200);  // or nothing was tried
}

TEST_CASE("a complete progressive image is not smoothed") {
  for (JpegRecipe recipe : Recipes()) {
    const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
    if (recipe.components == 4) continue;  // made RGB by another rule than the oracle's
    CHECK_MESSAGE(Whole(jpeg, recipe.size).pixels == OracleDecode(jpeg).pixels, recipe);
  }
}

TEST_CASE("blocks of which only the means are known do not show") {
  JpegRecipe recipe;
  recipe.size = {16, 16};  // a slope of 3 levels a pixel, so of 24 from block to block
  recipe.components = 1;
  recipe.progressive = true;
  recipe.scans = 1;
  recipe.noise = 0;
  const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  CHECK(LargestStep(OracleDecode(jpeg, false)) > 20);
  CHECK(LargestStep(Whole(jpeg, recipe.size)) < 10);
}

TEST_CASE("damage is an error by this road too") {
  JpegRecipe recipe;
  recipe.progressive = true;
  recipe.scans = 3;
  std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  jpeg.resize(jpeg.size() - jpeg.size() / 4);
  std::vector<uint8_t> smoothed;
  const Status status = WriteSmoothed(jpeg, &smoothed);
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK(status.offset_bytes() > 0);
}

}  // namespace
}  // namespace fastinet
