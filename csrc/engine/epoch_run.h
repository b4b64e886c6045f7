// One epoch of one loader on its way through the workers: plan in, batches out, in plan order.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.h"
#include "columns/item_table.h"
#include "engine/delivery.h"
#include "engine/plan.h"
#include "engine/ready_signal.h"
#include "engine/row_maker.h"
#include "engine/slots.h"
#include "engine/stats.h"
#include "engine/work_source.h"
#include "engine/worker_pool.h"

namespace fastinet {

/// The epoch while it runs.
///
/// A window of `prefetch_batches` batches moves over the plan. Workers take the window's positions
/// one by one, whichever batch they are in; a batch is ready when its countdown reaches zero, and
/// Next() delivers them in order, moving the window on by one batch at each delivery.
class EpochRun final : public WorkSource {
 public:
  /// Begins the epoch. `table` and the plan's order must outlive the run. Fails with
  /// kInvalidArgument on a plan, spec or slot shape that does not fit together.
  static Result<std::unique_ptr<EpochRun>> Start(std::shared_ptr<WorkerPool> pool,
                                                 const ItemTable& table, const EpochPlan& plan,
                                                 const EpochOptions& options,
                                                 std::shared_ptr<SlotPool> slots,
                                                 std::shared_ptr<EngineStats> stats);
  ~EpochRun() override;  // stops

  /// The next batch in plan order. Waits up to `patience` for it. May be called by several threads.
  Delivery Next(std::chrono::milliseconds patience);
  /// Ends the epoch. Returns when no worker is inside any more, which takes as long as the items in
  /// hand. Whoever waits in Next() gets kFailed with kCancelled.
  void Stop();
  /// How many batches are ready to be delivered.
  int64_t ReadyBatches();
  /// Whether Next() would return at once. Where it would not, the descriptor of ready_signal()
  /// becomes readable when it may.
  bool HasAnswer();
  ReadySignal& ready_signal() { return *ready_signal_; }
  /// Opens the batches that may be under way, as far as there are slots for them; true when each
  /// has its own. Next() does so too. StreamRun calls it before it begins the next batch, so that a
  /// later batch does not take the slot that an earlier one waits for.
  [[nodiscard]] bool Open();

  bool HasWork() const override;
  bool RunOne(Worker& worker) noexcept override;

 private:
  EpochRun(std::shared_ptr<WorkerPool> pool, const ItemTable& table, const EpochPlan& plan,
           const EpochOptions& options, std::shared_ptr<SlotPool> slots,
           std::shared_ptr<EngineStats> stats);

  OpenBatch& At(int64_t batch) {
    return window_[static_cast<size_t>(batch % options_.prefetch_batches)];
  }

  // With mutex_ held:
  Status OpenNextBatch();
  [[nodiscard]] bool MoveWindow();
  bool CanAnswer();
  int64_t CountReady();
  Delivery Answer();
  Delivery End(Delivery failed);

  // By workers:
  int64_t ClaimPosition();

  const std::shared_ptr<WorkerPool> pool_;
  const EpochPlan plan_;
  const EpochOptions options_;
  const std::vector<SlotShape> shapes_;  // of its batches, for each EpochOptions::Spec
  const std::shared_ptr<SlotPool> slots_;
  const std::shared_ptr<EngineStats> stats_;
  const std::shared_ptr<ReadySignal> ready_signal_;
  RowMaker row_maker_;

  // Workers write here for every item: in a cache line apart from what they only read.
  alignas(64) std::atomic<int64_t> next_position_ = 0;  // the first that no worker has taken
  std::atomic<int64_t> end_position_ = 0;  // workers may take the positions below; 0 when stopped

  alignas(64) std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<OpenBatch> window_;  // batch b is at b % prefetch_batches
  int64_t opened_ = 0;             // batches that have or had a slot
  int64_t delivered_ = 0;
  bool over_ = false;     // a failure was delivered, or the run was stopped
  bool stopped_ = false;  // by Stop()
  Status slot_error_;     // why the window could not move on
  ConsumerTimes times_;
};

}  // namespace fastinet
