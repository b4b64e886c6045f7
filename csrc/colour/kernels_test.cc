// The kernels on every instruction set that this machine has against one plain rendition, which the
// Python tests in turn hold against Pillow.
#include "colour/kernels.h"

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

using Pixel = std::array<uint8_t, 3>;
using Planes = std::array<std::vector<uint8_t>, 3>;

uint8_t Blended(uint8_t background, uint8_t value, float factor) {
  const float difference = static_cast<float>(int{value} - int{background});
  const float sum = static_cast<float>(background) + factor * difference;
  return static_cast<uint8_t>(std::clamp(sum, 0.0f, 255.0f));
}

uint8_t GreyOf(const Pixel& p) {
  return static_cast<uint8_t>((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
}

Pixel Turned(const Pixel& p, uint8_t shift) {
  const int most = std::max({p[0], p[1], p[2]}), least = std::min({p[0], p[1], p[2]});
  if (most == least) return p;
  const auto range = static_cast<float>(most - least);
  const auto share = [&](int c) { return static_cast<float>(most - c) / range; };
  const float rc = share(p[0]), gc = share(p[1]), bc = share(p[2]);
  float hue = bc - gc;
  if (p[0] != most) {
    hue = static_cast<float>(p[1] == most ? 2.0 + rc - bc : 4.0 + gc - rc);
  }
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  const auto h = static_cast<uint8_t>(static_cast<int>(hue * 255.0) + shift);
  const auto s = static_cast<int>((range / static_cast<float>(most)) * 255.0);
  if (s == 0)
    return {static_cast<uint8_t>(most), static_cast<uint8_t>(most), static_cast<uint8_t>(most)};
  const double sixths = h * 6.0 / 255.0;
  const int sector = static_cast<int>(std::floor(sixths));
  const auto part = static_cast<float>(sixths - sector);
  const auto strength = static_cast<float>(s / 255.0);
  const auto v = static_cast<uint8_t>(most);
  const auto rounded = [](double value) { return static_cast<uint8_t>(std::lround(value)); };
  const uint8_t low = rounded(v * (1.0 - strength));
  const uint8_t falling = rounded(v * (1.0 - strength * part));
  const uint8_t rising = rounded(v * (1.0 - strength * (1.0 - part)));
  switch (sector % 6) {
    case 0:
      return {v, rising, low};
    case 1:
      return {falling, v, low};
    case 2:
      return {low, v, rising};
    case 3:
      return {low, falling, v};
    case 4:
      return {rising, low, v};
    default:
      return {v, low, falling};
  }
}

Planes RandomPlanes(size_t pixels) {
  std::mt19937 random(static_cast<unsigned>(pixels));
  Planes planes;
  for (auto& plane : planes) {
    plane.resize(pixels);  // not a byte more: the sanitizer sees whoever goes beyond
    for (uint8_t& value : plane) value = static_cast<uint8_t>(random());
  }
  return planes;
}

RgbPlanes View(Planes& planes) {
  return {planes[0].data(), planes[1].data(), planes[2].data(), planes[0].size()};
}

template <class Kernel, class Plain>
void Compare(const std::string& target, size_t pixels, Kernel kernel, Plain plain) {
  const Planes before = RandomPlanes(pixels);
  Planes after = before;
  kernel(View(after));
  size_t differences = 0;
  for (size_t x = 0; x < pixels; ++x) {
    const Pixel wanted = plain(Pixel{before[0][x], before[1][x], before[2][x]});
    differences += wanted != Pixel{after[0][x], after[1][x], after[2][x]};
  }
  CHECK_MESSAGE(differences == 0, target, ", ", pixels, " pixels");
}

void TestKernels(const std::string& target, size_t pixels) {
  for (const float factor : {0.0f, 0.3f, 1.0f, 1.7f, 400.0f}) {
    Compare(
        target, pixels,
        [&](const RgbPlanes& p) {
          for (uint8_t* plane : {p.red, p.green, p.blue}) {
            BlendWithValue(plane, p.pixels, 77, factor);
          }
        },
        [&](Pixel p) {
          for (uint8_t& value : p) value = Blended(77, value, factor);
          return p;
        });
    Compare(
        target, pixels, [&](const RgbPlanes& p) { BlendWithGrey(p, factor); },
        [&](Pixel p) {
          const uint8_t grey = GreyOf(p);
          for (uint8_t& value : p) value = Blended(grey, value, factor);
          return p;
        });
  }
  Compare(
      target, pixels, [&](const RgbPlanes& p) { ReplaceByGrey(p); },
      [&](const Pixel& p) { return Pixel{GreyOf(p), GreyOf(p), GreyOf(p)}; });
  Compare(
      target, pixels,
      [&](const RgbPlanes& p) {
        const Planes same = RandomPlanes(pixels);
        BlendWithPlane(p.red, p.pixels, same[1].data(), 1.7f);
      },
      [&](const Pixel& p) { return Pixel{Blended(p[1], p[0], 1.7f), p[1], p[2]}; });
  for (const uint8_t shift : std::array<uint8_t, 4>{0, 1, 100, 255}) {
    Compare(
        target, pixels, [&](const RgbPlanes& p) { ShiftHue(p, shift); },
        [&](const Pixel& p) { return Turned(p, shift); });
  }
  Planes planes = RandomPlanes(pixels);
  for (uint8_t& value : planes[0]) value = std::clamp<uint8_t>(value, 17, 202);
  for (const std::vector<uint8_t>& plane : planes) {
    const Extremes extremes = ExtremesOf(plane.data(), pixels);
    const auto least = std::min_element(plane.begin(), plane.end());
    const auto greatest = std::max_element(plane.begin(), plane.end());
    CHECK_MESSAGE(extremes.least == (pixels > 0 ? *least : 255), target, ", ", pixels, " pixels");
    CHECK_MESSAGE(extremes.greatest == (pixels > 0 ? *greatest : 0), target, ", ", pixels);
  }
  uint64_t sum = 0;
  for (size_t x = 0; x < pixels; ++x) sum += GreyOf({planes[0][x], planes[1][x], planes[2][x]});
  CHECK_MESSAGE(SumOfGrey(View(planes)) == sum, target, ", ", pixels, " pixels");
}

/// Sums with weights, begun with others, and what uint8 they are cut to.
void TestSums(const std::string& target, size_t count) {
  const Planes planes = RandomPlanes(count);
  std::vector<float> sums(count), wanted(count);
  std::vector<uint8_t> values(count);
  for (size_t x = 0; x < count; ++x) sums[x] = wanted[x] = static_cast<float>(planes[0][x]) - 60;
  AddWeighted(sums.data(), count, planes[1].data(), 1.37f);
  TruncateSums(values.data(), count, sums.data());
  size_t differences = 0;
  for (size_t x = 0; x < count; ++x) {
    const float product = 1.37f * static_cast<float>(planes[1][x]);
    wanted[x] += product;
    differences += sums[x] != wanted[x];
    differences += values[x] != static_cast<uint8_t>(std::clamp(wanted[x], 0.0f, 255.0f));
  }
  CHECK_MESSAGE(differences == 0, target, ", ", count, " sums");
}

/// More pixels than one run of the sums takes.
void TestLargeSum(const std::string& target) {
  const size_t pixels = (size_t{1} << 22) + 5;
  Planes planes;
  for (auto& plane : planes) plane.assign(pixels, 255);
  CHECK_MESSAGE(SumOfGrey(View(planes)) == pixels * 255, target);
}

/// Every hue that Pillow can compute, of which it depends on roundings whether it is whole.
void TestHues(const std::string& target) {
  Planes before;
  for (int most = 0; most < 256; ++most) {
    for (int middle = 0; middle <= most; ++middle) {
      std::array<int, 3> order = {0, 1, 2};
      do {
        const std::array<int, 3> components = {0, middle, most};
        for (size_t c = 0; c < 3; ++c) {
          const int component = components[static_cast<size_t>(order[c])];
          before[c].push_back(static_cast<uint8_t>(component));
        }
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
  for (const uint8_t shift : std::array<uint8_t, 2>{0, 99}) {
    Planes after = before;
    ShiftHue(View(after), shift);
    size_t differences = 0;
    for (size_t x = 0; x < before[0].size(); ++x) {
      const Pixel wanted = Turned({before[0][x], before[1][x], before[2][x]}, shift);
      differences += wanted != Pixel{after[0][x], after[1][x], after[2][x]};
    }
    CHECK_MESSAGE(differences == 0, target, ", shift ", int{shift});
  }
}

TEST_CASE("kernels equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    for (const size_t pixels :
         {size_t{0}, size_t{1}, size_t{7}, size_t{16}, size_t{33}, size_t{100'003}}) {
      TestKernels(target, pixels);
      TestSums(target, pixels);
    }
    TestLargeSum(target);
    TestHues(target);
  });
}

}  // namespace
}  // namespace fastinet
