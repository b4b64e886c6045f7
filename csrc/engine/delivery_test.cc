// One batch without threads, and then with them: the countdown, and which failure comes first.
#include "engine/delivery.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

std::shared_ptr<Slot> NewSlot(int64_t rows) {
  return SlotPool::Make({.rows = rows, .groups = {{12}}}, 1)->Lease().value();
}

TEST_CASE("the last row is told apart") {
  OpenBatch batch;
  for (const int64_t rows : {1, 5, 2}) {  // the same object for one batch after another
    const std::shared_ptr<Slot> slot = NewSlot(5);
    batch.Open(slot, rows);
    for (int64_t row = 1; row < rows; ++row) {
      CHECK(!batch.ready());
      CHECK(!batch.CountRow());
    }
    CHECK(!batch.ready());
    CHECK(batch.CountRow());
    CHECK(batch.ready());
    const Delivery delivery = batch.Deliver(OnError::kRaise);
    CHECK(delivery.kind == Delivery::Kind::kBatch);
    CHECK_EQ(delivery.slot.get(), slot.get());
    CHECK_EQ(delivery.rows, rows);
    CHECK(delivery.failures.empty());
  }
}

/// Opens a batch whose rows 3, 1 and 2 fail, in that order, with causes "3", "1" and "2".
void OpenWithFailures(OpenBatch& batch) {
  batch.Open(NewSlot(4), 4);
  for (const int64_t row : {3, 1, 2}) {
    batch.AddFailure({.row = row, .item = 100 + row, .status = Corrupt(std::to_string(row))});
  }
  for (int64_t row = 0; row < 4; ++row) (void)batch.CountRow();
}

TEST_CASE("the first bad row is raised") {
  OpenBatch batch;
  OpenWithFailures(batch);
  const Delivery delivery = batch.Deliver(OnError::kRaise);
  CHECK(delivery.kind == Delivery::Kind::kFailed);
  CHECK_EQ(delivery.failed_item, 101);
  CHECK_EQ(delivery.error.cause(), "1");
  CHECK(delivery.slot == nullptr);
}

TEST_CASE("masked failures come by row") {
  OpenBatch batch;
  OpenWithFailures(batch);
  const Delivery delivery = batch.Deliver(OnError::kMask);
  CHECK((delivery.kind == Delivery::Kind::kBatch && delivery.slot != nullptr));
  REQUIRE(delivery.failures.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK_EQ(delivery.failures[i].row, static_cast<int64_t>(i) + 1);
    CHECK_EQ(delivery.failures[i].item, static_cast<int64_t>(i) + 101);
    CHECK_EQ(delivery.failures[i].status.cause(), std::to_string(i + 1));
  }
  // The next batch does not inherit them.
  batch.Open(NewSlot(4), 1);
  CHECK(batch.CountRow());
  CHECK(batch.Deliver(OnError::kMask).failures.empty());
}

TEST_CASE("a replaced row is no reason to fail") {
  OpenBatch batch;
  batch.Open(NewSlot(4), 4);
  batch.AddFailure({.row = 2, .item = 102, .status = Corrupt("2"), .replacement = 7});
  batch.AddFailure({.row = 0, .item = 100, .status = Corrupt("0"), .replacement = 0});
  for (int64_t row = 0; row < 4; ++row) (void)batch.CountRow();
  const Delivery delivery = batch.Deliver(OnError::kReplace);
  CHECK(delivery.kind == Delivery::Kind::kBatch);
  REQUIRE(delivery.failures.size() == 2);
  CHECK_EQ(delivery.failures[0].replacement, 0);
  CHECK_EQ(delivery.failures[1].replacement, 7);
}

TEST_CASE("the first row that nothing replaces is raised") {
  OpenBatch batch;
  batch.Open(NewSlot(4), 4);
  for (const int64_t row : {3, 1, 2}) {
    batch.AddFailure({.row = row,
                      .item = 100 + row,
                      .status = Corrupt(std::to_string(row)),
                      .replacement = row == 1 ? 7 : kNoReplacement});
  }
  for (int64_t row = 0; row < 4; ++row) (void)batch.CountRow();
  const Delivery delivery = batch.Deliver(OnError::kReplace);
  CHECK(delivery.kind == Delivery::Kind::kFailed);
  CHECK_EQ(delivery.failed_item, 102);
  CHECK_EQ(delivery.error.cause(), "2");
}

/// Each of many threads makes rows and counts them: one of them, and only one, sees the end, and
/// whoever sees that the batch is ready sees all rows and all failures.
TEST_CASE("many threads count down to one end") {
  constexpr int64_t kRows = 200;
  for (int turn = 0; turn < 50; ++turn) {
    OpenBatch batch;
    batch.Open(NewSlot(kRows), kRows);
    std::atomic<int64_t> next = 0;
    std::atomic<int> ends = 0;
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int64_t row = next++; row < kRows; row = next++) {
          batch.slot().items[static_cast<size_t>(row)] = row;
          if (row % 10 == 0) batch.AddFailure({.row = row, .item = row, .status = Corrupt("bad")});
          if (batch.CountRow()) ++ends;
        }
      });
    }
    while (!batch.ready()) std::this_thread::yield();
    for (std::thread& thread : threads) thread.join();
    const Delivery delivery = batch.Deliver(OnError::kMask);
    for (int64_t row = 0; row < kRows; ++row) {
      REQUIRE(delivery.slot->items[static_cast<size_t>(row)] == row);
    }
    REQUIRE(delivery.failures.size() == kRows / 10);
    REQUIRE(ends == 1);
  }
}

TEST_CASE("a dropped batch gives its slot back") {
  const auto pool = SlotPool::Make({.rows = 2, .groups = {{12}}}, 1);
  OpenBatch batch;
  batch.Open(pool->Lease().value(), 2);
  CHECK_EQ(pool->leased(), 1);
  batch.Drop();
  CHECK_EQ(pool->leased(), 0);
}

TEST_CASE("what else is said") {
  CHECK(Delivery::End().kind == Delivery::Kind::kEnd);
  CHECK(Delivery::NotYet().kind == Delivery::Kind::kNotYet);
  CHECK(Delivery::Closed().kind == Delivery::Kind::kFailed);
  CHECK(Delivery::Closed().error.code() == StatusCode::kCancelled);
  const Delivery failed = Delivery::Failed(Corrupt("bad"), 7);
  CHECK((failed.kind == Delivery::Kind::kFailed && failed.failed_item == 7));
  CHECK_EQ(Delivery::Failed(Corrupt("bad")).failed_item, -1);
}

}  // namespace
}  // namespace fastinet
