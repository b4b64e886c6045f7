// How a fuzzer says that something does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fastinet::fuzz {

/// Ends the program with a word about what does not hold.
inline void Demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace fastinet::fuzz
