// Threads that take one item at a time, from whichever epoch has one to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/status.h"
#include "engine/work_source.h"

namespace fastinet {

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
  /// A source that workers may visit, and how many are in its RunOne.
  struct Visited {
    WorkSource* source;
    int visitors = 0;
  };

  WorkerPool() = default;
  void Work(Worker& worker);
  Visited* PickSource();

  std::mutex mutex_;
  std::condition_variable work_;   // there is work, or the pool stops
  std::condition_variable leave_;  // a source has lost its last visitor
  std::vector<std::unique_ptr<Visited>> sources_;
  size_t turn_ = 0;  // where PickSource begins, so that sources take turns
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> source_count_ = 0;  // sources_.size(), readable without the lock
  std::vector<std::thread> threads_;
};

}  // namespace fastinet
