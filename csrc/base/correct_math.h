// Exponential, logarithm, sine and cosine that give the same bits on every machine: those of the
// double that is nearest to the true value. What C libraries give differs in the last bit from one
// to the other, and, with glibc, between processors with fused operations and those without.
//
// Only operations that IEEE 754 rounds correctly are used (+, -, *, /), and scaling by powers of
// two; the core is compiled without contraction to fused ones. Values are found to some 2^-100 of
// their size. So, of arguments that are not chosen to be hard, one in 2^46 or so is rounded to the
// neighbour of the nearest double, on all machines alike.
#pragma once

namespace fastinet {

/// e to the power of a number that is not NaN. Results below the least normal double may be rounded
/// twice.
double CorrectExp(double power);

/// The natural logarithm of a positive and finite number.
double CorrectLog(double value);

/// Of an angle in radians, of 2^20 at most either way.
struct SineAndCosine {
  double sine;
  double cosine;
};
SineAndCosine CorrectSineAndCosine(double radians);

}  // namespace fastinet
