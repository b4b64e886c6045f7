// One pass over a stream on its way through the workers: bytes in, batches out, in drawn order.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "engine/epoch_run.h"
#include "engine/ready_signal.h"
#include "engine/slots.h"
#include "engine/stats.h"
#include "engine/worker_pool.h"
#include "stream/item_stream.h"
#include "stream/shuffle_window.h"
#include "stream/stream_input.h"

namespace fastinet {

/// Which items of the stream become rows of which batch.
///
/// Positions here are epoch positions, of all ranks together, as in Python's states; the epoch run
/// of each batch has plan positions of its own (see EpochPlan).
///
/// An item that the window draws has `repeats` positions one after another, one a copy. Position p
/// belongs to rank p % world; a rank's batch is full when the positions of all ranks' batches have
/// come, so that with `drop_last` all ranks have the same number of batches.
struct StreamPlan {
  int64_t batch_size = 0;
  int64_t window = 1;   // items that an item is drawn among; 1 keeps the stream's order
  int64_t repeats = 1;  // copies of each item
  uint64_t seed = 0;
  uint64_t draws = 0;  // as in EpochPlan
  uint32_t epoch = 0;
  int64_t start = 0;  // positions before are passed over; batches are counted from it on
  int64_t rank = 0;
  int64_t world = 1;
  bool drop_last = false;
  ItemRules rules = {};
};

/// The answer of Next(): a Delivery, and what only the stream knows of its rows.
struct StreamDelivery {
  Delivery delivery = {};
  // By row. Of the images' bytes there are the first StreamInput::kHeadBytes of those that gave no
  // row, so that messages can say what they are.
  std::vector<StreamItem> items = {};
  // Where a pass over the same stream goes on after this batch, for all ranks together. When the
  // stream fails, the items that are still in the window are drawn among fewer than they would be
  // in the whole stream, so their positions there are other ones: this is never beyond the first of
  // them, and whoever goes on over the whole stream gets them again.
  int64_t next_position = 0;
};

/// The pass while it runs. A thread of its own takes the stream apart and draws items for batches;
/// each batch is an epoch run over an item table of its own, and up to `prefetch_batches` of them
/// are under way or ready. Memory is theirs and the window's, however long the stream is.
///
/// What is wrong with the stream itself ends the pass, and is said after all that has arrived: the
/// batches are those of a stream that ends, soundly, behind the last item that is known to be
/// complete (see ItemStream). Items leave a full window as they do in the whole stream; those that
/// are in it when the failure comes are drawn as at an end.
class StreamRun {
 public:
  static Result<std::unique_ptr<StreamRun>> Start(std::shared_ptr<WorkerPool> pool,
                                                  std::unique_ptr<StreamInput> input,
                                                  const StreamPlan& plan,
                                                  const EpochOptions& options,
                                                  std::shared_ptr<SlotPool> slots,
                                                  std::shared_ptr<EngineStats> stats);
  ~StreamRun();  // stops
  StreamRun(const StreamRun&) = delete;
  StreamRun& operator=(const StreamRun&) = delete;

  /// The next batch. Waits up to `patience` for it. Several threads may
  /// call it; they are served one after another.
  StreamDelivery Next(std::chrono::milliseconds patience);
  /// Ends the pass. Returns when no thread is in it any more.
  void Stop();
  /// How many batches are ready to be delivered.
  int64_t ReadyBatches();
  /// As of EpochRun.
  bool HasAnswer();
  ReadySignal& ready_signal() { return *ready_signal_; }
  /// See StreamInput; empty before its end or a failure has been delivered.
  std::vector<uint8_t> Head() const;
  /// See ItemStream.
  uint64_t skipped() const { return skipped_; }
  std::vector<std::string> SkippedNames() const;
  TarNotes Notes() const;

 private:
  struct Batch;
  class ConsumerInside;

  StreamRun(std::shared_ptr<WorkerPool> pool, std::unique_ptr<StreamInput> input,
            const StreamPlan& plan, const EpochOptions& options, std::shared_ptr<SlotPool> slots,
            std::shared_ptr<EngineStats> stats);

  // By the thread that reads:
  void Feed() noexcept;
  Status TakeApart();
  Status DrainWindow();
  Status TakePositions(StreamItem item);
  Status EndBatch();

  // With mutex_ held:
  bool HasRoom();
  int64_t CountReady();
  void NotifyChanged();
  static void KeepHeads(StreamDelivery* result);
  void WaitAndTake(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience,
                   Clock::time_point called, StreamDelivery* result);
  void TakeFirst(Batch& first, StreamDelivery* result);

  const std::shared_ptr<WorkerPool> pool_;
  const std::unique_ptr<StreamInput> input_;
  const StreamPlan plan_;
  const EpochOptions options_;
  const std::shared_ptr<SlotPool> slots_;
  const std::shared_ptr<EngineStats> stats_;
  const std::shared_ptr<ReadySignal> ready_signal_ = std::make_shared<ReadySignal>();

  // The reading thread's own.
  ShuffleWindow window_;
  int64_t position_ = 0;
  // Once the stream has failed, batches never report a next_position beyond this: what follows may
  // be at other positions in the whole stream.
  int64_t settled_ = INT64_MAX;
  std::vector<StreamItem> rows_;  // of the batch that is being filled
  std::vector<uint16_t> copies_;  // which copy each of these shows
  std::atomic<uint64_t> skipped_ = 0;
  std::vector<std::string> skipped_names_;  // under mutex_
  TarNotes notes_;                          // likewise

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Batch>> batches_;  // under way or ready, in order
  bool consumer_inside_ = false;                // a thread is in Next(): others wait
  bool fed_ = false;                            // no batch will be added
  bool ended_ = false;                          // the end was delivered
  bool stopped_ = false;                        // by Stop()
  bool over_ = false;  // a failure or the end was delivered, or the pass was stopped
  Status failure_;     // of the stream
  std::vector<uint8_t> head_;
  int64_t delivered_ = 0;
  ConsumerTimes times_;

  std::thread feeder_;
};

}  // namespace fastinet
