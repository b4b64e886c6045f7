// Turns running out of memory into a Status. The core itself throws nothing, but its containers
// may.
#pragma once

#include <new>
#include <stdexcept>
#include <utility>

#include "base/status.h"

namespace fastinet {

/// What `work` returns, a Status or a Result; kOutOfMemory with `cause` when memory runs out in it.
/// Whoever starts threads calls this in them, since no exception may leave one. To say so takes no
/// memory.
template <class Work>
auto OrOutOfMemory(const char* cause, Work&& work) noexcept -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory(cause);
  } catch (const std::length_error&) {  // a container asked for more than any memory has
    return Status::OutOfMemory(cause);
  }
}

}  // namespace fastinet
