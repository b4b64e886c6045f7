// Epochs for Python: of a dataset, and of a stream.
//
// Worker threads never touch Python. Whatever they read that Python owns (the columns of the item
// table, the order of a plan) is kept alive by an epoch, which stops them before it lets go.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/names.h"
#include "bindings/py_batch.h"
#include "bindings/py_run.h"
#include "bindings/py_stream_items.h"
#include "bindings/py_tables.h"
#include "bindings/python_values.h"
#include "engine/epoch_run.h"
#include "engine/stream_run.h"
#include "stream/descriptor_input.h"

namespace fastinet {

inline OnError OnErrorFrom(const std::string& name) {
  OnError on_error{};
  Check(FromName(name, &on_error));
  return on_error;
}

/// One epoch over a dataset while it runs, and all that its workers read.
class PyEpoch {
 public:
  PyEpoch(const std::shared_ptr<WorkerPool>& pool, std::shared_ptr<PyItemTable> table,
          const std::vector<ItemSpec>& specs, const std::shared_ptr<SlotPool>& slots,
          const std::shared_ptr<EngineStats>& stats, Column<int64_t> order, Column<int64_t> labels,
          py::object keys, const py::dtype& dtype, bool with_views, int64_t batch_size,
          uint64_t seed, uint64_t draws, uint32_t epoch, int64_t prefetch,
          const std::string& on_error, const Column<int64_t>& blocks, Column<uint16_t> copies,
          std::shared_ptr<PyObjectTable> objects, std::shared_ptr<PySoftLabels> soft_labels,
          Column<uint8_t> spec_of_batch)
      : specs_(Shared(specs)),
        table_(std::move(table)),
        objects_(std::move(objects)),
        soft_labels_(std::move(soft_labels)),
        order_(std::move(order)),
        copies_(std::move(copies)),
        labels_(std::move(labels)),
        spec_of_batch_(std::move(spec_of_batch)),
        keys_(std::move(keys)),
        dtype_(dtype),
        with_views_(with_views),
        run_(Start(pool, table_->table(),
                   {.order = View(order_),
                    .blocks = View(blocks),
                    .copies = View(copies_),
                    .batch_size = batch_size,
                    .seed = seed,
                    .draws = draws,
                    .epoch = epoch,
                    .labels = View(labels_),
                    .spec_of_batch = View(spec_of_batch_)},
                   {.spec = specs.at(0),
                    .on_error = OnErrorFrom(on_error),
                    .prefetch_batches = prefetch,
                    .objects = objects_ ? objects_->table() : ObjectTable(),
                    .soft_labels = soft_labels_ ? &soft_labels_->soft_labels() : nullptr,
                    .other_specs = {specs.begin() + 1, specs.end()}},
                   slots, stats),
             "this epoch was begun before fork(), and its threads stayed in the parent process; "
             "begin an epoch in this process with iter(loader) or loader.epoch()") {}

  /// (batch, its arrays of images, labels), or None after the last batch: all at once, since every
  /// call from Python costs some microseconds when a training step has emptied the caches.
  py::object Next() {
    std::optional<Delivery> delivery = run_.NextBatch(
        [&](const Delivery& failed) { return TextBytes(keys_[py::int_(failed.failed_item)]); });
    if (!delivery) return py::none();
    const auto& spec = specs_[delivery->spec];
    auto batch = std::make_unique<PyBatch>(*std::move(delivery), spec);
    py::array labels = batch->Labels();
    const py::object lease = py::cast(std::move(batch));
    delivered_.fetch_add(1, std::memory_order_relaxed);
    return py::make_tuple(lease, PyBatch::Arrays(lease, dtype_, with_views_), std::move(labels));
  }

  /// Batches that Next() has returned, in all threads together. Also after Close(), and in a forked
  /// child.
  int64_t Delivered() const { return delivered_; }
  void Close() { run_.Close(); }  // the arrays that workers still read live until this object dies
  int64_t ReadyBatches() { return run_.ReadyBatches(); }
  bool HasAnswer() { return run_.HasAnswer(); }
  int ReadyDescriptor() { return run_.ReadyDescriptor(); }

 private:
  using Specs = std::vector<std::shared_ptr<const ItemSpec>>;

  /// Looks at the whole plan, a million positions of a million items, and so without the GIL. The
  /// caller holds all arrays.
  static std::unique_ptr<EpochRun> Start(const std::shared_ptr<WorkerPool>& pool,
                                         const ItemTable& table, const EpochPlan& plan,
                                         const EpochOptions& options,
                                         const std::shared_ptr<SlotPool>& slots,
                                         const std::shared_ptr<EngineStats>& stats) {
    return Unwrap(
        WithoutGil([&] { return EpochRun::Start(pool, table, plan, options, slots, stats); }));
  }

