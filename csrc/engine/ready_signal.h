// Tells an event loop, by a file descriptor, that a batch may be had.
#pragma once

#include <mutex>

#include "base/status.h"

namespace fastinet {

/// A descriptor that becomes readable when there is something new, for programs that wait for many
/// things at once (poll, epoll, asyncio) and may not wait in Next().
///
/// The level is a hint and loses nothing: who wants to wait calls Clear(), then asks whether there
/// is an answer, and waits for the descriptor only if there is none. Whatever comes after Clear()
/// makes it readable. Of several that wait, each waits on a duplicate of its own; who takes an
/// answer raises the signal again, for the others. All methods may be called by any thread.
class ReadySignal {
 public:
  ReadySignal() = default;
  ~ReadySignal();
  ReadySignal(const ReadySignal&) = delete;
  ReadySignal& operator=(const ReadySignal&) = delete;

  /// The descriptor to wait on, open as long as this object lives, and made by the first call:
  /// until then nothing is done but to look whether there is one. Fails with kIo when the system
  /// has no descriptor left.
  Result<int> Descriptor();
  /// Makes the descriptor readable, until Clear().
  void Raise() noexcept;
  void Clear() noexcept;

 private:
  std::mutex mutex_;
  bool raised_ = false;
  int read_end_ = -1;
  int write_end_ = -1;
};

}  // namespace fastinet
