// A loop over indices on a few threads of its own, for work outside an epoch.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace fastinet {

/// Calls body(i) for every i < count, each exactly once, on up to `threads` threads, this one among
/// them. Every thread has a body of its own, from `make_body`, with buffers of its own.
///
/// What a body throws ends the loop, and is thrown here when no thread is in it any more: no
/// exception may leave a thread, and to pass it on takes no memory.
template <class MakeBody>
void ForEachInParallel(size_t count, int threads, MakeBody make_body) {
  const size_t wanted = std::min(static_cast<size_t>(std::max(threads, 1)), count);
  std::vector<decltype(make_body())> bodies;
  bodies.reserve(wanted);
  while (bodies.size() < wanted) bodies.push_back(make_body());

  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr thrown;  // guarded by mutex: the first
  const auto work = [&](size_t thread) noexcept {
    try {
      for (size_t i = next++; i < count; i = next++) bodies[thread](i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!thrown) thrown = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;  // joined when they go out of scope
    try {
      helpers.reserve(wanted);
      for (size_t thread = 1; thread < wanted; ++thread) helpers.emplace_back(work, thread);
    } catch (const std::system_error&) {
      // The system has no more threads to give: those that there are do the work.
    } catch (const std::bad_alloc&) {
      // Nor has it memory for one.
    }
    if (wanted > 0) work(0);
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace fastinet
