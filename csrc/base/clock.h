// Time as statistics count it.
#pragma once

#include <chrono>
#include <cstdint>

namespace fastinet {

using Clock = std::chrono::steady_clock;

inline uint64_t Nanoseconds(Clock::duration duration) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

inline uint64_t NanosecondsSince(Clock::time_point start) {
  return Nanoseconds(Clock::now() - start);
}

}  // namespace fastinet
