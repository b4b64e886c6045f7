// Normally distributed numbers from random bits, the same on every machine.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "rng/portable_math.h"

namespace fastinet {

/// The polynomial with these coefficients, that of the highest power first.
template <size_t kCount>
constexpr double Polynomial(const std::array<double, kCount>& coefficients, double x) {
  double sum = coefficients[0];
  for (size_t i = 1; i < kCount; ++i) sum = sum * x + coefficients[i];
  return sum;
}

// Algorithm AS 241 (PPND16) of M. J. Wichura, "The Percentage Points of the Normal Distribution",
// Applied Statistics 37 (3), 1988, with a relative accuracy of about 1e-16: one formula for the
// probabilities within kCentre of a half, and one for those beyond. Its third is for probabilities
// below exp(-25), and 2^-33 is none.
inline constexpr double kCentre = 0.425;
inline constexpr std::array<double, 8> kCentreNumerator = {
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
inline constexpr std::array<double, 8> kCentreDenominator = {
    5226.495278852854561,  28729.085735721942674, 39307.89580009271061,  21213.794301586595867,
    5394.1960214247511077, 687.1870074920579083,  42.313330701600911252, 1};
inline constexpr std::array<double, 8> kTailNumerator = {
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258,    3.64784832476320460504,    5.76949722146069140550,
    4.63033784615654529590,    1.42343711074968357734};
inline constexpr std::array<double, 8> kTailDenominator = {
    1.05075007164441684324e-9, 5.47593808499534494600e-4,
    1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940,
    2.05319162663775882187,    1};

/// The probability that random bits stand for, (bits + 0.5) / 2^32, less a half; exact.
constexpr double FromCentre(uint32_t bits) { return (bits + 0.5) * 0x1p-32 - 0.5; }

/// A number from the normal distribution of mean 0 and standard deviation 1: its quantile at
/// (bits + 0.5) / 2^32. Strictly increasing in `bits`; `~bits` gives the number of the other sign.
/// The largest is about 6.34.
inline double StandardNormal(uint32_t bits) {
  const double from_centre = FromCentre(bits);
  if (std::abs(from_centre) <= kCentre) {
    const double r = 0.180625 - from_centre * from_centre;
    return Polynomial(kCentreNumerator, r) * from_centre / Polynomial(kCentreDenominator, r);
  }
  const double tail = 0.5 - std::abs(from_centre);  // exact, too
  const double r = std::sqrt(-PortableLog(tail)) - 1.6;
  const double quantile = Polynomial(kTailNumerator, r) / Polynomial(kTailDenominator, r);
  return std::copysign(quantile, from_centre);
}

}  // namespace fastinet
