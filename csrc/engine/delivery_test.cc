// One batch without threads, and then with them: the countdown, and which failure comes first.
#include "engine/delivery.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/test.h"

namespace fastinet {
namespace {

std::shared_ptr<Slot> NewSlot(int64_t rows) {
  return SlotPool::Make({.rows = rows, .row_bytes = 12}, 1)->Lease().value();
}

void TestTheLastRowIsToldApart() {
  OpenBatch batch;
  for (const int64_t rows : {1, 5, 2}) {  // the same object for one batch after another
    const std::shared_ptr<Slot> slot = NewSlot(5);
    batch.Open(slot, rows);
    for (int64_t row = 1; row < rows; ++row) {
      EXPECT(!batch.ready());
      EXPECT(!batch.CountRow());
    }
    EXPECT(!batch.ready());
    EXPECT(batch.CountRow());
    EXPECT(batch.ready());
    const Delivery delivery = batch.Deliver(OnError::kRaise);
    EXPECT(delivery.kind == Delivery::Kind::kBatch);
    EXPECT_EQ(delivery.slot.get(), slot.get());
    EXPECT_EQ(delivery.rows, rows);
    EXPECT(delivery.failures.empty());
  }
}

/// Opens a batch whose rows 3, 1 and 2 fail, in that order, with causes "3", "1" and "2".
void OpenWithFailures(OpenBatch& batch) {
  batch.Open(NewSlot(4), 4);
  for (const int64_t row : {3, 1, 2}) {
    batch.AddFailure({row, 100 + row, Corrupt(std::to_string(row))});
  }
  for (int64_t row = 0; row < 4; ++row) (void)batch.CountRow();
}

void TestTheFirstBadRowIsRaised() {
  OpenBatch batch;
  OpenWithFailures(batch);
  const Delivery delivery = batch.Deliver(OnError::kRaise);
  EXPECT(delivery.kind == Delivery::Kind::kFailed);
  EXPECT_EQ(delivery.failed_item, 101);
  EXPECT_EQ(delivery.error.cause(), "1");
  EXPECT(delivery.slot == nullptr);
}

void TestMaskedFailuresComeByRow() {
  OpenBatch batch;
  OpenWithFailures(batch);
  const Delivery delivery = batch.Deliver(OnError::kMask);
  EXPECT(delivery.kind == Delivery::Kind::kBatch && delivery.slot != nullptr);
  REQUIRE(delivery.failures.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(delivery.failures[i].row, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(delivery.failures[i].item, static_cast<int64_t>(i) + 101);
    EXPECT_EQ(delivery.failures[i].status.cause(), std::to_string(i + 1));
  }
  // The next batch does not inherit them.
  batch.Open(NewSlot(4), 1);
  EXPECT(batch.CountRow());
  EXPECT(batch.Deliver(OnError::kMask).failures.empty());
}

/// Each of many threads makes rows and counts them: one of them, and only one, sees the end, and
/// whoever sees that the batch is ready sees all rows and all failures.
void TestManyThreadsCountDownToOneEnd() {
  constexpr int64_t kRows = 200;
  for (int turn = 0; turn < 50; ++turn) {
    OpenBatch batch;
    batch.Open(NewSlot(kRows), kRows);
    std::atomic<int64_t> next = 0;
    std::atomic<int> ends = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int64_t row = next++; row < kRows; row = next++) {
          batch.slot().items[static_cast<size_t>(row)] = row;
          if (row % 10 == 0) batch.AddFailure({row, row, Corrupt("bad")});
          if (batch.CountRow()) ++ends;
        }
      });
    }
    while (!batch.ready()) std::this_thread::yield();
    const Delivery delivery = batch.Deliver(OnError::kMask);
    for (int64_t row = 0; row < kRows; ++row) {
      REQUIRE(delivery.slot->items[static_cast<size_t>(row)] == row);
    }
    REQUIRE(delivery.failures.size() == kRows / 10);
    for (std::thread& thread : threads) thread.join();
    REQUIRE(ends == 1);
  }
}

void TestADroppedBatchGivesItsSlotBack() {
  const auto pool = SlotPool::Make({.rows = 2, .row_bytes = 12}, 1);
  OpenBatch batch;
  batch.Open(pool->Lease().value(), 2);
  EXPECT_EQ(pool->leased(), 1);
  batch.Drop();
  EXPECT_EQ(pool->leased(), 0);
}

void TestWhatElseIsSaid() {
  EXPECT(Delivery::End().kind == Delivery::Kind::kEnd);
  EXPECT(Delivery::NotYet().kind == Delivery::Kind::kNotYet);
  EXPECT(Delivery::Closed().kind == Delivery::Kind::kFailed);
  EXPECT(Delivery::Closed().error.code() == StatusCode::kCancelled);
  const Delivery failed = Delivery::Failed(Corrupt("bad"), 7);
  EXPECT(failed.kind == Delivery::Kind::kFailed && failed.failed_item == 7);
  EXPECT_EQ(Delivery::Failed(Corrupt("bad")).failed_item, -1);
}

}  // namespace
}  // namespace fastinet

int main() {
  fastinet::TestTheLastRowIsToldApart();
  fastinet::TestTheFirstBadRowIsRaised();
  fastinet::TestMaskedFailuresComeByRow();
  fastinet::TestManyThreadsCountDownToOneEnd();
  fastinet::TestADroppedBatchGivesItsSlotBack();
  fastinet::TestWhatElseIsSaid();
  return fastinet::test::Verdict();
}
