// From rows that many threads make to one batch: the countdown, and what Next() has to say.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.h"
#include "engine/plan.h"
#include "engine/slots.h"

namespace fastinet {

/// An item that gave no row.
struct RowFailure {
  int64_t row = 0;
  int64_t item = 0;  // its item id, as in Slot::items
  Status status;     // with archive and offset; the bindings add the member's name
  int64_t replacement = kNoReplacement;  // id of the item that the row shows in its place
  int32_t copy = 0;                      // which copy of the item, and of its replacement
};

/// The answer of Next(): a batch, or why there is none.
struct Delivery {
  enum class Kind : uint8_t {
    kBatch,   // `slot` and `rows`; unless in kRaise mode perhaps `failures`
    kEnd,     // the epoch is over
    kNotYet,  // patience ran out; ask again
    kFailed,  // `error`, of item `failed_item` unless that is -1; the epoch is over
  };
  Kind kind = Kind::kEnd;
  std::shared_ptr<Slot> slot;
  int64_t rows = 0;
  int64_t number = 0;                // how many batches of the run were delivered before
  size_t spec = 0;                   // number of the EpochOptions::Spec that made the rows
  std::vector<RowFailure> failures;  // by row
  Status error;
  int64_t failed_item = -1;

  static Delivery End() { return {}; }
  static Delivery NotYet();
  static Delivery Failed(Status error, int64_t item = -1);
  /// What is said of an epoch that was stopped: kFailed with kCancelled.
  static Delivery Closed();
};

/// A batch while its rows are made. From Open() until the countdown ends, each row of its slot
/// belongs to the worker that took its position; then all of it is the consumer's.
class OpenBatch {
 public:
  /// Begins a batch of `rows` rows, at least 1, in `slot`. Fails by std::bad_alloc, and then
  /// changes nothing.
  void Open(std::shared_ptr<Slot> slot, int64_t rows);
  /// Lets go of the slot: the batch is none any more.
  void Drop() { slot_.reset(); }

  Slot& slot() { return *slot_; }

  /// Notes that an item gave no row. By any thread, before it counts that row, and once a row:
  /// Open() has made room for as many.
  void AddFailure(RowFailure failure) noexcept;
  /// Counts one row as done, made or not. True for the last of them, once.
  bool CountRow() { return rows_to_do_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  /// Whether all rows are done; what was written into them is then visible to the caller.
  bool ready() const { return rows_to_do_.load(std::memory_order_acquire) == 0; }

  /// Hands the batch over; it must be ready. With kRaise the failure of the first bad row comes in
  /// its stead, whichever was noted first; with kReplace that of the first that nothing replaces.
  Delivery Deliver(OnError on_error);

 private:
  std::shared_ptr<Slot> slot_;
  int64_t rows_ = 0;
  std::atomic<int64_t> rows_to_do_ = 0;
  std::mutex mutex_;
  std::vector<RowFailure> failures_;  // guarded by mutex_
};

}  // namespace fastinet
