// Runs of the engine for Python: waiting that Ctrl-C interrupts, forks, closing.
#pragma once

#include <unistd.h>

#include <chrono>
#include <memory>
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

  /// What comes next, which is a batch, a failure, or the end. Keeps looking at signals while it
  /// waits; what came together with a signal is kept for the next call, so that a Ctrl-C loses no
  /// batch. Also without waiting: a signal that nobody has looked at by the return strikes there,
  /// where Python has the batch and its caller does not.
  Delivered Next() {
    if (!IsOfThisProcess()) Check(Status(StatusCode::kCancelled, after_fork_));
    if (interrupted_) return *std::exchange(interrupted_, std::nullopt);
    Delivered delivered = run_->Next(std::chrono::milliseconds(0));
    for (;;) {
      if (PyErr_CheckSignals() != 0) {
        if (!IsNotYet(delivered)) interrupted_ = std::move(delivered);
        throw py::error_already_set();
      }
      if (!IsNotYet(delivered)) return delivered;
      // The caller holds a reference to the Python object that this is a part of.
      delivered = WithoutGil([&] { return run_->Next(kSignalPeriod); });
    }
  }

  void Close() {
    if (!IsOfThisProcess()) return;  // the threads are the parent's
    interrupted_.reset();
    WithoutGil([&] {
      run_->Stop();
      return true;
    });
  }

  int64_t ReadyBatches() { return IsOfThisProcess() ? run_->ReadyBatches() : 0; }

  const Run& run() const { return *run_; }

 private:
  static constexpr std::chrono::milliseconds kSignalPeriod{50};

  static bool IsNotYet(Delivered& delivered) {
    return DeliveryIn(delivered).kind == Delivery::Kind::kNotYet;
  }

  bool IsOfThisProcess() const { return getpid() == process_; }

  const pid_t process_ = getpid();
  const std::string after_fork_;
  std::optional<Delivered> interrupted_;
  std::shared_ptr<Run> run_;
};

}  // namespace fastinet
