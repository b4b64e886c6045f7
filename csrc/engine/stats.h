// What an engine has done so far, counted while it runs.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/status.h"
#include "item/image_decoder.h"

namespace fastinet {

using Counter = std::atomic<uint64_t>;

/// What workers count; times are in nanoseconds of wall clock.
struct alignas(64) WorkerCounters {  // a cache line: no line is shared with the next worker's
  static constexpr size_t kStatusCodes = static_cast<size_t>(StatusCode::kOutOfMemory) + 1;

  Counter read_ns = 0;
  Counter header_ns = 0;
  Counter decode_ns = 0;   // of it, in our JPEG decoder (RegionDecoder):
  Counter entropy_ns = 0;  // Huffman decoding
  Counter idct_ns = 0;     // inverse DCT
  Counter colour_ns = 0;   // upsampling and colour conversion
  Counter render_ns = 0;
  Counter items = 0;  // failed ones included
  Counter bytes_read = 0;
  std::array<Counter, kStatusCodes> failures{};  // by StatusCode
  std::array<Counter, kRoads> regions{};         // decoded, by Road
  std::array<Counter, kRoads> fallbacks{};       // by the Road that was left
  Counter mcus_decoded = 0;
  Counter mcus_skipped = 0;
};

/// Totals over the epochs of one loader. Written by many threads, readable at any time; times are
/// in nanoseconds of wall clock.
///
/// How the counters flow into one another: RegionDecoder adds to a DecodeStats, which ImageDecoder
/// copies into its DecodeCounters, with the roads taken. ItemRenderer has those, and ItemCounters
/// of its own for the stages around decoding. Both belong to one thread and are plain numbers;
/// after each item RowMaker adds what they have grown by to the WorkerCounters of its worker. Sum()
/// adds these up for Python.
class EngineStats {
 public:
  /// Where the worker of this number counts. There are some twenty additions an item, and were all
  /// threads to make them in one place, each would wait for the others' cache lines.
  WorkerCounters& Of(size_t worker) { return workers_[worker % workers_.size()]; }

  /// The sum of all workers' counters that `counter` picks: a pointer to a member, or a function.
  template <class Pick>
  uint64_t Sum(Pick counter) const {
    uint64_t sum = 0;
    for (const WorkerCounters& worker : workers_) sum += std::invoke(counter, worker);
    return sum;
  }

  Counter block_bytes = 0;       // blocks that are in memory now, of blocked epochs
  Counter block_bytes_peak = 0;  // the most that ever were at once

  // The consumer.
  Counter batches = 0;
  Counter startup_ns = 0;     // waiting for the first batch of an epoch, which nothing can hide
  Counter waiting_ns = 0;     // waiting in Next() for the other batches
  Counter busy_ns = 0;        // between one Next() and the following one
  Counter ready_at_next = 0;  // batches that were ready when Next() was called, summed over calls

 private:
  std::array<WorkerCounters, 16> workers_;  // of more workers than these, several share one
};

/// Adds without ordering: totals need no more.
inline void Count(Counter& counter, uint64_t amount) {
  counter.fetch_add(amount, std::memory_order_relaxed);
}

/// Raises a maximum to `value`, if it is below.
inline void RaiseTo(Counter& maximum, uint64_t value) {
  uint64_t seen = maximum.load(std::memory_order_relaxed);
  while (seen < value && !maximum.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

/// Counts where the consumer's time goes: to waiting for batches, or to work between them.
class ConsumerTimes {
 public:
  explicit ConsumerTimes(EngineStats& stats) : stats_(stats) {}

  /// A call of Next() that returns now; `delivered` batches came before.
  void CountCall(Clock::time_point called, int64_t delivered) {
    const Clock::time_point now = Clock::now();
    Count(delivered == 0 ? stats_.startup_ns : stats_.waiting_ns, Nanoseconds(now - called));
    if (delivered > 0) Count(stats_.busy_ns, Nanoseconds(called - last_return_));
    last_return_ = now;
  }

 private:
  EngineStats& stats_;
  Clock::time_point last_return_;
};

}  // namespace fastinet