  static Specs Shared(const std::vector<ItemSpec>& specs) {
    if (specs.empty()) throw py::value_error("an epoch needs a spec at least");
    Specs shared;
    for (const ItemSpec& spec : specs) shared.push_back(std::make_shared<const ItemSpec>(spec));
    return shared;
  }

  const Specs specs_;
  std::shared_ptr<PyItemTable> table_;
  std::shared_ptr<PyObjectTable> objects_;
  std::shared_ptr<PySoftLabels> soft_labels_;
  Column<int64_t> order_;
  Column<uint16_t> copies_;
  Column<int64_t> labels_;
  Column<uint8_t> spec_of_batch_;
  py::object keys_;
  py::dtype dtype_;
  bool with_views_;
  std::atomic<int64_t> delivered_ = 0;
  // Last, hence destroyed first: that stops the workers, which read the members above.
  PyRun<EpochRun> run_;
};

/// One pass over a stream. Its items are known batch by batch, so each comes with what is known of
/// its rows: [(key, [(extension, content), ...]), ...].
class PyStreamEpoch {
 public:
  PyStreamEpoch(std::shared_ptr<WorkerPool> pool, int descriptor, const py::bytes& name,
                const ItemRules& rules, const ItemSpec& spec, std::shared_ptr<SlotPool> slots,
                std::shared_ptr<EngineStats> stats, int64_t batch_size, int64_t window,
                int64_t repeats, uint64_t seed, uint64_t draws, uint32_t epoch, int64_t start,
                int64_t rank, int64_t world, bool drop_last, int64_t prefetch,
                const std::string& on_error)
      : spec_(std::make_shared<const ItemSpec>(spec)),
        run_(Unwrap(StreamRun::Start(
                 std::move(pool), Unwrap(DescriptorInput::Make(descriptor, name)),
                 {.batch_size = batch_size,
                  .window = window,
                  .repeats = repeats,
                  .seed = seed,
                  .draws = draws,
                  .epoch = epoch,
                  .start = start,
                  .rank = rank,
                  .world = world,
                  .drop_last = drop_last,
                  .rules = rules},
                 {.spec = spec, .on_error = OnErrorFrom(on_error), .prefetch_batches = prefetch},
                 std::move(slots), std::move(stats))),
             "this stream was begun before fork(), and its threads stayed in the parent process") {}

  /// (batch, rows, next position, {item: (its first bytes, its size)} of the items that gave no
  /// row), or None after the last batch.
  py::object Next() {
    std::optional<StreamDelivery> next =
        run_.NextBatch([this](const StreamDelivery& failed) { return KeyOfFailure(failed); });
    if (!next) return py::none();
    py::list rows;
    py::dict heads;
    for (const StreamItem& item : next->items) {
      if (!item.bytes.empty()) heads[py::int_(item.number)] = HeadOf(item);
      rows.append(py::make_tuple(Text(item.key), CompanionsOf(item)));
    }
    return py::make_tuple(std::make_unique<PyBatch>(std::move(next->delivery), spec_),
                          std::move(rows), next->next_position, std::move(heads));
  }

  void Close() { run_.Close(); }
  int64_t ReadyBatches() { return run_.ReadyBatches(); }
  bool HasAnswer() { return run_.HasAnswer(); }
  int ReadyDescriptor() { return run_.ReadyDescriptor(); }
  uint64_t Skipped() const { return run_.run().skipped(); }
  py::list SkippedNames() const { return Texts(run_.run().SkippedNames()); }
  py::list Notes() const { return NotesOf(run_.run().Notes()); }
  /// First bytes of the stream; none before its end, or what is wrong with it, was delivered.
  py::bytes Head() { return BytesOf(run_.run().Head()); }
  /// (first bytes, size) of the item whose failure Next() has raised; None before that.
  py::object FailedHead() const {
    std::optional<ItemHead> head;
    {
      const std::lock_guard lock(failed_mutex_);
      head = failed_head_;
    }
    if (!head) return py::none();
    return py::make_tuple(BytesOf(head->bytes), head->size);
  }

 private:
  struct ItemHead {
    std::vector<uint8_t> bytes;
    uint64_t size = 0;  // of the whole item
  };

  static py::bytes BytesOf(const std::vector<uint8_t>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static py::tuple HeadOf(const StreamItem& item) {
    return py::make_tuple(BytesOf(item.bytes), item.size);
  }

  std::string KeyOfFailure(const StreamDelivery& failed) {
    const auto found =
        std::ranges::find(failed.items, failed.delivery.failed_item, &StreamItem::number);
    if (found == failed.items.end()) return {};
    const std::lock_guard lock(failed_mutex_);
    failed_head_ = {.bytes = found->bytes, .size = found->size};
    return found->key;
  }

  std::shared_ptr<const ItemSpec> spec_;
  mutable std::mutex failed_mutex_;
  std::optional<ItemHead> failed_head_;  // under failed_mutex_
  PyRun<StreamRun> run_;
};

}  // namespace fastinet
