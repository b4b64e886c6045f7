#include "engine/worker_pool.h"

#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <signal.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "engine/fork_safe.h"

namespace fastinet {
namespace {

/// While it lives, threads that are started take no signals: Ctrl-C belongs to the host program's
/// own threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

void NameThisThread() {
#ifdef __linux__
  pthread_setname_np(pthread_self(), "fastinet");
#elif defined(__APPLE__)
  pthread_setname_np("fastinet");
#endif
}

#ifdef __linux__

Status BindToCpus(std::thread& thread, std::span<const int> cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) {
      return InvalidArgument("there is no CPU " + std::to_string(cpu));
    }
    CPU_SET(cpu, &set);
  }
  const int error_number = pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set);
  if (error_number == 0) return {};
  return InvalidArgument("cannot bind a worker thread to its CPUs: " +
                         std::generic_category().message(error_number));
}

#else

Status BindToCpus(std::thread&, std::span<const int>) {
  return Unsupported("this system does not bind threads to CPUs; leave affinity out");
}

#endif

}  // namespace

Result<std::shared_ptr<WorkerPool>> WorkerPool::Start(int threads, std::span<const int> cpus) {
  std::shared_ptr<WorkerPool> pool =
      ShareWithinProcess(std::unique_ptr<WorkerPool>(new WorkerPool));
  const SignalsBlocked blocked;
  try {
    for (int i = 0; i < std::max(threads, 1); ++i) {
      // Made here, where a lack of memory can still be reported: no exception may leave a thread.
      const auto worker = std::make_shared<Worker>();
      worker->number = static_cast<size_t>(i);
      pool->threads_.emplace_back([raw = pool.get(), worker] { raw->Work(*worker); });
    }
  } catch (const std::system_error& error) {
    return Status(StatusCode::kIo, "cannot start worker thread " +
                                       std::to_string(pool->threads_.size() + 1) + " of " +
                                       std::to_string(threads) + ": " + error.what());
  }
  for (std::thread& thread : pool->threads_) {
    if (!cpus.empty()) FASTINET_RETURN_IF_ERROR(BindToCpus(thread, cpus));
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Add(WorkSource& source) {
  {
    const std::lock_guard lock(mutex_);
    sources_.push_back(std::make_unique<Visited>(Visited{.source = &source}));
    source_count_ = sources_.size();
  }
  work_.notify_all();
}

void WorkerPool::Remove(WorkSource& source) {
  std::unique_lock lock(mutex_);
  const auto found = std::ranges::find(
      sources_, &source, [](const std::unique_ptr<Visited>& visited) { return visited->source; });
  if (found == sources_.end()) return;
  // Out of the list nobody new comes in; who is inside still leaves by this record.
  const std::unique_ptr<Visited> removed = std::move(*found);
  sources_.erase(found);
  source_count_ = sources_.size();
  leave_.wait(lock, [&] { return removed->visitors == 0; });
}

void WorkerPool::Wake() {
  // A worker that has just found nothing to do holds the lock until it sleeps; passing through the
  // lock makes sure that it hears the call.
  {
    const std::lock_guard lock(mutex_);
  }
  // One is enough, since each wakes the next: calling all of them costs the caller, who is somebody
  // in next(), some microseconds for every thread.
  work_.notify_one();
}

WorkerPool::Visited* WorkerPool::PickSource() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    turn_ = (turn_ + 1) % sources_.size();
    if (sources_[turn_]->source->HasWork()) return sources_[turn_].get();
  }
  return nullptr;
}

void WorkerPool::Work(Worker& worker) {
  NameThisThread();
  std::unique_lock lock(mutex_);
  for (;;) {
    Visited* visited = nullptr;
    bool woken = false;
    while (!stopping_ && (visited = PickSource()) == nullptr) {
      work_.wait(lock);
      woken = true;
    }
    if (stopping_ || visited == nullptr) return;
    ++visited->visitors;
    lock.unlock();
    if (woken) work_.notify_one();  // who finds no work wakes nobody, and there it ends
    // A source that is alone keeps its visitors; several share them item by item.
    while (visited->source->RunOne(worker) && source_count_ == 1 && !stopping_) {
    }
    lock.lock();
    if (--visited->visitors == 0) leave_.notify_all();
  }
}

}  // namespace fastinet
