// Which items stand in for another: each of the others, once, fairly drawn, and the same for ever.
#include "rng/replacements.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("other items come once each, in an order of their own for every item") {
  for (const uint64_t items : {2, 3, 10, 5000}) {
    for (const uint64_t item : {uint64_t{0}, items / 2, items - 1}) {
      const Replacements others(items, 1, 2, item);
      CHECK_EQ(others.size(), items - 1);
      std::vector<uint64_t> found;
      found.reserve(others.size());
      for (uint64_t draw = 0; draw < others.size(); ++draw) found.push_back(others(draw));
      std::ranges::sort(found);
      std::vector<uint64_t> expected(items);
      std::iota(expected.begin(), expected.end(), 0);
      expected.erase(expected.begin() + static_cast<int64_t>(item));
      CHECK(found == expected);
    }
  }
  CHECK_EQ(Replacements(1, 1, 2, 0).size(), uint64_t{0});
}

/// What a training run was started with must mean the same in every later version.
TEST_CASE("which items are drawn never changes") {
  const auto first = [](uint64_t seed, uint32_t epoch, uint64_t item) {
    return Replacements(1'281'167, seed, epoch, item)(0);
  };
  CHECK_EQ(first(0, 0, 0), uint64_t{545455});
  CHECK_EQ(first(1, 0, 0), uint64_t{1094190});
  CHECK_EQ(first(0, 1, 0), uint64_t{1030808});
  CHECK_EQ(first(0, 0, 1), uint64_t{488478});
}

/// Pearson's chi-square over many items and seeds; the bound is six standard deviations.
TEST_CASE("any other item is as likely as any") {
  constexpr uint64_t kItems = 12, kSeeds = 366;
  std::vector<double> counts(kItems);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (uint64_t item = 0; item < kItems; ++item) {
      counts[(Replacements(kItems, seed, 3, item)(0) + kItems - item) % kItems] += 1;
    }
  }
  CHECK_EQ(counts[0], 0.0);
  const double expected = static_cast<double>(kSeeds * kItems) / (kItems - 1);
  double chi2 = 0;
  for (uint64_t distance = 1; distance < kItems; ++distance) {
    chi2 += (counts[distance] - expected) * (counts[distance] - expected) / expected;
  }
  CHECK(chi2 < 10 + 6 * std::sqrt(20.0));
}

}  // namespace
}  // namespace fastinet
