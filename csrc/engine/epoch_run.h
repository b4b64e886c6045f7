// One epoch of one loader on its way through the workers: plan in, batches out, in plan order.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/checked.h"
#include "base/status.h"
#include "columns/item_table.h"
#include "columns/object_table.h"
#include "columns/soft_labels.h"
#include "engine/block_cache.h"
#include "engine/slots.h"
#include "engine/stats.h"
#include "engine/worker_pool.h"
#include "item/item.h"

namespace fastinet {

/// What to do with an item that gives no row.
enum class OnError : uint8_t {
  kRaise,  // Next() fails in place of the batch
  kMask,   // the row is zero and not valid; the batch says why
};

/// Stands in a plan where there is no item: its row is zero, not valid, and no failure. So the last
/// batch can have as many rows as the others.
inline constexpr int64_t kPadding = -1;

/// The label of an item that has none, and of a row that is padding.
inline constexpr int64_t kNoLabel = -1;

/// Which items, in which order, under which random numbers. The columns are borrowed.
struct EpochPlan {
  std::span<const int64_t> order;  // items of the table, or kPadding
  // Which block each item lies in, see BlockUses; empty: items are read one by one.
  std::span<const int64_t> blocks = {};
  int64_t batch_size = 0;
  uint64_t seed = 0;
  uint32_t epoch = 0;
  /// What item i is called outside, in batches and in augmentation keys. Empty: i itself.
  std::span<const int64_t> numbers = {};
  /// The label of each item of the table, passed on to the batches. Empty: none has one.
  std::span<const int64_t> labels = {};

  int64_t size() const { return static_cast<int64_t>(order.size()); }
  int64_t batches() const { return CeilDiv(size(), batch_size); }
  int64_t NumberOf(int64_t item) const {
    return numbers.empty() ? item : numbers[static_cast<size_t>(item)];
  }
  int64_t LabelOf(int64_t item) const {
    return labels.empty() ? kNoLabel : labels[static_cast<size_t>(item)];
  }
  /// Rows of batch `batch`: all but the last are full.
  int64_t RowsOf(int64_t batch) const { return std::min(batch_size, size() - batch * batch_size); }
};

struct EpochOptions {
  ItemSpec spec;
  OnError on_error = OnError::kRaise;
  int64_t prefetch_batches = 2;  // how many batches may be under way or ready
  bool count_waiting = true;     // off where somebody else counts what the consumer finds
  ObjectTable objects = {};      // in the items' images; empty where nothing is annotated
  const SoftLabels* soft_labels = nullptr;  // to be made beside the images; borrowed
};

/// A row that could not be made.
struct RowFailure {
  int64_t row = 0;
  int64_t item = 0;
  Status status;  // with archive and offset; the member's name is for those who know it
};

/// What Next() has to say.
struct Delivery {
  enum class Kind : uint8_t {
    kBatch,   // `slot` and `rows`; in kMask mode perhaps `failures`
    kEnd,     // the epoch is over
    kNotYet,  // patience ran out; ask again
    kFailed,  // `error`, of item `failed_item` unless that is -1; the epoch is over
  };
  Kind kind = Kind::kEnd;
  std::shared_ptr<Slot> slot;
  int64_t rows = 0;
  std::vector<RowFailure> failures;  // by row
  Status error;
  int64_t failed_item = -1;
};

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
  /// Takes slots that have come back; whether all batches that may be under way have theirs.
  bool Open();

  bool HasWork() const override;
  bool RunOne(Worker& worker) override;

 private:
  /// A batch within the window. Between opening and readiness its rows belong to the workers that
  /// took them, each row to one.
  struct OpenBatch {
    std::shared_ptr<Slot> slot;
    std::atomic<int64_t> rows_to_do = 0;
    std::vector<RowFailure> failures;  // guarded by mutex_
    bool ready = false;                // guarded by mutex_
  };

  EpochRun(std::shared_ptr<WorkerPool> pool, const ItemTable& table, const EpochPlan& plan,
           const EpochOptions& options, std::shared_ptr<SlotPool> slots,
           std::shared_ptr<EngineStats> stats);

  OpenBatch& At(int64_t batch) {
    return window_[static_cast<size_t>(batch % options_.prefetch_batches)];
  }

  // With mutex_ held:
  bool MoveWindow();
  bool CanAnswer();
  int64_t CountReady();
  Delivery Answer();
  Delivery Deliver();
  Delivery Fail(Status error, int64_t item);

  // By workers:
  int64_t ClaimPosition();
  void HintAhead(int64_t position) const;
  void MakeRow(Worker& worker, int64_t position, Slot& slot, int64_t row, OpenBatch& batch);
  static void MakePadding(Slot& slot, int64_t row);
  Result<Size> ReadAndRender(Worker& worker, int64_t position, MutableBytes row);
  Result<Size> Render(Worker& worker, ItemBytes& bytes, const ItemHints& hints, int64_t item,
                      MutableBytes row) const;
  WorkerCounters& CountersOf(const Worker& worker) const { return stats_->Of(worker.number); }
  Status WriteSoftLabels(Worker& worker, int64_t item, Size image, std::span<float> out) const;

  const std::shared_ptr<WorkerPool> pool_;
  const ItemTable& table_;
  const EpochPlan plan_;
  const EpochOptions options_;
  const std::shared_ptr<SlotPool> slots_;
  const std::shared_ptr<EngineStats> stats_;
  std::unique_ptr<BlockCache> blocks_;  // when the plan has blocks

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
