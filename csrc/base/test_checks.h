// What the C++ tests share: doctest, and how it shows this library's types. Only for tests and
// test_*.h.
#pragma once

#include <doctest/doctest.h>

#include <ostream>
#include <string_view>

#include "base/status.h"

namespace fastinet {

inline std::ostream& operator<<(std::ostream& out, const Status& status) {
  if (status.ok()) return out << "ok";
  return out << StatusCodeName(status.code()) << ": " << status.cause() << " @"
             << status.offset_bytes();
}

/// Refused as an argument that makes no sense, with `why` in the message.
inline void ExpectRefused(const Status& status, std::string_view why) {
  CHECK_MESSAGE(status.code() == StatusCode::kInvalidArgument, why);
  CHECK_MESSAGE(status.cause().find(why) != std::string_view::npos, status.cause(), " for ", why);
}

}  // namespace fastinet

/// Checks that a Status is a success, and shows it where it is none.
#define CHECK_OK(expression)                                      \
  do {                                                            \
    const auto status_ = ::fastinet::Status(expression);          \
    CHECK_MESSAGE(status_.ok(), #expression, " gives ", status_); \
  } while (false)
