// A loop over indices on a few threads of its own, for work outside an epoch.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace fastinet {

/// Calls body(i) for every i < count, each exactly once, on up to `threads` threads, this one among
/// them. `make_body` is called once on each thread and may give its body buffers of its own.
template <class MakeBody>
void ForEachInParallel(size_t count, int threads, MakeBody make_body) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    auto body = make_body();
    for (size_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::jthread> helpers;  // joined when they go out of scope
  try {
    const size_t wanted = std::min(static_cast<size_t>(std::max(threads, 1)), count);
    while (helpers.size() + 1 < wanted) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // The system has no more threads to give: those that there are do the work.
  }
  work();
}

}  // namespace fastinet
