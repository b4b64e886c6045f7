#include "engine/epoch_run.h"

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace fastinet {
namespace {

// How far the read-ahead hints run before the workers [items]: some 7 MB of ImageNet, enough to
// keep a disk's queue full while those before them are decoded.
constexpr int64_t kHintDistance = 64;

/// An item's bytes, read from its archive into a worker's buffer.
class SourceBytes final : public ItemBytes {
 public:
  SourceBytes(const ItemPlace& place, ReadBuffer& buffer, EngineStats& stats)
      : place_(place), buffer_(buffer), stats_(stats) {}

  uint64_t size_bytes() const override { return place_.size_bytes; }

  Result<Bytes> Read(uint64_t begin, uint64_t end) override {
    const MutableBytes bytes = buffer_.Reserve(end - begin);
    Status status = place_.Read(begin, bytes);
    Count(stats_.bytes_read, bytes.size());
    if (status.ok()) return Bytes(bytes);
    return status;
  }

 private:
  const ItemPlace& place_;
  ReadBuffer& buffer_;
  EngineStats& stats_;
};

Status CheckPlan(const EpochPlan& plan, const ItemTable& table) {
  if (plan.batch_size <= 0) {
    return InvalidArgument("batch_size is " + std::to_string(plan.batch_size) +
                           "; it must be positive");
  }
  if (!plan.blocks.empty() && plan.blocks.size() != plan.order.size()) {
    return InvalidArgument("the plan has " + std::to_string(plan.blocks.size()) + " blocks for " +
                           std::to_string(plan.order.size()) + " positions");
  }
  if (!plan.labels.empty() && static_cast<int64_t>(plan.labels.size()) != table.size()) {
    return InvalidArgument("labels of " + std::to_string(plan.labels.size()) + " items for " +
                           std::to_string(table.size()));
  }
  for (const int64_t item : plan.order) {
    if (item != kPadding && (item < 0 || item >= table.size())) {
      return InvalidArgument("the plan names item " + std::to_string(item) + " of " +
                             std::to_string(table.size()));
    }
  }
  return {};
}

Status CheckOptions(const EpochOptions& options, const ItemTable& table) {
  FASTINET_RETURN_IF_ERROR(options.spec.transform.Validate());
  if (!options.objects.empty() && options.objects.items() != table.size()) {
    return InvalidArgument("boxes of " + std::to_string(options.objects.items()) + " items for " +
                           std::to_string(table.size()));
  }
  if (options.soft_labels != nullptr && options.soft_labels->size() != table.size()) {
    return InvalidArgument("label maps of " + std::to_string(options.soft_labels->size()) +
                           " items for " + std::to_string(table.size()));
  }
  return {};
}

Status CheckShape(const EpochPlan& plan, const EpochOptions& options, const SlotShape& shape) {
  if (options.prefetch_batches <= 0) {
    return InvalidArgument("prefetch is " + std::to_string(options.prefetch_batches) +
                           "; it must be positive");
  }
  const auto row_bytes = options.spec.RowBytes();
  if (shape.rows < std::min(plan.batch_size, plan.size()) || !row_bytes ||
      *row_bytes > shape.row_bytes || options.spec.views != shape.views) {
    return InvalidArgument("the slots' shape does not fit the batches");
  }
  const SoftLabels* soft_labels = options.soft_labels;
  if (shape.soft_label_classes != (soft_labels == nullptr ? 0 : soft_labels->classes())) {
    return InvalidArgument("the slots' soft labels have another length than those to be made");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<EpochRun>> EpochRun::Start(std::shared_ptr<WorkerPool> pool,
                                                  const ItemTable& table, const EpochPlan& plan,
                                                  const EpochOptions& options,
                                                  std::shared_ptr<SlotPool> slots,
                                                  std::shared_ptr<EngineStats> stats) {
  FASTINET_RETURN_IF_ERROR(CheckPlan(plan, table));
  FASTINET_RETURN_IF_ERROR(CheckOptions(options, table));
  FASTINET_RETURN_IF_ERROR(CheckShape(plan, options, slots->shape()));
  std::unique_ptr<EpochRun> run(
      new EpochRun(std::move(pool), table, plan, options, std::move(slots), std::move(stats)));
  {
    const std::lock_guard lock(run->mutex_);
    run->MoveWindow();
  }
  run->pool_->Add(*run);
  return run;
}

EpochRun::EpochRun(std::shared_ptr<WorkerPool> pool, const ItemTable& table, const EpochPlan& plan,
                   const EpochOptions& options, std::shared_ptr<SlotPool> slots,
                   std::shared_ptr<EngineStats> stats)
    : pool_(std::move(pool)),
      table_(table),
      plan_(plan),
      options_(options),
      slots_(std::move(slots)),
      stats_(std::move(stats)),
      window_(static_cast<size_t>(options.prefetch_batches)),
      times_(*stats_) {
  if (plan.blocks.empty()) return;
  const BlockUses uses{.order = plan.order,
                       .blocks = plan.blocks,
                       .max_item_bytes = MaxItemBytes(options.spec.options.max_pixels)};
  blocks_ = std::make_unique<BlockCache>(table, uses, *stats_);
}

EpochRun::~EpochRun() { Stop(); }

void EpochRun::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = over_ = true;
    end_position_ = 0;
  }
  ready_.notify_all();
  pool_->Remove(*this);
  const std::lock_guard lock(mutex_);
  for (OpenBatch& batch : window_) batch.slot.reset();
  blocks_.reset();
}

// ---------------------------------------------------------------------------------- the consumer

Delivery EpochRun::Next(std::chrono::milliseconds patience) {
  const Clock::time_point called = Clock::now();
  Delivery delivery;
  bool window_moved = false;
  {
    std::unique_lock lock(mutex_);
    const int64_t opened = opened_;
    MoveWindow();  // slots may have come back since the last delivery
    if (opened_ > opened) pool_->Wake();
    const auto ready_at_call = static_cast<uint64_t>(CountReady());
    ready_.wait_for(lock, patience, [&] { return CanAnswer(); });
    if (options_.count_waiting) times_.CountCall(called, delivered_);
    const int64_t opened_before = opened_;
    delivery = Answer();
    window_moved = opened_ > opened_before;
    if (delivery.kind == Delivery::Kind::kBatch && options_.count_waiting) {
      Count(stats_->ready_at_next, ready_at_call);
    }
  }
  if (window_moved) pool_->Wake();
  return delivery;
}

int64_t EpochRun::ReadyBatches() {
  const std::lock_guard lock(mutex_);
  return CountReady();
}

bool EpochRun::Open() {
  bool opened_all = false, opened_some = false;
  {
    const std::lock_guard lock(mutex_);
    const int64_t opened_before = opened_;
    opened_all = MoveWindow();
    opened_some = opened_ > opened_before;
  }
  if (opened_some) pool_->Wake();
  return opened_all;
}

int64_t EpochRun::CountReady() {
  int64_t batch = delivered_;
  while (batch < opened_ && At(batch).ready) ++batch;
  return batch - delivered_;
}

bool EpochRun::CanAnswer() {
  const bool waits_for_rows = delivered_ < opened_ && !At(delivered_).ready;
  return over_ || !waits_for_rows;
}

Delivery EpochRun::Answer() {
  Delivery delivery;
  if (delivered_ == plan_.batches()) return delivery;
  if (stopped_) return Fail({StatusCode::kCancelled, "the epoch was closed"}, -1);
  if (over_) return delivery;
  if (delivered_ == opened_) return Fail(std::move(slot_error_), -1);
  OpenBatch& batch = At(delivered_);
  if (!batch.ready) {
    delivery.kind = Delivery::Kind::kNotYet;
    return delivery;
  }
  std::sort(batch.failures.begin(), batch.failures.end(),
            [](const RowFailure& a, const RowFailure& b) { return a.row < b.row; });
  if (options_.on_error == OnError::kRaise && !batch.failures.empty()) {
    RowFailure& first = batch.failures.front();
    return Fail(std::move(first.status), first.item);
  }
  return Deliver();
}

Delivery EpochRun::Deliver() {
  OpenBatch& batch = At(delivered_);
  Delivery delivery;
  delivery.kind = Delivery::Kind::kBatch;
  delivery.slot = std::move(batch.slot);
  delivery.rows = plan_.RowsOf(delivered_);
  delivery.failures = std::exchange(batch.failures, {});
  ++delivered_;
  Count(stats_->batches, 1);
  MoveWindow();
  return delivery;
}

Delivery EpochRun::Fail(Status error, int64_t item) {
  over_ = true;
  end_position_ = 0;
  Delivery delivery;
  delivery.kind = Delivery::Kind::kFailed;
  delivery.error = std::move(error);
  delivery.failed_item = item;
  return delivery;
}

/// Opens the batches that may be under way; false where there is no slot for one.
bool EpochRun::MoveWindow() {
  if (over_) return true;
  const int64_t wanted = std::min(delivered_ + options_.prefetch_batches, plan_.batches());
  while (opened_ < wanted) {
    Result<std::shared_ptr<Slot>> slot = slots_->Lease(*options_.spec.RowBytes());
    if (!slot.ok()) {
      slot_error_ = std::move(slot).status();
      return false;
    }
    OpenBatch& batch = At(opened_);
    batch.slot = std::move(slot).value();
    batch.rows_to_do = plan_.RowsOf(opened_);
    batch.ready = false;
    ++opened_;
    // The release makes the batch visible to whoever claims one of its positions.
    end_position_.store(std::min(opened_ * plan_.batch_size, plan_.size()),
                        std::memory_order_release);
  }
  return true;
}

// ----------------------------------------------------------------------------------- the workers

bool EpochRun::HasWork() const { return next_position_ < end_position_; }

int64_t EpochRun::ClaimPosition() {
  int64_t position = next_position_.load(std::memory_order_relaxed);
  do {
    if (position >= end_position_.load(std::memory_order_acquire)) return -1;
  } while (!next_position_.compare_exchange_weak(position, position + 1));
  return position;
}

bool EpochRun::RunOne(Worker& worker) {
  const int64_t position = ClaimPosition();
  if (position < 0) return false;
  HintAhead(position);
  OpenBatch& batch = At(position / plan_.batch_size);
  const int64_t item = plan_.order[static_cast<size_t>(position)];
  const int64_t row = position % plan_.batch_size;
  if (item == kPadding) {
    MakePadding(*batch.slot, row);
  } else {
    MakeRow(worker, position, *batch.slot, row, batch);
  }
  if (batch.rows_to_do.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::lock_guard lock(mutex_);
    batch.ready = true;
    ready_.notify_all();
  }
  return true;
}

void EpochRun::MakePadding(Slot& slot, int64_t row) {
  const auto j = static_cast<size_t>(row);
  std::memset(slot.Row(row).data(), 0, slot.Row(row).size());
  std::ranges::fill(slot.SoftLabelRow(row), 0.0F);
  slot.items[j] = kPadding;
  slot.labels[j] = kNoLabel;
  slot.valid[j] = false;
  slot.image_sizes[j] = Size{};
  const auto views = static_cast<size_t>(slot.shape().views);
  std::fill_n(slot.boxes.begin() + static_cast<ptrdiff_t>(j * views), views, Box{});
  std::fill_n(slot.flips.begin() + static_cast<ptrdiff_t>(j * views), views, uint8_t{0});
}

void EpochRun::MakeRow(Worker& worker, int64_t position, Slot& slot, int64_t row,
                       OpenBatch& batch) {
  worker.crops.resize(static_cast<size_t>(options_.spec.views));
  const int64_t item = plan_.order[static_cast<size_t>(position)];
  Result<Size> image = ReadAndRender(worker, position, slot.Row(row));
  if (image.ok()) {
    Status labelled = WriteSoftLabels(worker, item, image.value(), slot.SoftLabelRow(row));
    if (!labelled.ok()) image = std::move(labelled);
  }
  Count(stats_->items, 1);
  const auto j = static_cast<size_t>(row);
  slot.items[j] = plan_.NumberOf(item);
  slot.labels[j] = plan_.LabelOf(item);
  slot.valid[j] = image.ok();
  slot.image_sizes[j] = image.ok() ? image.value() : Size{};
  for (size_t view = 0; view < worker.crops.size(); ++view) {
    const size_t cell = j * worker.crops.size() + view;
    slot.boxes[cell] = image.ok() ? worker.crops[view].box : Box{};
    slot.flips[cell] = image.ok() && worker.crops[view].flip;
  }
  if (image.ok()) return;
  Status status = std::move(image).status();
  std::memset(slot.Row(row).data(), 0, slot.Row(row).size());
  std::ranges::fill(slot.SoftLabelRow(row), 0.0F);
  Count(stats_->failures[static_cast<size_t>(status.code())], 1);
  const std::lock_guard lock(mutex_);
  batch.failures.push_back({row, plan_.NumberOf(item), std::move(status)});
}

Result<Size> EpochRun::ReadAndRender(Worker& worker, int64_t position, MutableBytes row) {
  const int64_t item = plan_.order[static_cast<size_t>(position)];
  const ItemPlace place = table_.Place(item);
  const uint64_t max_bytes = MaxItemBytes(options_.spec.options.max_pixels);
  if (place.size_bytes > max_bytes) {
    return place.Located(TooLarge("the item has " + std::to_string(place.size_bytes) +
                                  " bytes; with this max_pixels the limit is " +
                                  std::to_string(max_bytes))
                             .AtOffset(0));
  }
  const Clock::time_point start = Clock::now();
  const BlockCache::Use block(blocks_.get(), position);
  if (blocks_ != nullptr) Count(stats_->read_ns, NanosecondsSince(start));
  std::optional<Bytes> in_memory = block.Find(place);
  if (!in_memory) in_memory = place.archive->source->View(place.offset_bytes, place.size_bytes);
  SourceBytes from_source(place, worker.bytes, *stats_);
  MemoryBytes from_memory(in_memory.value_or(Bytes()));
  ItemBytes& bytes = in_memory ? static_cast<ItemBytes&>(from_memory) : from_source;
  Result<Size> image = Size{};
  try {
    image = Render(worker, bytes, place.hints, item, row);
  } catch (const std::bad_alloc&) {
    image = TooLarge("not enough memory to decode the item");
  }
  worker.bytes.Trim();
  if (image.ok()) return image;
  return place.Located(std::move(image).status());
}

/// The soft labels of the crops that were drawn last.
Status EpochRun::WriteSoftLabels(Worker& worker, int64_t item, Size image,
                                 std::span<float> out) const {
  if (options_.soft_labels == nullptr) return {};
  try {
    return options_.soft_labels->Write(item, worker.crops, image, worker.label_pooler,
                                       worker.label_map, out);
  } catch (const std::bad_alloc&) {
    return TooLarge("not enough memory for the item's label map");
  }
}

Result<Size> EpochRun::Render(Worker& worker, ItemBytes& bytes, const ItemHints& hints,
                              int64_t item, MutableBytes row) const {
  const AugmentKey key{.seed = plan_.seed,
                       .epoch = plan_.epoch,
                       .item = static_cast<uint64_t>(plan_.NumberOf(item))};
  const ItemCounters items = worker.renderer.counters();
  const DecodeCounters decode = worker.renderer.decode_counters();
  Result<Size> image = worker.renderer.RenderItem(bytes, hints, options_.spec, key,
                                                  options_.objects.Of(item), row, worker.crops);
  CountSince(items, worker.renderer.counters());
  CountSince(decode, worker.renderer.decode_counters());
  return image;
}

void EpochRun::CountSince(const ItemCounters& before, const ItemCounters& after) const {
  Count(stats_->read_ns, after.fetch_ns - before.fetch_ns);
  Count(stats_->header_ns, after.header_ns - before.header_ns);
  Count(stats_->decode_ns, after.decode_ns - before.decode_ns);
  Count(stats_->render_ns, after.render_ns - before.render_ns);
}

void EpochRun::CountSince(const DecodeCounters& before, const DecodeCounters& after) const {
  for (size_t road = 0; road < kRoads; ++road) {
    Count(stats_->regions[road], after.regions[road] - before.regions[road]);
    Count(stats_->fallbacks[road], after.fallbacks[road] - before.fallbacks[road]);
  }
  Count(stats_->entropy_ns, after.entropy_ns - before.entropy_ns);
  Count(stats_->idct_ns, after.idct_ns - before.idct_ns);
  Count(stats_->colour_ns, after.colour_ns - before.colour_ns);
  Count(stats_->mcus_decoded, after.mcus_decoded - before.mcus_decoded);
  Count(stats_->mcus_skipped, after.mcus_skipped - before.mcus_skipped);
}

void EpochRun::HintAhead(int64_t position) const {
  const int64_t first = position == 0 ? 1 : position + kHintDistance;
  const int64_t end = std::min(position + kHintDistance + 1, plan_.size());
  for (int64_t ahead = first; ahead < end; ++ahead) {
    const int64_t item = plan_.order[static_cast<size_t>(ahead)];
    if (item == kPadding) return;  // at the end of a plan alone
    if (blocks_ == nullptr) {      // which reads ahead itself
      const ItemPlace place = table_.Place(item);
      place.archive->source->Prefetch(place.offset_bytes, place.size_bytes);
    }
    if (options_.soft_labels != nullptr) options_.soft_labels->Prefetch(item);
  }
}

}  // namespace fastinet
