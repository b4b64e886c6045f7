// What the C++ tests share: checks that say what they saw. Only for *_test.cc and fuzzers.
//
//     int main() {
//       EXPECT(Works());
//       EXPECT_EQ(Answer(), 42);
//       return fastinet::test::Verdict();
//     }
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>

#include "base/status.h"

namespace fastinet::test {

inline int& FailureCount() {
  static int count = 0;
  return count;
}

/// Exit status of a test program; says how many checks failed.
inline int Verdict() {
  if (FailureCount() > 0) std::fprintf(stderr, "%d checks failed\n", FailureCount());
  return FailureCount() > 0 ? 1 : 0;
}

/// Counts a failure and prints it; after the twentieth only counts.
inline void Fail(const char* file, int line, const std::string& what) {
  if (++FailureCount() <= 20) std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
}

template <class T>
std::string Shown(const T& value) {
  std::ostringstream out;
  if constexpr (requires { out << value; }) {
    out << value;
  } else {
    out << "a value of " << sizeof(T) << " bytes";
  }
  return out.str();
}

inline std::string Shown(const Status& status) {
  if (status.ok()) return "ok";
  return std::string(StatusCodeName(status.code())) + ": " + std::string(status.cause()) + " @" +
         std::to_string(status.offset_bytes());
}

}  // namespace fastinet::test

/// Further arguments are printed with a failure: EXPECT(ok, "image ", name).
#define EXPECT(condition, ...)                                                                   \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      std::string context_;                                                                      \
      [&](const auto&... parts) {                                                                \
        ((context_ += ::fastinet::test::Shown(parts)), ...);                                     \
      }(__VA_ARGS__);                                                                            \
      ::fastinet::test::Fail(                                                                    \
          __FILE__, __LINE__,                                                                    \
          std::string("not so: " #condition) + (context_.empty() ? "" : " (" + context_ + ")")); \
    }                                                                                            \
  } while (false)

/// Ends the program where it does not hold: for what the rest of a test builds upon.
#define REQUIRE(condition)                                               \
  do {                                                                   \
    if (!(condition)) {                                                  \
      ::fastinet::test::Fail(__FILE__, __LINE__, "not so: " #condition); \
      std::exit(1);                                                      \
    }                                                                    \
  } while (false)

#define EXPECT_EQ(actual, expected)                                                           \
  do {                                                                                        \
    const auto& actual_ = (actual);                                                           \
    const auto& expected_ = (expected);                                                       \
    if (!(actual_ == expected_)) {                                                            \
      ::fastinet::test::Fail(__FILE__, __LINE__,                                              \
                             std::string(#actual " is ") + ::fastinet::test::Shown(actual_) + \
                                 ", not " + ::fastinet::test::Shown(expected_));              \
    }                                                                                         \
  } while (false)

#define EXPECT_OK(expression)                                                                   \
  do {                                                                                          \
    const ::fastinet::Status status_ = (expression);                                            \
    if (!status_.ok()) {                                                                        \
      ::fastinet::test::Fail(__FILE__, __LINE__,                                                \
                             std::string(#expression ": ") + ::fastinet::test::Shown(status_)); \
    }                                                                                           \
  } while (false)
