// Size arithmetic that cannot wrap: every size computed from untrusted bytes goes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace fastinet {

/// a + b, or nothing when the sum does not fit.
template <class T>
[[nodiscard]] inline std::optional<T> CheckedAdd(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// a * b, or nothing when the product does not fit.
template <class T>
[[nodiscard]] inline std::optional<T> CheckedMul(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// `value` rounded up to a multiple of `unit` (a power of two), or nothing when that does not fit.
template <class T>
[[nodiscard]] inline std::optional<T> CheckedRoundUp(T value, T unit) {
  const auto padded = CheckedAdd<T>(value, unit - 1);
  if (!padded) return std::nullopt;
  return *padded & ~(unit - 1);
}

/// ceil(a / b) for positive b and non-negative a.
template <class T>
constexpr T CeilDiv(T a, T b) {
  return (a / b) + (a % b != 0 ? 1 : 0);
}

}  // namespace fastinet
