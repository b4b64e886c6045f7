// Every allocation of the passes over items fails in turn, alone or with all that follow: each time
// there is a result, a status or std::bad_alloc in the calling thread, and the process lives.
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_source.h"
#include "base/test_checks.h"
#include "base/test_shortage.h"
#include "columns/test_dataset.h"
#include "gzip/test_gzip.h"
#include "passes/checkpoint_pass.h"
#include "passes/item_check.h"
#include "passes/parallel.h"
#include "passes/render_images.h"
#include "passes/seek_pass.h"
#include "tar/test_tars.h"

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

/// A tar of tars with names that are kept by allocations, and bytes that hardly compress.
std::string TarOfTars() {
  std::string outer;
  uint32_t random = 1;
  for (int folder = 0; folder < 3; ++folder) {
    std::string inner;
    for (int image = 0; image < 2; ++image) {
      std::string content(20'000, 0);
      for (char& byte : content) {
        random = random * 1664525 + 1013904223;
        byte = static_cast<char>(random >> 25);
      }
      test::AppendEntry(inner, "an-image-with-a-long-name-" + std::to_string(image), content);
    }
    inner += test::TarEnd();
    test::AppendEntry(outer, "a-class-with-a-long-name-" + std::to_string(folder) + ".tar", inner);
  }
  return outer + test::TarEnd();
}

/// All that passes find, one after another, each of which begins where the one before had come to
/// when it lacked memory.
SeekPart AllOf(const std::vector<uint8_t>& file, uint64_t spacing, int64_t n, bool lasts,
               bool* happened) {
  SeekPart all;
  *happened = false;
  for (bool first = true;; first = false) {
    auto pass =
        SeekPass::Start(std::make_unique<const MemorySource>(file), "a-folder", spacing).value();
    if (!all.state.empty()) {
      REQUIRE(pass->Resume(all.state, all.members.container_names).ok());
    }
    const auto add = [&](SeekPart part) {
      const auto append = [](auto& to, const auto& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      append(all.points.offsets, part.points.offsets);
      append(all.points.bit_offsets, part.points.bit_offsets);
      append(all.points.window_sizes, part.points.window_sizes);
      append(all.points.windows, part.points.windows);
      all.members.Append(std::move(part.members));
      all.state = std::move(part.state);
    };
    try {
      std::optional<Shortage> shortage;
      if (first) shortage.emplace(n, lasts);
      bool goes_on = true;
      while (goes_on && !pass->done()) {
        const Status status = pass->Step(10'000);
        goes_on = status.ok();
        CHECK(status.code() != StatusCode::kInternal);  // a lack of memory is no bug
      }
    } catch (const std::bad_alloc&) {
    }
    if (first) *happened = test::allocations > n;
    const bool is_done = pass->done();
    add(pass->Take());
    if (is_done) return all;
  }
}

/// What a pass had found is good whatever memory it lacked later: it is kept on the disk.
TEST_CASE("the pass over a gzipped tar") {
  constexpr uint64_t kSpacing = kMinSeekSpacingBytes;
  const std::string tar = TarOfTars();
  const std::vector<uint8_t> file =
      test::Gzip({reinterpret_cast<const uint8_t*>(tar.data()), tar.size()}, 1);
  bool happened = false;
  const SeekPart sound = AllOf(file, kSpacing, INT64_MAX - 1, false, &happened);
  REQUIRE(sound.points.count() >= 3);
  REQUIRE(sound.members.count() == 6);
  ForEveryShortage([&](int64_t n, bool lasts) {
    const SeekPart found = AllOf(file, kSpacing, n, lasts, &happened);
    CAPTURE(n);
    CAPTURE(lasts);
    CHECK_EQ(found.points.count(), sound.points.count());
    CHECK_EQ(found.members.count(), sound.members.count());
    CHECK(found.points.offsets == sound.points.offsets);
    CHECK(found.points.bit_offsets == sound.points.bit_offsets);
    CHECK(found.points.window_sizes == sound.points.window_sizes);
    CHECK(found.points.windows == sound.points.windows);
    CHECK(found.members.offsets == sound.members.offsets);
    CHECK(found.members.containers == sound.members.containers);
    CHECK(found.members.container_names == sound.members.container_names);
    CHECK(found.members.names == sound.members.names);
    CHECK(found.members.name_ends == sound.members.name_ends);
    return happened;
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
