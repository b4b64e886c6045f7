// Turns running out of memory into a Status. The core itself throws nothing, but its containers
// may.
#pragma once

#include <new>
#include <utility>

#include "base/status.h"

namespace fastinet {

/// What `work` returns, a Status or a Result; kTooLarge with `cause` when memory runs out in it.
/// Whoever starts threads calls this in them, since no exception may leave one.
template <class Work>
auto OrOutOfMemory(const char* cause, Work&& work) -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::bad_alloc&) {
    return TooLarge(cause);
  }
}

}  // namespace fastinet
