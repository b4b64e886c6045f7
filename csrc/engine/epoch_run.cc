#include "engine/epoch_run.h"

#include <algorithm>
#include <utility>

#include "base/out_of_memory.h"

namespace fastinet {
namespace {

std::vector<SlotShape> ShapesOf(const EpochPlan& plan, const EpochOptions& options) {
  std::vector<SlotShape> shapes;
  for (size_t spec = 0; spec <= options.other_specs.size(); ++spec) {
    shapes.push_back(ShapeOf(options.Spec(spec), plan.batch_size, 0).value_or(SlotShape()));
  }
  return shapes;
}

}  // namespace

Result<std::unique_ptr<EpochRun>> EpochRun::Start(std::shared_ptr<WorkerPool> pool,
                                                  const ItemTable& table, const EpochPlan& plan,
                                                  const EpochOptions& options,
                                                  std::shared_ptr<SlotPool> slots,
                                                  std::shared_ptr<EngineStats> stats) {
  FASTINET_RETURN_IF_ERROR(CheckEpoch(plan, options, table, slots->shape()));
  std::unique_ptr<EpochRun> run(
      new EpochRun(std::move(pool), table, plan, options, std::move(slots), std::move(stats)));
  {
    const std::lock_guard lock(run->mutex_);
    (void)run->MoveWindow();  // what it lacks, Next() says
  }
  run->pool_->Add(*run);
  return run;
}

EpochRun::EpochRun(std::shared_ptr<WorkerPool> pool, const ItemTable& table, const EpochPlan& plan,
                   const EpochOptions& options, std::shared_ptr<SlotPool> slots,
                   std::shared_ptr<EngineStats> stats)
    : pool_(std::move(pool)),
      plan_(plan),
      options_(options),
      shapes_(ShapesOf(plan, options)),
      slots_(std::move(slots)),
      stats_(std::move(stats)),
      ready_signal_(options.ready_signal ? options.ready_signal : std::make_shared<ReadySignal>()),
      row_maker_(table, plan_, options_, *stats_),
      window_(static_cast<size_t>(options.prefetch_batches)),
      times_(*stats_) {}

EpochRun::~EpochRun() { Stop(); }

void EpochRun::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = over_ = true;
    end_position_ = 0;
  }
  ready_.notify_all();
  ready_signal_->Raise();
  pool_->Remove(*this);
  const std::lock_guard lock(mutex_);
  for (OpenBatch& batch : window_) batch.Drop();
  row_maker_.DropBlocks();
}

// ---------------------------------------------------------------------------------- the consumer

Delivery EpochRun::Next(std::chrono::milliseconds patience) {
  const Clock::time_point called = Clock::now();
  Delivery delivery;
  bool window_moved = false;
  {
    std::unique_lock lock(mutex_);
    const int64_t opened = opened_;
    (void)MoveWindow();  // slots may have come back since the last delivery
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
  if (delivery.kind != Delivery::Kind::kNotYet) ready_signal_->Raise();  // there may be another
  return delivery;
}

int64_t EpochRun::ReadyBatches() {
  const std::lock_guard lock(mutex_);
  return CountReady();
}

bool EpochRun::HasAnswer() {
  ready_signal_->Clear();
  (void)Open();  // slots may have come back since the last delivery
  const std::lock_guard lock(mutex_);
  return CanAnswer();
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
  while (batch < opened_ && At(batch).ready()) ++batch;
  return batch - delivered_;
}

bool EpochRun::CanAnswer() {
  const bool waits_for_rows = delivered_ < opened_ && !At(delivered_).ready();
  return over_ || !waits_for_rows;
}

Delivery EpochRun::Answer() {
  if (delivered_ == plan_.batches()) return Delivery::End();
  if (stopped_) return End(Delivery::Closed());
  if (over_) return Delivery::End();
  if (delivered_ == opened_) return End(Delivery::Failed(std::move(slot_error_)));
  if (!At(delivered_).ready()) return Delivery::NotYet();
  Delivery delivery = At(delivered_).Deliver(options_.on_error);
  if (delivery.kind == Delivery::Kind::kFailed) return End(std::move(delivery));
  delivery.number = delivered_;
  delivery.spec = plan_.SpecOf(delivered_);
  ++delivered_;
  Count(stats_->batches, 1);
  (void)MoveWindow();
  return delivery;
}

/// Ends the epoch with what is to be said of it: workers take no position any more.
Delivery EpochRun::End(Delivery failed) {
  over_ = true;
  end_position_ = 0;
  return failed;
}

Status EpochRun::OpenNextBatch() {
  FASTINET_ASSIGN_OR_RETURN(std::shared_ptr<Slot> slot,
                            slots_->Lease(shapes_[plan_.SpecOf(opened_)]));
  At(opened_).Open(std::move(slot), plan_.RowsOf(opened_));
  return {};
}

/// Opens the batches that may be under way; false where there is no slot for one.
bool EpochRun::MoveWindow() {
  if (over_) return true;
  const int64_t wanted = std::min(delivered_ + options_.prefetch_batches, plan_.batches());
  while (opened_ < wanted) {
    slot_error_ = OrOutOfMemory("not enough memory for a batch", [&] { return OpenNextBatch(); });
    if (!slot_error_.ok()) return false;
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

bool EpochRun::RunOne(Worker& worker) noexcept {
  const int64_t position = ClaimPosition();
  if (position < 0) return false;
  row_maker_.ReadAhead(position);
  OpenBatch& batch = At(position / plan_.batch_size);
  const int64_t row = position % plan_.batch_size;
  MadeRow made = row_maker_.MakeRow(worker, position, batch.slot(), row);
  if (!made.failure.ok()) {
    batch.AddFailure({.row = row,
                      .item = plan_.NumberOf(plan_.ItemAt(position)),
                      .status = std::move(made.failure),
                      .replacement = made.replacement,
                      .copy = plan_.CopyAt(position)});
  }
  if (batch.CountRow()) {
    // Under the lock, so that a consumer that has just seen the batch unready hears it.
    const std::lock_guard lock(mutex_);
    ready_.notify_all();
    ready_signal_->Raise();
  }
  return true;
}

}  // namespace fastinet
