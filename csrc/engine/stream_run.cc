#include "engine/stream_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/out_of_memory.h"
#include "rng/philox.h"
#include "stream/held_items.h"

namespace fastinet {
namespace {

/// What is left of `patience` since `called`.
std::chrono::milliseconds Left(std::chrono::milliseconds patience, Clock::time_point called) {
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - called);
  return std::max(patience - spent, std::chrono::milliseconds(0));
}

}  // namespace

/// A batch under way. `run` borrows the other members, so it is the last of them, which is
/// destroyed first.
struct StreamRun::Batch {
  std::vector<StreamItem> items;
  std::shared_ptr<const HeldItems> source;
  std::vector<int64_t> order;
  std::vector<uint16_t> copies;
  std::vector<int64_t> numbers;
  std::unique_ptr<const ItemTable> table;
  int64_t next_position = 0;
  std::unique_ptr<EpochRun> run;
};

Result<std::unique_ptr<StreamRun>> StreamRun::Start(std::shared_ptr<WorkerPool> pool,
                                                    std::unique_ptr<StreamInput> input,
                                                    const StreamPlan& plan,
                                                    const EpochOptions& options,
                                                    std::shared_ptr<SlotPool> slots,
                                                    std::shared_ptr<EngineStats> stats) {
  if (plan.batch_size <= 0 || plan.window <= 0 || plan.world <= 0 || plan.rank < 0 ||
      plan.rank >= plan.world || plan.start < 0 || options.prefetch_batches <= 0 ||
      plan.repeats <= 0 || plan.repeats > AugmentKey::kMostViews) {
    return InvalidArgument("the stream's plan makes no sense");
  }
  std::unique_ptr<StreamRun> run(new StreamRun(std::move(pool), std::move(input), plan, options,
                                               std::move(slots), std::move(stats)));
  try {
    run->feeder_ = std::thread(&StreamRun::Feed, run.get());
  } catch (const std::system_error&) {
    return Status(StatusCode::kIo, "the system refuses a thread to read the stream");
  }
  return run;
}

StreamRun::StreamRun(std::shared_ptr<WorkerPool> pool, std::unique_ptr<StreamInput> input,
                     const StreamPlan& plan, const EpochOptions& options,
                     std::shared_ptr<SlotPool> slots, std::shared_ptr<EngineStats> stats)
    : pool_(std::move(pool)),
      input_(std::move(input)),
      plan_(plan),
      options_(options),
      slots_(std::move(slots)),
      stats_(std::move(stats)),
      window_(plan.window, plan.seed, plan.epoch),
      times_(*stats_) {}

StreamRun::~StreamRun() { Stop(); }

void StreamRun::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = over_ = true;
  }
  input_->Interrupt();
  NotifyChanged();
  // From now on no batch leaves the queue. It is not copied: a destructor must do without memory.
  for (size_t i = 0;; ++i) {
    std::shared_ptr<Batch> batch;
    {
      const std::lock_guard lock(mutex_);
      if (i == batches_.size()) break;
      batch = batches_[i];
    }
    batch->run->Stop();
  }
  if (feeder_.joinable()) feeder_.join();  // the system may have refused it
  const std::lock_guard lock(mutex_);
  batches_.clear();
}

// ---------------------------------------------------------------------------------- the consumer

/// The one consumer's turn, which also ends where memory runs out in it.
class StreamRun::ConsumerInside {
 public:
  ConsumerInside(StreamRun& run, std::unique_lock<std::mutex>& lock) : run_(run), lock_(lock) {
    run_.consumer_inside_ = true;
  }
  ~ConsumerInside() {
    if (!lock_.owns_lock()) lock_.lock();
    run_.consumer_inside_ = false;
    lock_.unlock();
    run_.NotifyChanged();
  }
  ConsumerInside(const ConsumerInside&) = delete;
  ConsumerInside& operator=(const ConsumerInside&) = delete;

 private:
  StreamRun& run_;
  std::unique_lock<std::mutex>& lock_;
};

StreamDelivery StreamRun::Next(std::chrono::milliseconds patience) {
  const Clock::time_point called = Clock::now();
  StreamDelivery result{.delivery = Delivery::NotYet()};

  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, patience, [&] { return !consumer_inside_; })) return result;
  const ConsumerInside inside(*this, lock);
  WaitAndTake(lock, patience, called, &result);
  return result;
}

