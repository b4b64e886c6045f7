// Memory that runs out when a test says so. Replaces the operator new of the program that includes
// it, so only one file of a program may.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace fastinet::test {

inline std::atomic<int64_t> allocations = 0;  // since the last Shortage began
inline std::atomic<int64_t> first_failing = INT64_MAX, end_failing = INT64_MAX;

/// Set in a thread that has memory whatever the others lack.
inline thread_local bool has_memory = false;

/// While it lives, the allocations of this number on fail, on all threads that have no memory of
/// their own: that one alone, or all that follow too.
class Shortage {
 public:
  Shortage(int64_t first, bool lasts) {
    allocations = 0;
    end_failing = lasts ? INT64_MAX : first + 1;
    first_failing = first;
  }
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;
  ~Shortage() { first_failing = INT64_MAX; }
};

/// Calls `attempt(n, lasts)` for n = 0, 1, ... until it needs no more than n allocations, which it
/// tells by returning false: with a shortage of the n-th alone, and with one that lasts.
template <class Attempt>
void ForEveryShortage(Attempt attempt) {
  for (const bool lasts : {false, true}) {
    for (int64_t n = 0; attempt(n, lasts); ++n) {
      if (n == 100'000) std::abort();  // it does not say when it has enough
    }
  }
}

/// malloc, but for a shortage.
[[gnu::noinline]] inline void* Allocate(std::size_t size) noexcept {
  if (!has_memory) {
    const int64_t number = allocations.fetch_add(1);
    if (number >= first_failing && number < end_failing) return nullptr;
  }
  return std::malloc(size == 0 ? 1 : size);
}

[[gnu::noinline]] inline void* AllocateOrThrow(std::size_t size) {
  void* const memory = Allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

[[gnu::noinline]] inline void Free(void* memory) noexcept { std::free(memory); }

}  // namespace fastinet::test

// Those for types of a larger alignment stay as they are. Replacements may not be inline
// ([replacement.functions] in the C++ standard), and only one file of a program includes this.
// NOLINTBEGIN(misc-definitions-in-headers)
void* operator new(std::size_t size) { return fastinet::test::AllocateOrThrow(size); }
void* operator new[](std::size_t size) { return fastinet::test::AllocateOrThrow(size); }
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return fastinet::test::Allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return fastinet::test::Allocate(size);
}
void operator delete(void* memory) noexcept { fastinet::test::Free(memory); }
void operator delete[](void* memory) noexcept { fastinet::test::Free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { fastinet::test::Free(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  fastinet::test::Free(memory);
}
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  fastinet::test::Free(memory);
}
void operator delete[](void* memory, const std::nothrow_t& /*tag*/) noexcept {
  fastinet::test::Free(memory);
}
// NOLINTEND(misc-definitions-in-headers)
