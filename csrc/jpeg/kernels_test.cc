// The vectorised kernels equal plain code, on every instruction set and at every length.

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"
#include "jpeg/colour.h"
#include "jpeg/idct.h"
#include "jpeg/region_decoder.h"
#include "jpeg/test_jpegs.h"
#include "jpeg/upsample.h"

namespace fastinet {
namespace {

using test::Random;

/// How coefficients are drawn: `limit` bounds them, `count` of a block's first ones in zig-zag
/// order may differ from 0.
struct CoefficientKind {
  int limit;
  int count;
};

/// The inverse DCT equals its plain twin, wrapped and saturated values included.
void TestInverseDct(const std::string& target) {
  constexpr std::array<CoefficientKind, 9> kKinds = {{{1000, 1},
                                                      {300, 3},
                                                      {100, 10},
                                                      {100, 11},
                                                      {60, 36},
                                                      {60, 64},
                                                      {32767, 1},
                                                      {32767, 2},
                                                      {32767, 64}}};
  constexpr int32_t kGroups = 3;
  constexpr ptrdiff_t kStride = kGroups * kGroupRowLength;
  Random random(3);
  Frame frame;
  frame.component_count = 1;
  CoefficientBuffer buffer;
  buffer.Shape(frame, kGroups * kBlocksPerGroup);
  for (int round = 0; round < 300; ++round) {
    DequantizationSteps steps;
    for (int16_t& step : steps.step) step = static_cast<int16_t>(1 + random.Below(60));
    buffer.Clear();
    const BlockRow& row = buffer.row(0, 0);
    const CoefficientKind row_kind = kKinds[static_cast<size_t>(random.Below(9))];
    for (ptrdiff_t block = 0; block < kGroups * kBlocksPerGroup; ++block) {
      const bool mixed = round % 2 == 0;
      const CoefficientKind kind = mixed ? kKinds[static_cast<size_t>(random.Below(9))] : row_kind;
      int16_t* coefficients =
          row.coefficients + block / kBlocksPerGroup * kGroupLength + block % kBlocksPerGroup * 8;
      for (int k = 0; k < kind.count; ++k) {
        const int32_t natural = kZigZagToNatural[static_cast<size_t>(k)];
        coefficients[natural / 8 * kGroupRowLength + natural % 8] =
            static_cast<int16_t>(random.Below(2 * kind.limit + 1) - kind.limit);
      }
      row.last[block] = static_cast<uint8_t>(kind.count - 1);
    }
    std::vector<uint8_t> got(8 * kStride), want(8 * kStride);
    for (ptrdiff_t block = 0; block < kGroups * kBlocksPerGroup; ++block) {
      InverseDctBlock(
          row.coefficients + block / kBlocksPerGroup * kGroupLength + block % kBlocksPerGroup * 8,
          steps, want.data() + block * 8, kStride);
    }
    InverseDct(row, 0, kGroups - 1, steps, got.data(), kStride);
    CHECK_MESSAGE(got == want, target, " round ", round);
    const auto left =
        std::count_if(row.coefficients, row.coefficients + ptrdiff_t{kGroups} * kGroupLength,
                      [](int16_t coefficient) { return coefficient != 0; });
    CHECK_MESSAGE(left == 0, target, " round ", round);
  }
}

/// On ordinary coefficients the plain inverse DCT is the real one, rounded, within one level.
TEST_CASE("the plain inverse DCT is the real one within one level") {
  Random random(5);
  DequantizationSteps steps;
  steps.step.fill(1);
  int worst = 0;
  for (int round = 0; round < 50; ++round) {
    std::array<int16_t, kGroupLength> group{};
    std::array<double, 64> natural{};
    for (size_t i = 0; i < 64; ++i) {
      natural[i] = random.Below(101) - 50;
      group[i / 8 * kGroupRowLength + i % 8] = static_cast<int16_t>(natural[i]);
    }
    std::array<uint8_t, 64> got;
    InverseDctBlock(group.data(), steps, got.data(), 8);
    for (size_t y = 0; y < 8; ++y) {
      for (size_t x = 0; x < 8; ++x) {
        double sum = 0;
        for (size_t v = 0; v < 8; ++v) {
          for (size_t u = 0; u < 8; ++u) {
            const auto basis = [](size_t place, size_t frequency) {
              const double scale = frequency == 0 ? std::sqrt(0.125) : 0.5;
              return scale * std::cos(static_cast<double>((2 * place + 1) * frequency) *
                                      std::acos(-1.0) / 16);
            };
            sum += natural[v * 8 + u] * basis(y, v) * basis(x, u);
          }
        }
        const int want = static_cast<int>(std::lround(std::clamp(sum + 128, 0.0, 255.0)));
        worst = std::max(worst, std::abs(want - got[y * 8 + x]));
      }
    }
  }
  CHECK_MESSAGE(worst <= 1, worst);
}

/// All 2^24 colours: the kernel equals libjpeg's equations in 16 fractional bits (jdcolor.c).
void TestColour(const std::string& target) {
  constexpr size_t kWidth = 256 * 256;
  std::array<std::vector<uint8_t>, 3> ycc, rgb;
  for (auto& plane : ycc) plane.resize(kWidth + kRowPadding);
  for (auto& plane : rgb) plane.resize(kWidth + kRowPadding);
  const auto clamp = [](int value) { return static_cast<uint8_t>(std::clamp(value, 0, 255)); };
  for (int y = 0; y < 256; y += 5) {
    for (size_t i = 0; i < kWidth; ++i) {
      ycc[0][i] = static_cast<uint8_t>(y);
      ycc[1][i] = static_cast<uint8_t>(i >> 8);
      ycc[2][i] = static_cast<uint8_t>(i);
    }
    ConvertYCbCrRow({ycc[0].data(), ycc[1].data(), ycc[2].data()}, kWidth,
                    {rgb[0].data(), rgb[1].data(), rgb[2].data()});
    size_t wrong = 0;
    for (size_t i = 0; i < kWidth; ++i) {
      const int cb = static_cast<int>(i >> 8) - 128;
      const int cr = static_cast<int>(i & 255) - 128;
      wrong += rgb[0][i] != clamp(y + ((91881 * cr + 32768) >> 16));
      wrong += rgb[1][i] != clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
      wrong += rgb[2][i] != clamp(y + ((116130 * cb + 32768) >> 16));
    }
    CHECK_MESSAGE(wrong == 0, target, " Y ", y, ": ", wrong, " wrong");
  }
}

void TestUpsampling(const std::string& target) {
  Random random(9);
  for (size_t count = 1; count < 150; ++count) {
    std::vector<uint8_t> near(count + 2 + kRowPadding), far(near.size());
    for (uint8_t& sample : near) sample = static_cast<uint8_t>(random.Next());
    for (uint8_t& sample : far) sample = static_cast<uint8_t>(random.Next());
    const uint8_t* n = near.data() + 1;
    const uint8_t* f = far.data() + 1;
    std::vector<uint8_t> h2v1(2 * count + kRowPadding), h2v2(h2v1.size());
    std::array<std::vector<uint8_t>, 2> h1v2 = {h2v1, h2v1};
    UpsampleH2V1(n, count, h2v1.data());
    UpsampleH2V2(n, f, count, h2v2.data());
    UpsampleH1V2(n, f, false, count, h1v2[0].data());
    UpsampleH1V2(n, f, true, count, h1v2[1].data());
    size_t wrong = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto column = [&](ptrdiff_t at) { return 3 * n[at] + f[at]; };
      const auto at = static_cast<ptrdiff_t>(i);
      wrong += h2v1[2 * i] != (3 * n[at] + n[at - 1] + 1) / 4;
      wrong += h2v1[2 * i + 1] != (3 * n[at] + n[at + 1] + 2) / 4;
      wrong += h2v2[2 * i] != (3 * column(at) + column(at - 1) + 8) / 16;
      wrong += h2v2[2 * i + 1] != (3 * column(at) + column(at + 1) + 7) / 16;
      wrong += h1v2[0][i] != (column(at) + 1) / 4;
      wrong += h1v2[1][i] != (column(at) + 2) / 4;
    }
    CHECK_MESSAGE(wrong == 0, target, " ", count, " samples: ", wrong, " wrong");
  }
}

/// Whole images, the entropy decoder's targets included.
void TestImages(const std::string& target) {
  for (const std::array<int, 2> luma : {std::array{1, 1}, std::array{2, 1}, std::array{2, 2}}) {
    test::JpegRecipe recipe;
    recipe.size = {333, 111};
    recipe.quality = 96;
    recipe.sampling[0] = luma;
    recipe.optimize = true;
    const std::vector<uint8_t> jpeg = test::MakeJpeg(recipe);
    const JpegHeader header = ReadJpegHeader(jpeg).value();
    const auto checkpoints = BuildCheckpoints(header, jpeg, 0);
    RegionDecoder decoder;
    const Box all{0, 0, recipe.size.width, recipe.size.height};
    for (const Checkpoints* way :
         {&checkpoints.value(), static_cast<const Checkpoints*>(nullptr)}) {
      test::Collector collector;
      CHECK_OK(decoder.DecodeRegion(header, {jpeg, 0}, all, way, collector));
      CHECK_MESSAGE(test::Matches(collector, test::OracleDecode(jpeg), all, all.height), target,
                    recipe);
    }
  }
}

TEST_CASE("kernels equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    TestInverseDct(target);
    TestColour(target);
    TestUpsampling(target);
    TestImages(target);
  });
}

}  // namespace
}  // namespace fastinet
