// Normal numbers and what they are made of: right, and the same bits on every machine.
#include "rng/normal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "base/test_checks.h"
#include "rng/philox.h"
#include "rng/portable_math.h"

namespace fastinet {
namespace {

/// FNV-1a over the bits of a number, put behind those of `digest`.
uint64_t Digest(uint64_t digest, double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) {
    digest = (digest ^ ((bits >> shift) & 0xFF)) * 0x100000001B3;
  }
  return digest;
}

constexpr uint64_t kEmptyDigest = 0xCBF29CE484222325;

/// Random words, the same in each run.
uint32_t RandomWord(uint32_t index) { return Philox4x32({7, 11}, {index, 0, 0, 0})[0]; }

/// The share of a normal distribution below `value`.
double Distribution(double value) { return 0.5 * std::erfc(-value / std::numbers::sqrt2); }

TEST_CASE("a normal number is the quantile of its bits") {
  const auto check = [](uint32_t bits) {
    const double probability = (bits + 0.5) * 0x1p-32;
    const double value = StandardNormal(bits);
    CAPTURE(bits);
    // In the tail that is the smaller of the two, since the other has lost its last bits.
    const double tail = std::min(probability, 1 - probability);
    CHECK(std::abs(Distribution(-std::abs(value)) / tail - 1) < 1e-13);
    CHECK_EQ(StandardNormal(~bits), -value);
  };
  for (uint32_t i = 0; i < 2000; ++i) check(RandomWord(i));
  for (uint32_t bits = 0; bits < 200; ++bits) check(bits);
  // Where one formula follows the other, at 0.075.
  for (uint32_t bits = 322'122'500; bits < 322'122'600; ++bits) check(bits);
}

TEST_CASE("normal numbers increase with their bits") {
  const auto check = [](uint32_t first, uint32_t count) {
    double before = StandardNormal(first);
    for (uint32_t i = 1; i < count; ++i) {
      const double value = StandardNormal(first + i);
      CHECK(value > before);
      before = value;
    }
  };
  check(0, 1000);
  check(322'122'047, 1000);                                 // about 0.075
  check(0x80000000u - 500, 1000);                           // about 0
  check(3'972'844'749u - 500, 1000);                        // about 0.925
  check(std::numeric_limits<uint32_t>::max() - 999, 1000);  // up to the last
}

/// Kolmogorov and Smirnov's distance; a sound sample of this size exceeds it once in 10^5.
TEST_CASE("numbers from random bits are normally distributed") {
  constexpr uint32_t kCount = 20'000;
  std::vector<double> values(kCount);
  for (uint32_t i = 0; i < kCount; ++i) values[i] = StandardNormal(RandomWord(i));
  std::ranges::sort(values);
  double distance = 0;
  for (uint32_t i = 0; i < kCount; ++i) {
    const double share = Distribution(values[i]);
    distance = std::max({distance, share - static_cast<double>(i) / kCount,
                         static_cast<double>(i + 1) / kCount - share});
  }
  CHECK(distance * std::sqrt(kCount) < 2.47);
}

/// What a training run was started with must mean the same in every later version, on every
/// machine.
TEST_CASE("the bits of normal numbers never change") {
  uint64_t digest = kEmptyDigest;
  for (uint32_t i = 0; i < 10'000; ++i) digest = Digest(digest, StandardNormal(RandomWord(i)));
  for (uint32_t bits = 0; bits < 1000; ++bits) digest = Digest(digest, StandardNormal(bits));
  CHECK_EQ(digest, uint64_t{0x161197BF8025DAFF});
}

TEST_CASE("the portable logarithm and exponential are those of libm, nearly") {
  constexpr double kBound = 4 * std::numeric_limits<double>::epsilon();
  uint64_t digest = kEmptyDigest;
  for (uint32_t i = 0; i < 4000; ++i) {
    const double share = UnitInterval(RandomWord(i));
    const double power = (share - 0.5) * 2 * (i % 2 == 0 ? 2 : 700);
    CAPTURE(power);
    const double expected = std::exp(power);
    CHECK(std::abs(PortableExp(power) / expected - 1) < kBound);
    CHECK(std::abs(PortableLog(expected) - std::log(expected)) <= kBound * std::abs(power));
    digest = Digest(digest, PortableExp(power));
    digest = Digest(digest, PortableLog(share + 0x1p-33));
  }
  CHECK_EQ(PortableLog(1), 0.0);
  CHECK_EQ(PortableExp(0), 1.0);
  CHECK_EQ(PortableLog(2), std::numbers::ln2);
  CHECK_EQ(PortableLog(std::numeric_limits<double>::min()),
           std::log(std::numeric_limits<double>::min()));
  CHECK_EQ(digest, uint64_t{0x3BEC85CF2669F0CA});
}

}  // namespace
}  // namespace fastinet
