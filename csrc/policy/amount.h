// Numbers that an operation draws: where they come from, and what becomes of them.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/status.h"

namespace fastinet {

/// How one argument of a step is drawn. The C++ twin of fastinet.augment.amounts.Amount.
///
/// A number x comes from `source`. Magnitudes of policies become arguments in a few arithmetic
/// operations, whose order the last bit depends on: x / divisor * factor, its whole part if
/// `truncate` says so, at most `ceiling`, negated half of the time if `random_sign` says so, times
/// `scale`, added to `offset` or subtracted from it, at least `floor`.
struct Amount {
  enum class Source : uint8_t {
    kUniform,  // from low to high, cut at limit; always the same number where they are equal
    kValues,   // one of `values`, each alike
    kNormal,   // normal with mean `low` and standard deviation `high`, cut to 0 .. limit
  };

  Source source = Source::kUniform;
  double low = 0, high = 0;
  std::vector<double> values{};
  double limit = std::numeric_limits<double>::infinity();

  double divisor = 1, factor = 1;
  bool truncate = false;
  double ceiling = std::numeric_limits<double>::infinity();
  bool random_sign = false;
  double scale = 1;
  double offset = 0;
  bool subtract = false;
  double floor = -std::numeric_limits<double>::infinity();

  /// The number that `constant` always is.
  static Amount Constant(double constant) { return {.low = constant, .high = constant}; }

  /// Refuses numbers that are none, empty ranges, and ranges without an end.
  Status Validate() const;

  /// Whether it takes random bits.
  bool IsRandom() const;

  /// The argument that these random bits give; half of all `sign_bits` negate it.
  double Draw(uint32_t bits, uint32_t sign_bits) const;

  /// All arguments lie from the first of these to the second, and both can come up.
  std::array<double, 2> Range() const;

 private:
  double ArgumentOf(double number, bool negate) const;
};

}  // namespace fastinet
