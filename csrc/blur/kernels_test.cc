// The blurs' inner loops on every instruction set that this machine has, against plain renditions.
#include "blur/kernels.h"

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

std::vector<uint8_t> RandomBytes(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

void TestSmooth(const std::string& target, size_t count) {
  std::array<std::vector<uint8_t>, 3> rows;
  for (unsigned i = 0; i < 3; ++i) rows[i] = RandomBytes(count + 2 + kBlurPadding, i);
  rows[0][0] = rows[1][1] = rows[2][2] = 255;
  std::vector<uint8_t> out(count + kBlurPadding);
  SmoothLine(rows[0].data(), rows[1].data(), rows[2].data(), count, out.data());
  size_t differences = 0;
  for (size_t x = 0; x < count; ++x) {
    int sum = 4 * rows[1][x + 1];
    for (const auto& row : rows) sum += row[x] + row[x + 1] + row[x + 2];
    const auto wanted = static_cast<int>(static_cast<float>(sum) * (1.0f / 13) + 0.5f);
    differences += out[x] != wanted;
  }
  CHECK_MESSAGE(differences == 0, target, ", ", count);
}

void TestBoxes(const std::string& target, size_t count) {
  for (int32_t radius = 0; radius <= kMostLineRadius; ++radius) {
    const auto tap_count = 2 * static_cast<size_t>(radius) + 3;
    const uint32_t inner = (1u << 24) / (2 * static_cast<uint32_t>(radius) + 2);
    const BoxWeights weights{radius, inner,
                             ((1u << 24) - (2 * static_cast<uint32_t>(radius) + 1) * inner) / 2};
    std::vector<std::vector<uint8_t>> rows;
    std::vector<const uint8_t*> taps;
    rows.reserve(tap_count);
    taps.reserve(tap_count);
    for (size_t i = 0; i < tap_count; ++i) {
      rows.push_back(RandomBytes(count + kBlurPadding, static_cast<unsigned>(i)));
    }
    for (const auto& row : rows) taps.push_back(row.data());
    std::vector<uint8_t> out(count + kBlurPadding);
    BlurLine(taps, weights, count, out.data());
    size_t differences = 0;
    for (size_t x = 0; x < count; ++x) {
      uint32_t sum = 0;
      for (size_t i = 1; i + 1 < tap_count; ++i) sum += rows[i][x];
      const uint32_t ends = uint32_t{rows.front()[x]} + rows.back()[x];
      differences += out[x] != (sum * inner + ends * weights.edge + (1u << 23)) >> 24;
    }
    CHECK_MESSAGE(differences == 0, target, ", radius ", radius, ", ", count);
  }
}

/// Of radius 0 by words of 16 bits, among them ones that go out of 0 to 255.
void TestShortBoxes(const std::string& target, size_t count) {
  std::array<std::vector<uint8_t>, 3> rows;
  std::array<const uint8_t*, 3> taps{};
  for (size_t i = 0; i < 3; ++i) {
    rows[i] = RandomBytes(count + kBlurPadding, static_cast<unsigned>(i));
    taps[i] = rows[i].data();
  }
  struct Short {
    int factor, addend, shift;
  };
  for (const Short& given : {Short{21'845, 31, 6}, {32'766, 100, 8}, {0, 0, 12}, {32'767, 32, 6}}) {
    BoxWeights weights;
    weights.short_factor = static_cast<int16_t>(given.factor);
    weights.short_addend = static_cast<int16_t>(given.addend);
    weights.short_shift = given.shift;
    std::vector<uint8_t> out(count + kBlurPadding);
    BlurLine(taps, weights, count, out.data());
    size_t differences = 0;
    for (size_t x = 0; x < count; ++x) {
      const int difference = rows[0][x] + rows[2][x] - 2 * rows[1][x];
      const int part = ((difference * 64 * given.factor) >> 16) + given.addend;
      differences += out[x] != std::clamp(rows[1][x] + (part >> given.shift), 0, 255);
    }
    CHECK_MESSAGE(differences == 0, target, ", factor ", given.factor, ", ", count);
  }
}

void TestFloats(const std::string& target, size_t count) {
  const std::vector<uint8_t> bytes = RandomBytes(count + kBlurPadding, 5);
  std::vector<float> floats(count + kBlurPadding), sums(count + kBlurPadding);
  ToFloats(bytes.data(), count, floats.data());
  const std::array<const float*, 2> taps = {floats.data(), floats.data()};
  const std::array<float, 2> weights = {1.25f, -0.75f};
  WeighFloats(taps, weights, count, sums.data());
  std::vector<uint8_t> back(count + kBlurPadding);
  ToValues(sums.data(), count, back.data());
  size_t differences = 0;
  for (size_t x = 0; x < count; ++x) {
    const auto value = static_cast<float>(bytes[x]);
    const float sum = 1.25f * value + -0.75f * value;
    differences += sums[x] != sum || static_cast<float>(back[x]) != std::nearbyint(sum);
  }
  CHECK_MESSAGE(differences == 0, target, ", ", count);
  std::vector<float> beyond(kBlurPadding + 2, 300.0f);
  beyond[0] = -3.0f;
  ToValues(beyond.data(), 2, back.data());
  CHECK(back[0] == 0);
  CHECK(back[1] == 255);
}

TEST_CASE("kernels equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    for (const size_t count : {size_t{1}, size_t{7}, size_t{32}, size_t{33}, size_t{1001}}) {
      TestSmooth(target, count);
      TestBoxes(target, count);
      TestShortBoxes(target, count);
      TestFloats(target, count);
    }
  });
}

}  // namespace
}  // namespace fastinet
