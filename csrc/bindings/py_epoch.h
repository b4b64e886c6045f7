// Epochs for Python: of a dataset, and of a stream.
//
// Worker threads never touch Python. Whatever they read that Python owns (the columns of the item
// table, the order of a plan) is kept alive by an epoch, which stops them before it lets go.
#pragma once

#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "bindings/py_batch.h"
#include "bindings/py_stream_items.h"
#include "bindings/py_tables.h"
#include "bindings/python_values.h"
#include "engine/descriptor_input.h"
#include "engine/epoch_run.h"
#include "engine/fork_safe.h"
#include "engine/stream_run.h"

namespace fastinet {

class PyEpoch {
 public:
  PyEpoch(std::shared_ptr<WorkerPool> pool, std::shared_ptr<PyItemTable> table,
          const ItemSpec& spec, std::shared_ptr<SlotPool> slots, std::shared_ptr<EngineStats> stats,
          Column<int64_t> order, Column<int64_t> labels, py::object keys, const py::dtype& dtype,
          bool with_views, int64_t batch_size, uint64_t seed, uint32_t epoch, int64_t prefetch,
          bool mask, const Column<int64_t>& blocks, std::shared_ptr<PyObjectTable> objects,
          std::shared_ptr<PySoftLabels> soft_labels)
      : spec_(spec),
        table_(std::move(table)),
        objects_(std::move(objects)),
        soft_labels_(std::move(soft_labels)),
        order_(std::move(order)),
        labels_(std::move(labels)),
        keys_(std::move(keys)),
        dtype_(dtype),
        with_views_(with_views) {
    const EpochPlan plan{.order = View(order_),
                         .blocks = View(blocks),
                         .batch_size = batch_size,
                         .seed = seed,
                         .epoch = epoch,
                         .labels = View(labels_)};
    const EpochOptions options{
        .spec = spec,
        .on_error = mask ? OnError::kMask : OnError::kRaise,
        .prefetch_batches = prefetch,
        .objects = objects_ ? objects_->table() : ObjectTable(),
        .soft_labels = soft_labels_ ? &soft_labels_->soft_labels() : nullptr};
    run_ = ShareWithinProcess(Unwrap(EpochRun::Start(std::move(pool), table_->table(), plan,
                                                     options, std::move(slots), std::move(stats))));
  }

  /// (batch, images, labels), or None after the last batch: all at once, since every call from
  /// Python costs some microseconds when a training step has emptied the caches. Keeps looking at
  /// signals while it waits; what came together with a signal is kept for the next call, so that a
  /// Ctrl-C loses no batch.
  py::object Next() {
    CheckProcess();
    Delivery delivery = interrupted_ ? *std::exchange(interrupted_, std::nullopt)
                                     : run_->Next(std::chrono::milliseconds(0));
    while (delivery.kind == Delivery::Kind::kNotYet) {
      // The caller holds a reference to this epoch, which keeps `run_`.
      delivery = WithoutGil([&] { return run_->Next(kSignalPeriod); });
      if (PyErr_CheckSignals() != 0) {
        if (delivery.kind != Delivery::Kind::kNotYet) interrupted_ = std::move(delivery);
        throw py::error_already_set();
      }
    }
    if (delivery.kind == Delivery::Kind::kEnd) return py::none();
    if (delivery.kind == Delivery::Kind::kFailed) Raise(std::move(delivery));
    auto batch = std::make_unique<PyBatch>(std::move(delivery), spec_);
    py::array labels = batch->Labels();
    const py::object lease = py::cast(std::move(batch));
    ++delivered_;
    return py::make_tuple(lease, PyBatch::Images(lease, dtype_, with_views_), std::move(labels));
  }

  /// Batches that Next() has returned, in all threads together. Also after Close(), and in a forked
  /// child.
  int64_t Delivered() const { return delivered_; }

  void Close() {
    if (getpid() != process_) return;  // the threads are the parent's
    interrupted_.reset();
    // The arrays that workers still read live until this object dies.
    WithoutGil([&] {
      run_->Stop();
      return true;
    });
  }

  int64_t ReadyBatches() { return getpid() == process_ ? run_->ReadyBatches() : 0; }

  static constexpr std::chrono::milliseconds kSignalPeriod{50};

 private:
  void CheckProcess() const {
    if (getpid() == process_) return;
    Check(Status(StatusCode::kCancelled,
                 "this epoch was begun before fork(), and its threads stayed in the parent "
                 "process; begin an epoch in this process with iter(loader) or loader.epoch()"));
  }

