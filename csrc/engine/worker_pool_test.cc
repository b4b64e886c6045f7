// The pool: sources that share it, who is woken, and who has left when a source is removed.
#include "engine/worker_pool.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

std::shared_ptr<WorkerPool> Pool(int threads) { return WorkerPool::Start(threads).value(); }

class CountedWork final : public WorkSource {
 public:
  explicit CountedWork(int64_t items) : left_(items) {}
  bool HasWork() const override { return left_ > 0; }
  bool RunOne(Worker& /*worker*/) noexcept override {
    ++inside_;
    const bool had_one = left_.fetch_sub(1) > 0;
    if (had_one) ++done_;
    --inside_;
    return had_one;
  }
  std::atomic<int64_t> left_;
  std::atomic<int64_t> done_ = 0;
  std::atomic<int64_t> inside_ = 0;
};

TEST_CASE("one pool serves many sources of work") {
  const auto pool = Pool(4);
  std::vector<std::unique_ptr<CountedWork>> sources;
  for (int i = 0; i < 20; ++i) {
    sources.push_back(std::make_unique<CountedWork>(500));
    pool->Add(*sources.back());
  }
  for (const auto& source : sources) {
    while (source->done_ < 500) std::this_thread::yield();
  }
  sources[3]->left_ = 300;  // new work wakes those who sleep
  pool->Wake();
  while (sources[3]->done_ < 800) std::this_thread::yield();
  for (const auto& source : sources) pool->Remove(*source);
}

/// Every item waits until each worker has one.
class JointWork final : public WorkSource {
 public:
  explicit JointWork(int workers) : workers_(workers), together_(workers + 1) {}
  /// Returns when each worker has an item.
  void DoOneEach(WorkerPool& pool) {
    left_ = workers_;
    pool.Wake();
    together_.arrive_and_wait();
  }
  bool HasWork() const override { return left_ > 0; }
  bool RunOne(Worker& /*worker*/) noexcept override {
    int left = left_;
    do {
      if (left == 0) return false;
    } while (!left_.compare_exchange_weak(left, left - 1));
    together_.arrive_and_wait();
    return true;
  }

 private:
  const int workers_;
  std::barrier<> together_;
  std::atomic<int> left_ = 0;
};

TEST_CASE("waking reaches as many workers as there is work for") {
  const auto pool = Pool(6);
  JointWork work(6);
  pool->Add(work);
  for (int turn = 0; turn < 100; ++turn) {
    if (turn % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // all asleep
    work.DoOneEach(*pool);
  }
  pool->Remove(work);
}

TEST_CASE("removing a source waits for the workers in it") {
  const auto pool = Pool(4);
  for (int turn = 0; turn < 200; ++turn) {
    auto source = std::make_unique<CountedWork>(1'000'000);
    pool->Add(*source);
    while (source->done_ == 0) std::this_thread::yield();
    source->left_ = 0;
    pool->Remove(*source);
    REQUIRE(source->inside_ == 0);
  }
}

}  // namespace
}  // namespace fastinet
