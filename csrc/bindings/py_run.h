// Runs of the engine for Python: waiting that Ctrl-C interrupts, forks, closing.
#pragma once

#include <unistd.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bindings/python_values.h"
#include "engine/epoch_run.h"
#include "engine/fork_safe.h"
#include "engine/stream_run.h"

namespace fastinet {

inline Delivery& DeliveryIn(Delivery& delivered) { return delivered; }
inline Delivery& DeliveryIn(StreamDelivery& delivered) { return delivered.delivery; }

/// An EpochRun or a StreamRun, which belongs to the process that began it.
template <class Run>
class PyRun {
 public:
  using Delivered = decltype(std::declval<Run&>().Next(std::chrono::milliseconds()));

  /// `after_fork` says to a child process, which has no threads of the run, what it is to do.
  PyRun(std::unique_ptr<Run> run, std::string_view after_fork)
      : after_fork_(after_fork), run_(ShareWithinProcess(std::move(run))) {}

  /// The next batch; nothing at the end. Raises a failure as the Python exception for it. Where it
  /// is that of an item, `member_of` tells the item's name from the delivery.
  template <class MemberOf>
  std::optional<Delivered> NextBatch(const MemberOf& member_of) {
    Delivered delivered = Wait();
    Delivery& delivery = DeliveryIn(delivered);
    if (delivery.kind == Delivery::Kind::kEnd) return std::nullopt;
    if (delivery.kind == Delivery::Kind::kBatch) return delivered;
    if (delivery.failed_item < 0) Raise(delivery.error);
    Raise(std::move(delivery.error).InMember(member_of(delivered)));
  }

  void Close() {
    if (!IsOfThisProcess()) return;  // the threads are the parent's
    static_cast<void>(TakeInterrupted());
    WithoutGil([&] {
      run_->Stop();
      return true;
    });
  }

  int64_t ReadyBatches() { return IsOfThisProcess() ? run_->ReadyBatches() : 0; }

  /// Whether NextBatch() would not wait: it then has a batch, the end, or a failure to raise.
  bool HasAnswer() { return !IsOfThisProcess() || IsInterrupted() || run_->HasAnswer(); }
  /// What to wait on until it may be otherwise; -1 in a forked child, which has its answer.
  int ReadyDescriptor() {
    return IsOfThisProcess() ? Unwrap(run_->ready_signal().Descriptor()) : -1;
  }

  const Run& run() const { return *run_; }

 private:
  static constexpr std::chrono::milliseconds kSignalPeriod{50};

  /// What comes next: a batch, a failure, or the end. Looks for signals before it returns and all
  /// the while that it waits; what came together with a signal is kept for the next call, so that a
  /// Ctrl-C loses no batch. Without a look before the return, Python would raise KeyboardInterrupt
  /// right after it, when the batch has left here and its caller does not have it yet.
  Delivered Wait() {
    DropLetGo();
    if (!IsOfThisProcess()) Check(Status(StatusCode::kCancelled, after_fork_));
    if (std::optional<Delivered> kept = TakeInterrupted()) return *std::move(kept);
    Delivered delivered = run_->Next(std::chrono::milliseconds(0));
    for (;;) {
      if (PyErr_CheckSignals() != 0) {
        if (!IsNotYet(delivered)) KeepInterrupted(std::move(delivered));
        throw py::error_already_set();
      }
      if (!IsNotYet(delivered)) return delivered;
      // The caller holds a reference to the Python object that this is a part of.
      delivered = WithoutGil([&] { return run_->Next(kSignalPeriod); });
    }
  }

  std::optional<Delivered> TakeInterrupted() {
    const std::lock_guard lock(mutex_);
    return std::exchange(interrupted_, std::nullopt);
  }
  /// There is none yet: signals are looked at by the main thread alone, and that took the one there
  /// was before it waited.
  void KeepInterrupted(Delivered delivered) {
    const std::lock_guard lock(mutex_);
    interrupted_ = std::move(delivered);
  }
  bool IsInterrupted() {
    const std::lock_guard lock(mutex_);
    return interrupted_.has_value();
  }

  static bool IsNotYet(Delivered& delivered) {
    return DeliveryIn(delivered).kind == Delivery::Kind::kNotYet;
  }

  bool IsOfThisProcess() const { return getpid() == process_; }

  const pid_t process_ = getpid();
  const std::string after_fork_;
  std::mutex mutex_;
  std::optional<Delivered> interrupted_;  // under mutex_
  std::shared_ptr<Run> run_;
};

}  // namespace fastinet
