// Numbers from the gamma distribution, the same on every machine, for those of Dirichlet's and
// Beta's.
#pragma once

#include <cmath>
#include <cstdint>

#include "rng/normal.h"
#include "rng/philox.h"
#include "rng/portable_math.h"

namespace fastinet {

/// The shapes that LogOfGamma takes.
inline constexpr double kLeastGammaShape = 1e-3;
inline constexpr double kMostGammaShape = 1e4;

/// The logarithm of a number from the gamma distribution of this shape and of scale 1, since that
/// of a small shape may be too small for a double. Different numbers of a key are independent.
///
/// G. Marsaglia and W. W. Tsang, "A Simple Method for Generating Gamma Variables", ACM Transactions
/// on Mathematical Software 26 (3), 2000; below 1 by that of the next shape and a power of a
/// uniform number.
inline double LogOfGamma(double shape, PhiloxKey key, uint32_t number) {
  const auto uniform = [](uint32_t bits) { return (bits + 0.5) * 0x1p-32; };
  const bool is_small = shape < 1;
  const double d = (is_small ? shape + 1 : shape) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  double log_gamma = PortableLog(d);
  // Fewer than one in twenty are tried again, so that there is always an end before this one.
  constexpr uint32_t kAttempts = 64;
  for (uint32_t attempt = 0; attempt < kAttempts; ++attempt) {
    const PhiloxBlock bits = Philox4x32(key, {number, attempt, 0, 0});
    const double normal = StandardNormal(bits[0]), root = 1 + c * normal;
    if (root <= 0) continue;
    const double log_cube = 3 * PortableLog(root), cube = root * root * root;
    if (PortableLog(uniform(bits[1])) >= 0.5 * normal * normal + d - d * cube + d * log_cube) {
      continue;
    }
    log_gamma += log_cube;
    break;
  }
  if (!is_small) return log_gamma;
  const PhiloxBlock bits = Philox4x32(key, {number, 0, 1, 0});
  return log_gamma + PortableLog(uniform(bits[0])) / shape;
}

}  // namespace fastinet
