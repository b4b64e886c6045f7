// Threads that take one item at a time, from whichever epoch has one to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "item/item.h"
#include "label_map/label_map.h"

namespace fastinet {

/// A worker's memory for the encoded bytes of the item in hand.
class ReadBuffer {
 public:
  /// Room for `size` bytes, uninitialised, valid until the next call.
  MutableBytes Reserve(size_t size);
  /// Gives back memory that one unusually large item needed, so that it is not kept for good.
  void Trim();

 private:
  // Above the largest of ImageNet's training images (15 MB) and well inside the 30 MB that a thread
  // may keep.
  static constexpr size_t kKeptBytes = size_t{16} << 20;

  std::unique_ptr<uint8_t[]> bytes_;
  size_t capacity_ = 0;
};

/// What a thread keeps from item to item.
struct Worker {
  size_t number = 0;  // in its pool
  ItemRenderer renderer{StageTimes::kOn};
  ReadBuffer bytes;
  std::vector<Crop> crops;  // of the item in hand, one a view
  LabelPooler label_pooler;
  std::vector<float> label_map;  // of the item in hand
};

/// Something that has items to do, one at a time.
class WorkSource {
 public:
  virtual ~WorkSource() = default;
  /// Whether RunOne would find an item now. Called under the pool's lock.
  virtual bool HasWork() const = 0;
  /// Takes the next item and does it; false when there was none. Called by many threads at once.
  virtual bool RunOne(Worker& worker) = 0;

 private:
  friend class WorkerPool;
  int visitors_ = 0;  // workers inside RunOne; guarded by the pool's mutex
};

/// A fixed number of threads, shared by any number of work sources in turn.
class WorkerPool {
 public:
  /// Starts `threads` threads (at least 1), which run on `cpus` only unless that is empty. Fails
  /// with kIo when the system refuses a thread, with kInvalidArgument when it refuses the CPUs, and
  /// with kUnsupported where threads cannot be bound to CPUs.
  static Result<std::shared_ptr<WorkerPool>> Start(int threads, std::span<const int> cpus = {});
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// Stops the threads, each after the item in hand.
  ~WorkerPool();

  /// Lets workers visit `source`, which must stay alive until Remove.
  void Add(WorkSource& source);
  /// Returns when no worker is inside `source` and none will be again. Takes as long as the items
  /// in hand, so make HasWork and RunOne answer no first.
  void Remove(WorkSource& source);
  /// Call after a source has got new work: as many workers as there is work for are woken.
  void Wake();

  int threads() const { return static_cast<int>(threads_.size()); }

 private:
  WorkerPool() = default;
  void Work(size_t number);
  WorkSource* PickSource();

  std::mutex mutex_;
  std::condition_variable work_;   // there is work, or the pool stops
  std::condition_variable leave_;  // a source has lost its last visitor
  std::vector<WorkSource*> sources_;
  size_t turn_ = 0;  // where PickSource begins, so that sources take turns
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> source_count_ = 0;  // sources_.size(), readable without the lock
  std::vector<std::thread> threads_;
};

}  // namespace fastinet
