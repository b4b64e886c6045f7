// Every allocation of the passes over items fails in turn, alone or with all that follow: each time
// there is a result, a status or std::bad_alloc in the calling thread, and the process lives.
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "base/test_shortage.h"
#include "columns/test_dataset.h"
#include "passes/checkpoint_pass.h"
#include "passes/item_check.h"
#include "passes/parallel.h"
#include "passes/render_images.h"

namespace fastinet {
namespace {

using test::Dataset, test::ForEveryShortage, test::Shortage;

/// Whether `work` met the shortage; what it throws has come to the calling thread.
template <class Work>
bool Meets(int64_t n, bool lasts, Work work) {
  const Shortage shortage(n, lasts);
  try {
    work();
  } catch (const std::bad_alloc&) {
  }
  return test::allocations > n;
}

TEST_CASE("the check of items") {
  const Dataset dataset(6, {3});
  for (const CheckDepth depth : {CheckDepth::kHeader, CheckDepth::kPixels}) {
    ForEveryShortage([&](int64_t n, bool lasts) {
      return Meets(n, lasts, [&] { (void)CheckItems(dataset.table(), 0, 6, depth, 2); });
    });
  }
}

TEST_CASE("the pass that makes checkpoints") {
  const Dataset dataset(6, {3});
  ForEveryShortage([&](int64_t n, bool lasts) {
    return Meets(n, lasts, [&] { (void)MakeCheckpoints(dataset.table(), 0, 6, 0, 2); });
  });
}

TEST_CASE("images at once") {
  const std::vector<uint8_t> jpeg = test::GreyJpeg(8, 8);
  const std::vector<Bytes> images(4, Bytes(jpeg));
  std::vector<uint8_t> rows(images.size() * 4 * 4 * 3);
  CropRule rule;
  rule.size = Size{4, 4};
  ForEveryShortage([&](int64_t n, bool lasts) {
    return Meets(n, lasts, [&] { (void)RenderImages(images, rule, {}, 2, rows); });
  });
}

TEST_CASE("what a thread throws comes to the caller") {
  std::vector<int> done(100);
  const auto loop = [&](size_t bad) {
    ForEachInParallel(done.size(), 3, [&] {
      return [&, bad](size_t i) {
        if (i == bad) throw std::bad_alloc();
        done[i] = 1;
      };
    });
  };
  for (const size_t bad : {size_t{0}, size_t{50}, size_t{99}})
    CHECK_THROWS_AS(loop(bad), std::bad_alloc);
  CHECK_NOTHROW(loop(100));
  CHECK(done == std::vector<int>(100, 1));
}

}  // namespace
}  // namespace fastinet
