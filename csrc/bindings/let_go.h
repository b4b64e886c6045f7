// What Python owns and anybody may let go of: in threads that Python does not know, under locks,
// and while the interpreter ends.
#pragma once

#include <Python.h>

#include <atomic>

namespace fastinet {

/// Something that holds Python objects. Not to be deleted but by LetGo().
class HoldsPython {
 public:
  HoldsPython() = default;
  HoldsPython(const HoldsPython&) = delete;
  HoldsPython& operator=(const HoldsPython&) = delete;
  virtual ~HoldsPython() = default;

 private:
  friend void LetGo(HoldsPython* held) noexcept;
  friend void DropLetGo() noexcept;

  HoldsPython* next_ = nullptr;  // of those that were let go of
};

/// Those that were let go of without the GIL, the last one first. It is of the process, as the GIL
/// is, and needs no destruction, which might come before the last of them does.
inline constinit std::atomic<HoldsPython*> let_go = nullptr;

/// Whether this thread may touch Python objects.
inline bool HasGil() noexcept {
  if (Py_IsInitialized() == 0) return false;
#if PY_VERSION_HEX >= 0x030D0000
  PyThreadState* const current = PyThreadState_GetUnchecked();
#else
  PyThreadState* const current = _PyThreadState_UncheckedGet();
#endif
  return current != nullptr && current == PyGILState_GetThisThreadState();
}

/// Deletes what was let go of. With the GIL.
inline void DropLetGo() noexcept {
  // What is deleted may let go of more, at once or by a later call.
  HoldsPython* held = let_go.exchange(nullptr, std::memory_order_acquire);
  while (held != nullptr) {
    HoldsPython* const next = held->next_;
    delete held;
    held = next;
  }
}

/// Deletes `held` where this thread has the GIL. Otherwise the next call from Python that waits for
/// the engine does: to ask for the GIL here would wait for whoever has it, who may wait for a lock
/// of the caller's; and when the interpreter is about to end, CPython ends threads that ask.
inline void LetGo(HoldsPython* held) noexcept {
  if (HasGil()) {
    delete held;
    return;
  }
  held->next_ = let_go.load(std::memory_order_relaxed);
  while (!let_go.compare_exchange_weak(held->next_, held, std::memory_order_release,
                                       std::memory_order_relaxed)) {
  }
}

}  // namespace fastinet
