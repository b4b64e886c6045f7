// The check of items: every bad one is found, at its offset, at either depth and on any threads.
#include "passes/item_check.h"

#include <algorithm>
#include <array>

#include "base/test_checks.h"
#include "columns/test_dataset.h"

namespace fastinet {
namespace {

using test::Dataset;

void TestEveryBadItemIsFound(int threads, CheckDepth depth) {
  const Dataset dataset(40, {3, 17, 39});
  const ItemChecks all = CheckItems(dataset.table(), 0, 40, depth, threads);
  REQUIRE(all.failures.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    const int64_t item = std::array<int64_t, 3>{3, 17, 39}[i];
    REQUIRE(all.failures[i].item == item);
    REQUIRE(all.failures[i].status.code() == StatusCode::kUnsupported);
    REQUIRE(all.failures[i].status.archive() == "memory.tar");
    REQUIRE(all.failures[i].status.offset_bytes() ==
            static_cast<int64_t>(dataset.offset_bytes(item)));
    REQUIRE(all.components[static_cast<size_t>(item)] == 0);
  }
  REQUIRE(std::count(all.components.begin(), all.components.end(), 1) == 37);
  const ItemChecks some = CheckItems(dataset.table(), 10, 10, depth, threads);
  REQUIRE(some.components.size() == 10);
  REQUIRE(some.failures.size() == 1);
  REQUIRE(some.failures[0].item == 17);
  REQUIRE(CheckItems(dataset.table(), 40, 0, depth, threads).components.empty());
}

TEST_CASE("every bad item is found") {
  for (const int threads : {1, 4}) {
    CAPTURE(threads);
    TestEveryBadItemIsFound(threads, CheckDepth::kHeader);
    TestEveryBadItemIsFound(threads, CheckDepth::kPixels);
  }
}

TEST_CASE("an image that asks for more than the limits is too large") {
  const Dataset dataset(3, {1});
  for (const CheckDepth depth : {CheckDepth::kHeader, CheckDepth::kPixels}) {
    const ItemChecks checks =
        CheckItems(dataset.table(), 0, 3, depth, 1, {.max_pixels = 1, .max_scans = 1});
    REQUIRE(checks.failures.size() == 2);  // the first image has one pixel
    CHECK(checks.failures[0].status.code() == StatusCode::kUnsupported);
    CHECK(checks.failures[1].item == 2);
    CHECK(checks.failures[1].status.code() == StatusCode::kTooLarge);
  }
}

}  // namespace
}  // namespace fastinet