/// Waits for an answer and takes it. `lock` is held at the beginning and at the end.
void StreamRun::WaitAndTake(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience,
                            Clock::time_point called, StreamDelivery* result) {
  changed_.wait_for(lock, Left(patience, called),
                    [&] { return over_ || fed_ || !batches_.empty(); });
  if (stopped_ && !ended_) {
    result->delivery = Delivery::Closed();
  } else if (over_) {
    result->delivery = Delivery::End();
  } else if (!batches_.empty()) {
    // While this thread waits for the first batch, others may add some behind it, or stop the run.
    const std::shared_ptr<Batch> first = batches_.front();
    const auto ready_at_call = static_cast<uint64_t>(CountReady());
    lock.unlock();
    result->delivery = first->run->Next(Left(patience, called));
    lock.lock();
    if (stopped_) {
      // Workers may still read the items; they stay where they are.
      result->delivery = Delivery::Closed();
    } else if (result->delivery.kind != Delivery::Kind::kNotYet) {
      TakeFirst(*first, result);
    }
    if (result->delivery.kind == Delivery::Kind::kBatch) {
      Count(stats_->ready_at_next, ready_at_call);
    }
  } else if (fed_) {
    over_ = true;
    ended_ = failure_.ok();
    result->delivery = ended_ ? Delivery::End() : Delivery::Failed(std::move(failure_));
  }
  times_.CountCall(called, delivered_);
  if (result->delivery.kind == Delivery::Kind::kBatch) {
    result->delivery.number = delivered_++;
  }
}

std::vector<uint8_t> StreamRun::Head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

/// Leaves of the images' bytes the first ones of those that gave no row. It takes no memory.
void StreamRun::KeepHeads(StreamDelivery* result) {
  const auto is_of = [&](size_t row) {
    return [row](const RowFailure& failure) { return failure.row == static_cast<int64_t>(row); };
  };
  for (size_t row = 0; row < result->items.size(); ++row) {
    StreamItem& item = result->items[row];
    const Delivery& delivery = result->delivery;
    if (item.number == delivery.failed_item || std::ranges::any_of(delivery.failures, is_of(row))) {
      item.bytes.resize(std::min(item.bytes.size(), StreamInput::kHeadBytes));
    } else {
      item.bytes = {};
    }
  }
}

/// Takes the batch that has an answer out of the queue, with what is known of its items.
void StreamRun::TakeFirst(Batch& first, StreamDelivery* result) {
  over_ = over_ || result->delivery.kind == Delivery::Kind::kFailed;
  result->items = std::move(first.items);
  KeepHeads(result);
  result->next_position = first.next_position;
  if (!batches_.empty()) batches_.pop_front();
}

int64_t StreamRun::ReadyBatches() {
  const std::lock_guard lock(mutex_);
  return CountReady();
}

bool StreamRun::HasAnswer() {
  ready_signal_->Clear();
  const std::lock_guard lock(mutex_);
  if (consumer_inside_) return false;  // it takes what there is
  if (over_ || batches_.empty()) return over_ || fed_;
  return batches_.front()->run->HasAnswer();
}

/// Tells all who wait that something is otherwise.
void StreamRun::NotifyChanged() {
  changed_.notify_all();
  ready_signal_->Raise();
}

int64_t StreamRun::CountReady() {
  int64_t ready = 0;
  for (const std::shared_ptr<Batch>& batch : batches_) {
    if (batch->run->ReadyBatches() == 0) break;
    ++ready;
  }
  return ready;
}

std::vector<std::string> StreamRun::SkippedNames() const {
  const std::lock_guard lock(mutex_);
  return skipped_names_;
}

TarNotes StreamRun::Notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

// ---------------------------------------------------------------------- the thread that reads

void StreamRun::Feed() noexcept {
  Status status = OrOutOfMemory("not enough memory for the stream's window of items",
                                [&] { return TakeApart(); });
  status = std::move(status).InArchive(input_->name());
  std::vector<uint8_t> head;
  // Without memory for them, the message does without.
  (void)OrOutOfMemory("", [&] {
    head.assign(input_->head().begin(), input_->head().end());
    return Status();
  });
  {
    const std::lock_guard lock(mutex_);
    fed_ = true;
    failure_ = std::move(status);
    head_ = std::move(head);
  }
  NotifyChanged();
}

