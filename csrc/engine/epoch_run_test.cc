// Epochs without Python: order, failures, stopping; meant to be run under the thread sanitizer too.
#include "engine/epoch_run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "engine/test_epochs.h"
#include "rng/replacements.h"

namespace fastinet {
namespace {

using std::chrono::milliseconds;
using test::Dataset, test::ExpectRowsOf, test::NextOf, test::Options, test::Pool, test::Shuffled,
    test::SlotsFor;

void TestBatchesComeInPlanOrder(int threads, int64_t batch_size, int64_t prefetch) {
  const Dataset data(150);
  const std::vector<int64_t> order = Shuffled(150);
  const auto stats = std::make_shared<EngineStats>();
  const auto slots = SlotsFor(batch_size, prefetch);
  const auto run =
      EpochRun::Start(Pool(threads), data.table(), {.order = order, .batch_size = batch_size},
                      Options(prefetch), slots, stats)
          .value();
  int64_t rows = 0;
  while (rows < 150) {
    const Delivery batch = NextOf(*run);
    ExpectRowsOf(batch, order, rows);
    REQUIRE(batch.rows == std::min<int64_t>(batch_size, 150 - rows));
    rows += batch.rows;
    REQUIRE(slots->leased() <= prefetch + 1);
  }
  REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  REQUIRE(stats->Sum(&WorkerCounters::items) == 150);
  REQUIRE(run->ReadyBatches() == 0);
  REQUIRE(stats->batches == static_cast<uint64_t>(CeilDiv<int64_t>(150, batch_size)));
  REQUIRE(slots->extra() == 0);
}

TEST_CASE("the first bad item of a batch is the one reported") {
  const Dataset data(60, {41, 42, 44, 55});
  std::vector<int64_t> order(60);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[42], order[44]);  // 44 now comes before 42, but after 41
  std::swap(order[40], order[41]);
  for (int turn = 0; turn < 30; ++turn) {
    const auto run = EpochRun::Start(Pool(4), data.table(), {.order = order, .batch_size = 20},
                                     Options(3), SlotsFor(20, 3), std::make_shared<EngineStats>())
                         .value();
    ExpectRowsOf(NextOf(*run), order, 0);
    ExpectRowsOf(NextOf(*run), order, 20);
    const Delivery failed = NextOf(*run);
    REQUIRE(failed.kind == Delivery::Kind::kFailed);
    REQUIRE(failed.failed_item == 41);
    REQUIRE(failed.error.archive() == "memory.tar");
    REQUIRE(failed.error.offset_bytes() == static_cast<int64_t>(data.offset_bytes(41)));
    REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  }
}

TEST_CASE("masked rows are zero, in used slots too") {
  const Dataset data(20, {3, 17});
  const std::vector<int64_t> order = Shuffled(20);
  const auto stats = std::make_shared<EngineStats>();
  const auto slots = SlotsFor(20, 1);
  for (int turn = 0; turn < 2; ++turn) {  // the second in a used slot
    const auto run = EpochRun::Start(Pool(3), data.table(), {.order = order, .batch_size = 20},
                                     Options(1, OnError::kMask), slots, stats)
                         .value();
    const Delivery batch = NextOf(*run);
    REQUIRE(batch.failures.size() == 2);
    REQUIRE(batch.failures[0].row < batch.failures[1].row);
    for (const RowFailure& failure : batch.failures) {
      REQUIRE((failure.item == 3 || failure.item == 17));
      REQUIRE(order[static_cast<size_t>(failure.row)] == failure.item);
      REQUIRE(batch.slot->valid[static_cast<size_t>(failure.row)] == 0);
      for (const uint8_t value : batch.slot->Row(0, failure.row)) REQUIRE(value == 0);
    }
  }
  const uint64_t failures = stats->Sum([](const WorkerCounters& worker) {
    return std::accumulate(worker.failures.begin(), worker.failures.end(), uint64_t{0});
  });
  REQUIRE(failures == 4);
}

/// Whatever the threads, batches and the part of the epoch, a bad item has the same one in its
/// place.
TEST_CASE("replaced rows") {
  constexpr int64_t kItems = 30;
  const Dataset data(kItems, {3, 8, 17});
  const std::vector<int64_t> whole = Shuffled(kItems);
  std::vector<int64_t> replacements(kItems, kNoReplacement);
  for (const int64_t item : {3, 8, 17}) {
    const Replacements others(kItems, 5, 6, static_cast<uint64_t>(item));
    uint64_t draw = 0;
    const auto is_bad = [](uint64_t other) { return other == 3 || other == 8 || other == 17; };
    while (is_bad(others(draw))) ++draw;
    replacements[static_cast<size_t>(item)] = static_cast<int64_t>(others(draw));
  }
  for (const int threads : {1, 4}) {
    for (const int64_t first : {0, 7}) {
      const std::vector<int64_t> order(whole.begin() + first, whole.end());
      for (const int64_t batch_size : {1, 4, 30}) {
        const auto stats = std::make_shared<EngineStats>();
        const EpochPlan plan{.order = order, .batch_size = batch_size, .seed = 5, .epoch = 6};
        const auto run =
            EpochRun::Start(Pool(threads), data.table(), plan, Options(2, OnError::kReplace),
                            SlotsFor(batch_size, 2), stats)
                .value();
        std::vector<int64_t> shown = order;
        for (int64_t& item : shown) {
          const int64_t other = replacements[static_cast<size_t>(item)];
          if (other != kNoReplacement) item = other;
        }
        uint64_t replaced = 0;
        for (int64_t row = 0; row < plan.size(); row += batch_size) {
          const Delivery batch = NextOf(*run);
          ExpectRowsOf(batch, shown, row);
          for (const RowFailure& failure : batch.failures) {
            REQUIRE(failure.item == order[static_cast<size_t>(row + failure.row)]);
            REQUIRE(failure.replacement == replacements[static_cast<size_t>(failure.item)]);
            REQUIRE(failure.status.offset_bytes() ==
                    static_cast<int64_t>(data.offset_bytes(failure.item)));
          }
          replaced += batch.failures.size();
        }
        REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
        const uint64_t failures = stats->Sum([](const WorkerCounters& worker) {
          return std::accumulate(worker.failures.begin(), worker.failures.end(), uint64_t{0});
        });
        REQUIRE(failures == replaced);
        REQUIRE(stats->Sum(&WorkerCounters::items) == order.size());
      }
    }
  }
}

TEST_CASE("runs share a pool and stop anywhere") {
  const Dataset data(400);
  const std::vector<int64_t> order = Shuffled(400);
  const auto pool = Pool(4);
  const auto slots = SlotsFor(10, 3);
  const auto stats = std::make_shared<EngineStats>();
  for (int turn = 0; turn < 40; ++turn) {
    std::vector<std::unique_ptr<EpochRun>> runs;
    runs.reserve(3);
    for (int i = 0; i < 3; ++i) {
      runs.push_back(EpochRun::Start(pool, data.table(), {.order = order, .batch_size = 10},
                                     Options(3), slots, stats)
                         .value());
    }
    for (int64_t batch = 0; batch < turn % 5; ++batch) {
      for (const auto& run : runs) ExpectRowsOf(NextOf(*run), order, batch * 10);
    }
  }
  REQUIRE(slots->leased() == 0);
}

TEST_CASE("stopping wakes the consumer") {
  const Dataset data(64);
  const std::vector<int64_t> order = Shuffled(64);
  for (int turn = 0; turn < 50; ++turn) {
    const auto run = EpochRun::Start(Pool(2), data.table(), {.order = order, .batch_size = 4},
                                     Options(2), SlotsFor(4, 2), std::make_shared<EngineStats>())
                         .value();
    std::thread consumer([&] {
      for (;;) {
        const Delivery delivery = run->Next(milliseconds(100'000));
        if (delivery.kind == Delivery::Kind::kBatch) continue;
        REQUIRE((delivery.kind == Delivery::Kind::kEnd ||
                 delivery.error.code() == StatusCode::kCancelled));
        return;
      }
    });
    for (int i = 0; i < turn * 20; ++i) std::this_thread::yield();
    run->Stop();
    consumer.join();
  }
}

TEST_CASE("padding makes zero rows that are not valid") {
  const Dataset data(10);
  std::vector<int64_t> order = Shuffled(10);
  order.resize(16, kPaddingItem);
  std::vector<int64_t> blocks(10, 0);
  blocks.resize(16, 7);  // padding lies in no block, whatever the plan says
  const auto run =
      EpochRun::Start(Pool(2), data.table(), {.order = order, .blocks = blocks, .batch_size = 16},
                      Options(1), SlotsFor(16, 1), std::make_shared<EngineStats>())
          .value();
  const Delivery batch = NextOf(*run);
  REQUIRE(batch.rows == 16);
  REQUIRE(batch.failures.empty());
  for (size_t j = 10; j < 16; ++j) {
    REQUIRE(batch.slot->items[j] == kPaddingItem);
    REQUIRE(batch.slot->valid[j] == 0);
    for (const uint8_t value : batch.slot->Row(0, static_cast<int64_t>(j))) REQUIRE(value == 0);
  }
}

TEST_CASE("batches outlive their run") {
  const Dataset data(40);
  const std::vector<int64_t> order = Shuffled(40);
  std::vector<Delivery> kept;
  kept.reserve(10);
  {
    const auto run = EpochRun::Start(Pool(3), data.table(), {.order = order, .batch_size = 4},
                                     Options(2), SlotsFor(4, 2), std::make_shared<EngineStats>())
                         .value();
    for (int i = 0; i < 10; ++i) kept.push_back(NextOf(*run));
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    ExpectRowsOf(kept[i], order, static_cast<int64_t>(i) * 4);
  }
}

TEST_CASE("batches come in plan order") {
  for (const int threads : {1, 2, 5}) {
    for (const int64_t batch_size : {1, 16, 200}) {
      for (const int64_t prefetch : {1, 4}) {
        CAPTURE(threads);
        CAPTURE(batch_size);
        CAPTURE(prefetch);
        TestBatchesComeInPlanOrder(threads, batch_size, prefetch);
      }
    }
  }
}

}  // namespace
}  // namespace fastinet