  [[noreturn]] void Raise(Delivery delivery) const {
    Status error = std::move(delivery.error);
    if (delivery.failed_item >= 0) {
      error = std::move(error).InMember(TextBytes(keys_[py::int_(delivery.failed_item)]));
    }
    RaiseStatus(error);
    throw py::error_already_set();
  }

  const pid_t process_ = getpid();
  ItemSpec spec_;
  std::shared_ptr<PyItemTable> table_;
  std::shared_ptr<PyObjectTable> objects_;
  std::shared_ptr<PySoftLabels> soft_labels_;
  Column<int64_t> order_;
  Column<int64_t> labels_;
  py::object keys_;
  py::dtype dtype_;
  bool with_views_;
  int64_t delivered_ = 0;  // guarded by the GIL, as is
  std::optional<Delivery> interrupted_;
  // Last, hence destroyed first: that stops the workers, which read the members above.
  std::shared_ptr<EpochRun> run_;
};

/// One pass over a stream. Its items are known batch by batch, so each comes with what is known of
/// its rows: [(key, [(extension, content), ...]), ...].
class PyStreamEpoch {
 public:
  PyStreamEpoch(std::shared_ptr<WorkerPool> pool, int descriptor, const py::bytes& name,
                const ItemSpec& spec, std::shared_ptr<SlotPool> slots,
                std::shared_ptr<EngineStats> stats, int64_t batch_size, int64_t window,
                uint64_t seed, uint32_t epoch, int64_t start, int64_t rank, int64_t world,
                bool drop_last, int64_t prefetch, bool mask)
      : spec_(spec) {
    const StreamPlan plan{.batch_size = batch_size,
                          .window = window,
                          .seed = seed,
                          .epoch = epoch,
                          .start = start,
                          .rank = rank,
                          .world = world,
                          .drop_last = drop_last};
    const EpochOptions options{.spec = spec,
                               .on_error = mask ? OnError::kMask : OnError::kRaise,
                               .prefetch_batches = prefetch};
    run_ = ShareWithinProcess(
        Unwrap(StreamRun::Start(std::move(pool), Unwrap(DescriptorInput::Make(descriptor, name)),
                                plan, options, std::move(slots), std::move(stats))));
  }

  /// (batch, rows, next position), or None after the last batch; see PyEpoch::Next.
  py::object Next() {
    CheckProcess();
    StreamDelivery next = interrupted_ ? *std::exchange(interrupted_, std::nullopt)
                                       : run_->Next(std::chrono::milliseconds(0));
    while (next.delivery.kind == Delivery::Kind::kNotYet) {
      next = WithoutGil([&] { return run_->Next(PyEpoch::kSignalPeriod); });
      if (PyErr_CheckSignals() != 0) {
        if (next.delivery.kind != Delivery::Kind::kNotYet) interrupted_ = std::move(next);
        throw py::error_already_set();
      }
    }
    if (next.delivery.kind == Delivery::Kind::kEnd) return py::none();
    if (next.delivery.kind == Delivery::Kind::kFailed) Raise(std::move(next));
    py::list rows;
    for (const StreamItem& item : next.items) {
      rows.append(py::make_tuple(Text(item.key), CompanionsOf(item)));
    }
    return py::make_tuple(std::make_unique<PyBatch>(std::move(next.delivery), spec_),
                          std::move(rows), next.next_position);
  }

  void Close() {
    if (getpid() != process_) return;  // the threads are the parent's
    interrupted_.reset();
    WithoutGil([&] {
      run_->Stop();
      return true;
    });
  }

  int64_t ReadyBatches() { return getpid() == process_ ? run_->ReadyBatches() : 0; }
  uint64_t Skipped() const { return run_->skipped(); }

 private:
  void CheckProcess() const {
    if (getpid() == process_) return;
    Check(Status(StatusCode::kCancelled,
                 "this stream was begun before fork(), and its threads stayed in the parent "
                 "process"));
  }

  [[noreturn]] static void Raise(StreamDelivery next) {
    Status error = std::move(next.delivery.error);
    for (const StreamItem& item : next.items) {
      if (item.number == next.delivery.failed_item) error = std::move(error).InMember(item.key);
    }
    RaiseStatus(error);
    throw py::error_already_set();
  }

  const pid_t process_ = getpid();
  ItemSpec spec_;
  std::optional<StreamDelivery> interrupted_;
  std::shared_ptr<StreamRun> run_;
};

}  // namespace fastinet
