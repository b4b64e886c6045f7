// Which regions are decoded together: each in exactly one decode, and never at a loss.
#include "item/shared_regions.h"

#include <random>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// Pixels, and as many more as a decode costs by itself.
double Cost(const Box& box) {
  return box.width == 0 ? 0.0 : 100.0 + static_cast<double>(box.width) * box.height;
}

double CostOfAll(const SharedRegions& shared, const std::vector<Box>& regions) {
  double sum = 0;
  for (size_t decode = 0; decode < shared.decodes(); ++decode) {
    Box box;
    for (const size_t region : shared.RegionsOf(decode)) box = Around(box, regions[region]);
    sum += Cost(box);
  }
  return sum;
}

TEST_CASE("the box around two") {
  CHECK((Around({1, 2, 3, 4}, {5, 1, 2, 2}) == Box{1, 1, 6, 5}));
  CHECK((Around({0, 0, 9, 9}, {5, 1, 2, 2}) == Box{0, 0, 9, 9}));
  CHECK((Around({}, {5, 1, 2, 2}) == Box{5, 1, 2, 2}));
  CHECK((Around({5, 1, 2, 2}, {9, 9, 0, 0}) == Box{5, 1, 2, 2}));
  CHECK(Around({}, {}) == Box{});
}

TEST_CASE("what lies within another is decoded with it") {
  const std::vector<Box> regions = {{30, 30, 20, 20}, {0, 0, 100, 80}, {60, 10, 30, 30}};
  SharedRegions shared;
  shared.Divide(regions, Cost);
  REQUIRE_EQ(shared.decodes(), size_t{1});
  CHECK_EQ(shared.RegionsOf(0).size(), size_t{3});
  CHECK_EQ(shared.RegionsOf(0)[0], size_t{1});  // the largest is there first
}

TEST_CASE("what lies apart is not") {
  const std::vector<Box> regions = {{0, 0, 20, 20}, {80, 80, 20, 20}, {82, 81, 17, 19}};
  SharedRegions shared;
  shared.Divide(regions, Cost);
  REQUIRE_EQ(shared.decodes(), size_t{2});
  CHECK_EQ(shared.RegionsOf(0).size(), size_t{1});
  CHECK_EQ(shared.RegionsOf(1).size(), size_t{2});
}

TEST_CASE("a decode has not more regions than there may be resamplers") {
  const std::vector<Box> regions(3 * SharedRegions::kMost + 1, Box{0, 0, 50, 50});
  SharedRegions shared;
  shared.Divide(regions, Cost);
  REQUIRE_EQ(shared.decodes(), size_t{4});
  CHECK_EQ(shared.RegionsOf(0).size(), SharedRegions::kMost);
  CHECK_EQ(shared.RegionsOf(3).size(), size_t{1});
}

/// One after another, as a worker divides them: nothing is left of the image before.
TEST_CASE("each region is decoded once, and together they cost no more than alone") {
  std::mt19937 random(7);
  SharedRegions shared;
  for (int i = 0; i < 300; ++i) {
    const auto below = [&](int32_t end) { return static_cast<int32_t>(random() % end); };
    std::vector<Box> regions(static_cast<size_t>(below(40)));
    double alone = 0;
    for (Box& box : regions) {
      if (below(10) > 0) box = {below(500), below(300), 1 + below(200), 1 + below(200)};
      alone += Cost(box);
    }
    shared.Divide(regions, Cost);
    std::vector<int> seen(regions.size());
    for (size_t decode = 0; decode < shared.decodes(); ++decode) {
      CHECK(!shared.RegionsOf(decode).empty());
      for (const size_t region : shared.RegionsOf(decode)) ++seen[region];
    }
    CHECK(seen == std::vector<int>(regions.size(), 1));
    CHECK(CostOfAll(shared, regions) <= alone);
  }
}

}  // namespace
}  // namespace fastinet
