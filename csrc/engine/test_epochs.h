// What the tests of epochs share: options, slots and threads for the items of test::Dataset.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/test_checks.h"
#include "columns/test_dataset.h"
#include "engine/epoch_run.h"

namespace fastinet::test {

constexpr std::chrono::milliseconds kPatience{20};

inline EpochOptions Options(int64_t prefetch, OnError on_error = OnError::kRaise) {
  EpochOptions options;
  options.spec.groups[0].transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
  options.on_error = on_error;
  options.prefetch_batches = prefetch;
  return options;
}

inline std::shared_ptr<SlotPool> SlotsFor(int64_t rows, int64_t prefetch) {
  return SlotPool::Make({rows, {{4 * 4 * 3}}}, prefetch + 2);
}

inline std::shared_ptr<WorkerPool> Pool(int threads) { return WorkerPool::Start(threads).value(); }

inline Delivery NextOf(EpochRun& run) {
  for (;;) {
    Delivery delivery = run.Next(kPatience);
    if (delivery.kind != Delivery::Kind::kNotYet) return delivery;
  }
}

inline void ExpectRowsOf(const Delivery& batch, const std::vector<int64_t>& order, int64_t first) {
  REQUIRE(batch.kind == Delivery::Kind::kBatch);
  for (int64_t row = 0; row < batch.rows; ++row) {
    const auto j = static_cast<size_t>(row);
    const int64_t item = order[static_cast<size_t>(first + row)];
    REQUIRE(batch.slot->items[j] == item);
    REQUIRE(batch.slot->valid[j] == 1);
    const Size size = Dataset::SizeOf(item);
    REQUIRE((batch.slot->boxes[j] == Box{0, 0, size.width, size.height}));
    for (const uint8_t value : batch.slot->Row(0, row)) REQUIRE(value == 128);
  }
}

}  // namespace fastinet::test
