// Logarithm and exponential that give the same bits on every machine. What libm gives differs in
// the last bit between C libraries, and what is drawn from random bits must not.
//
// Only operations that IEEE 754 rounds correctly are used (+, -, *, /), and scaling by powers of
// two; the core is compiled without contraction to fused ones.
#pragma once

#include <cmath>

namespace fastinet {

// ln 2 in two parts, as fdlibm has them: the first has so many zeros at its end that its product
// with any exponent is exact.
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

inline constexpr double kHalfSqrt = 0x1.6a09e667f3bcdp-1;  // sqrt(1/2)

/// The natural logarithm of a positive, finite and normal number, to within some 2 units in the
/// last place.
inline double PortableLog(double value) {
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent);  // 0.5 to 1
  if (mantissa < kHalfSqrt) {
    mantissa *= 2;
    --exponent;
  }
  // log(m) = 2 artanh(s), and s^2 < 0.0295, so that what follows the last term is below 2^-60 of
  // the sum.
  const double s = (mantissa - 1) / (mantissa + 1);
  const double square = s * s;
  double sum = 1.0 / 21;
  for (int odd = 19; odd >= 3; odd -= 2) sum = sum * square + 1.0 / odd;
  const double log_mantissa = 2 * (s + s * (square * sum));
  return exponent * kLn2High + (exponent * kLn2Low + log_mantissa);
}

/// e to the power of a number of absolute value 700 at most, to within some 2 units in the last
/// place.
inline double PortableExp(double power) {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  const double count = std::floor(power * kLog2E + 0.5);
  const double rest = (power - count * kLn2High) - count * kLn2Low;
  // |rest| < 0.3467: what follows the last term of the series is below 2^-57.
  double sum = 1;
  for (int factor = 13; factor >= 1; --factor) sum = 1 + rest / factor * sum;
  return std::ldexp(sum, static_cast<int>(count));
}

}  // namespace fastinet
