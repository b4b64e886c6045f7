// Epochs of batches for C++ programs: the rows, order and states of Python's fastinet.Loader.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/delivery.h"
#include "engine/plan.h"
#include "fastinet/dataset.h"
#include "item/item.h"

namespace fastinet {

class EngineStats;
class EpochRun;
class WorkerPool;

/// How a dataset becomes batches; the options of fastinet.Loader of the same names.
struct LoaderOptions {
  int64_t batch_size = 256;  // rows of a batch on this rank
  /// What is cropped, and how rows are stored: one group, RandomResizedCrop(224), uint8 NHWC.
  ItemSpec spec;
  bool shuffle = false;
  int64_t repeats = 1;  // copies of each item
  uint64_t seed = 0;
  int threads = 0;  // 0: one for each CPU of the machine
  OnError on_error = OnError::kRaise;
  bool drop_last = false;
  int64_t rank = 0;   // position p of an epoch's order belongs to rank p % world
  int64_t world = 1;  // number of ranks
  int64_t prefetch = 2;
};

/// The normalisation `(pixel / 255 - mean) / std` of rows of a float type.
OutputFormat NormalisedFormat(DType dtype, Layout layout, std::array<double, 3> mean,
                              std::array<double, 3> std);

/// Rows of images, which stay as they are for as long as this is there, and longer than the loader.
class Batch {
 public:
  int64_t rows() const { return delivery_.rows; }
  /// The images of one group of views: rows() * views rows of spec.ViewBytes(group) bytes. Of
  /// uint8 or of the floats that the spec's format says; aligned for them.
  MutableBytes images(size_t group = 0) const;
  // One element a row.
  std::span<const int64_t> items() const { return First(delivery_.slot->items); }  // -1: none
  std::span<const int64_t> labels() const { return First(delivery_.slot->labels); }
  std::span<const uint8_t> valid() const { return First(delivery_.slot->valid); }
  std::span<const int32_t> copies() const { return First(delivery_.slot->copies); }
  std::span<const Size> image_sizes() const { return First(delivery_.slot->image_sizes); }
  // One element a view, row by row.
  std::span<const Box> boxes() const { return OfViews(delivery_.slot->boxes); }
  std::span<const uint8_t> flips() const { return OfViews(delivery_.slot->flips); }
  /// The items that gave no row, by row, with archive, member and byte; none under kRaise.
  std::span<const RowFailure> failures() const { return delivery_.failures; }

 private:
  friend class Epoch;
  explicit Batch(Delivery delivery) : delivery_(std::move(delivery)) {}

  template <class T>
  std::span<const T> First(const std::vector<T>& column) const {
    return std::span(column).first(static_cast<size_t>(rows()));
  }
  template <class T>
  std::span<const T> OfViews(const std::vector<T>& column) const {
    return std::span(column).first(static_cast<size_t>(rows() * delivery_.slot->shape().views()));
  }

  Delivery delivery_;
};

/// Where a loop over a loader stands. Shared by the loader and the epoch that it began last.
struct LoopPosition {
  uint32_t epoch = 0;
  int64_t start = 0;  // position of the epoch's order, of all ranks together, that it began at
  std::atomic<int64_t> delivered = 0;  // batches since then
  std::atomic<bool> finished = false;  // the end was delivered
  bool begun = false;                  // false: the next epoch begins here, and not behind it
};

/// One epoch while its batches are made, once, in order. Threads work ahead of it; to destroy it
/// ends them after the items in hand. It may outlive its loader.
class Epoch {
 public:
  /// The next batch; waits for it. Nothing after the last one. A failure names archive, member and
  /// byte, and ends the epoch, not the loader. May be called by several threads.
  Result<std::optional<Batch>> Next();
  /// Ends the epoch now: Next() fails with kCancelled, also where a thread waits in it.
  void Stop();
  /// Which epoch it is, from 0 on.
  uint32_t number() const { return position_->epoch; }
  /// Batches in all, of this rank.
  int64_t batches() const { return batches_; }

  ~Epoch();
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

 private:
  friend class Loader;
  Epoch();

  std::shared_ptr<const Dataset> dataset_;
  std::shared_ptr<LoopPosition> position_;
  std::vector<int64_t> order_;
  std::vector<uint16_t> copies_;
  int64_t batches_ = 0;
  // Last, hence destroyed first: workers read the members above.
  std::unique_ptr<EpochRun> run_;
};

/// Turns a dataset into epochs of batches. Order, boxes, flips and pixels are functions of (seed,
/// epoch, item) alone: not of threads, batch size or ranks. One thread at a time.
class Loader {
 public:
  /// kInvalidArgument names an option that makes no sense; kIo: the system has no threads left.
  static Result<std::unique_ptr<Loader>> Make(std::shared_ptr<const Dataset> dataset,
                                              const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Begins the epoch after the one begun last, or where a loaded state left off.
  Result<std::unique_ptr<Epoch>> NextEpoch();
  /// Begins any epoch, at any of its batches().
  Result<std::unique_ptr<Epoch>> BeginEpoch(uint32_t epoch, int64_t start_batch = 0);

  /// Batches of a whole epoch on this rank.
  int64_t batches() const;
  const LoaderOptions& options() const { return options_; }
  const Dataset& dataset() const { return *dataset_; }

  /// Where the loop stands, exact after any batch: a JSON object, the very text that
  /// json.dumps(loader.state_dict()) gives in Python. Either takes up the other's.
  std::string state() const;
  /// Makes NextEpoch() go on where the loader that gave `state` stood; takes over its seed. Batch
  /// size, ranks and threads may differ. kInvalidArgument: no state, or one of other items, of
  /// another kind of order or of other repeats; the loader stays as it was.
  Status LoadState(const std::string& state);

 private:
  Loader();

  Result<std::unique_ptr<Epoch>> Begin(uint32_t epoch, int64_t start);
  int64_t StopOf(int64_t start) const;
  int64_t RowsFrom(int64_t start) const;

  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  std::shared_ptr<WorkerPool> pool_;
  std::shared_ptr<SlotPool> slots_;
  std::shared_ptr<EngineStats> stats_;
  std::shared_ptr<LoopPosition> position_ = std::make_shared<LoopPosition>();
};

}  // namespace fastinet