/// Reads the stream to its end, or to what is wrong with it; what came before has its rows either
/// way.
Status StreamRun::TakeApart() {
  FASTINET_ASSIGN_OR_RETURN(ByteStream* const stream, input_->Open());
  ItemStream items(*stream, MaxItemBytes(options_.spec.options.max_pixels), plan_.rules);
  Status damage;
  std::array<uint64_t, kTarNoteKinds> notes{};
  for (;;) {
    Result<std::optional<StreamItem>> item = items.Next();
    if (skipped_ != items.skipped()) {
      skipped_ = items.skipped();
      const std::lock_guard lock(mutex_);
      skipped_names_ = items.skipped_names();
    }
    if (notes != items.notes().counts) {
      notes = items.notes().counts;
      const std::lock_guard lock(mutex_);
      notes_ = items.notes();
    }
    damage = item.status();
    if (!item.ok() || !item.value()) break;
    std::optional<StreamItem> drawn = window_.Exchange(*std::move(item).value());
    if (drawn) FASTINET_RETURN_IF_ERROR(TakePositions(*std::move(drawn)));
  }
  if (damage.code() == StatusCode::kCancelled) return damage;
  // Positions before the start were had before this pass, whatever the failure puts there now.
  if (!damage.ok()) settled_ = std::max(position_, plan_.start);
  FASTINET_RETURN_IF_ERROR(DrainWindow());
  return damage;
}

/// Draws what is left in the window to the last item, and ends the last batch.
Status StreamRun::DrainWindow() {
  while (std::optional<StreamItem> drawn = window_.Drain()) {
    FASTINET_RETURN_IF_ERROR(TakePositions(*std::move(drawn)));
  }
  return rows_.empty() || plan_.drop_last ? Status() : EndBatch();
}

/// Gives the copies of `item` their positions, and with them their batches and rows.
Status StreamRun::TakePositions(StreamItem item) {
  for (int64_t copy = 0; copy < plan_.repeats; ++copy) {
    const int64_t position = position_++;
    if (position < plan_.start) continue;
    if (position % plan_.world == plan_.rank) {
      // This rank's next copy, if there is one, is `world` positions on.
      const bool is_last = copy + plan_.world >= plan_.repeats;
      rows_.push_back(is_last ? std::exchange(item, {}) : item);
      copies_.push_back(static_cast<uint16_t>(copy));
    }
    const bool full = (position_ - plan_.start) % (plan_.batch_size * plan_.world) == 0;
    if (full) FASTINET_RETURN_IF_ERROR(EndBatch());
  }
  return {};
}

/// Whether one batch more may be under way. Where slots are few, the batch before has to have its
/// own first, or a later batch would take the slot that an earlier one waits for.
bool StreamRun::HasRoom() {
  if (batches_.empty()) return true;
  return static_cast<int64_t>(batches_.size()) < options_.prefetch_batches &&
         batches_.back()->run->Open();
}

/// Sets the workers on the batch that has its rows, as soon as there is room for it.
Status StreamRun::EndBatch() {
  auto batch = std::make_shared<Batch>();
  batch->items = std::exchange(rows_, {});
  batch->copies = std::exchange(copies_, {});
  batch->next_position = std::min(position_, settled_);
  for (const StreamItem& item : batch->items) {
    Count(stats_->Of(0).bytes_read, item.bytes.size());
    batch->order.push_back(static_cast<int64_t>(batch->order.size()));
    batch->numbers.push_back(item.number);
  }
  batch->source = std::make_shared<const HeldItems>(batch->items);
  std::vector<OpenArchive> archives;
  archives.push_back({input_->name(), batch->source});
  FASTINET_ASSIGN_OR_RETURN(ItemTable table,
                            ItemTable::Make(std::move(archives), {}, batch->source->offsets(),
                                            batch->source->sizes(), {}));
  batch->table = std::make_unique<const ItemTable>(std::move(table));

  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return over_ || HasRoom(); });
    if (over_) return Delivery::Closed().error;
  }
  EpochOptions options = options_;
  options.prefetch_batches = 1;
  options.count_waiting = false;
  options.ready_signal = ready_signal_;
  const EpochPlan plan{.order = batch->order,
                       .copies = batch->copies,
                       .batch_size = plan_.batch_size,
                       .seed = plan_.seed,
                       .draws = plan_.draws,
                       .epoch = plan_.epoch,
                       .numbers = batch->numbers};
  FASTINET_ASSIGN_OR_RETURN(batch->run,
                            EpochRun::Start(pool_, *batch->table, plan, options, slots_, stats_));
  {
    const std::lock_guard lock(mutex_);
    batches_.push_back(std::move(batch));
  }
  NotifyChanged();
  return {};
}

}  // namespace fastinet
