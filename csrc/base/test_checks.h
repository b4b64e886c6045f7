// What the C++ tests share: doctest, and how it shows this library's types. Only for tests and
// test_*.h.
#pragma once

#include <doctest/doctest.h>

#include <ostream>

#include "base/status.h"

namespace fastinet {

inline std::ostream& operator<<(std::ostream& out, const Status& status) {
  if (status.ok()) return out << "ok";
  return out << StatusCodeName(status.code()) << ": " << status.cause() << " @"
             << status.offset_bytes();
}

}  // namespace fastinet

/// Checks that a Status is a success, and shows it where it is none.
#define CHECK_OK(expression)                                      \
  do {                                                            \
    const auto status_ = ::fastinet::Status(expression);          \
    CHECK_MESSAGE(status_.ok(), #expression, " gives ", status_); \
  } while (false)
