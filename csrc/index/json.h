// JSON (RFC 8259) as Python's json module writes it: the header of an index, and states.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace fastinet {

/// A value of a JSON text.
struct Json {
  enum class Kind : uint8_t { kNull, kBool, kInteger, kReal, kText, kArray, kObject };

  Kind kind = Kind::kNull;
  bool truth = false;
  bool negative = false;   // of an integer,
  uint64_t magnitude = 0;  // whose absolute value this is
  /// UTF-8, or the very bytes of a name that is none, which Python writes as lone surrogates; of a
  /// kReal, its spelling.
  std::string text;
  std::vector<Json> elements;      // of an array; of an object the values of its members,
  std::vector<std::string> names;  // which are called so

  /// Fails with kCorrupt where `text` is no JSON, is nested deeper than 32 levels, or has so many
  /// values that they are no header; with the byte.
  static Result<Json> Parse(std::string_view text);

  /// The member of this name, the last where there are several; null where there is none, or this
  /// is no object.
  const Json* Find(std::string_view name) const;
  /// The integer that this is, if it is one from 0 to 2^64 - 1, or in the second, to 2^63 - 1.
  std::optional<uint64_t> Unsigned() const;
  std::optional<int64_t> Count() const;
};

}  // namespace fastinet
