#include "rng/normal_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/simd_targets.h"
#include "rng/normal.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rng/normal_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, 8>;
using Vec = hn::Vec<Doubles>;

/// Numbers that are made together, so that all of them stay in the nearest cache.
constexpr size_t kChunk = 256;
using Chunk = std::array<double, kChunk + 8>;  // and a vector beyond, which is read and written

// The same operations in the same order as in normal.h and portable_math.h, and so the same bits.

template <size_t kCount>
HWY_INLINE Vec PolynomialOf(const std::array<double, kCount>& coefficients, Vec x) {
  const Doubles d;
  Vec sum = hn::Set(d, coefficients[0]);
  for (size_t i = 1; i < kCount; ++i) {
    sum = hn::Add(hn::Mul(sum, x), hn::Set(d, coefficients[i]));
  }
  return sum;
}

/// PortableLog of numbers from 2^-33 to 1.
HWY_INLINE Vec LogOf(Vec value) {
  const Doubles d;
  const hn::RebindToUnsigned<Doubles> du;
  const auto bits = hn::BitCast(du, value);
  // A double whose last bits are a whole number is 2^52 and that number.
  const auto whole = hn::Or(hn::ShiftRight<52>(bits), hn::Set(du, uint64_t{0x433} << 52));
  Vec exponent = hn::Sub(hn::BitCast(d, whole), hn::Set(d, 0x1p52 + 1022));
  const auto fraction = hn::And(bits, hn::Set(du, (uint64_t{1} << 52) - 1));
  Vec mantissa = hn::BitCast(d, hn::Or(fraction, hn::Set(du, uint64_t{0x3FE} << 52)));
  const auto is_small = hn::Lt(mantissa, hn::Set(d, kHalfSqrt));
  mantissa = hn::IfThenElse(is_small, hn::Add(mantissa, mantissa), mantissa);
  const Vec one = hn::Set(d, 1.0);
  exponent = hn::IfThenElse(is_small, hn::Sub(exponent, one), exponent);
  const Vec s = hn::Div(hn::Sub(mantissa, one), hn::Add(mantissa, one));
  const Vec square = hn::Mul(s, s);
  Vec sum = hn::Set(d, 1.0 / 21);
  for (int odd = 19; odd >= 3; odd -= 2) {
    sum = hn::Add(hn::Mul(sum, square), hn::Set(d, 1.0 / odd));
  }
  const Vec series = hn::Add(s, hn::Mul(s, hn::Mul(square, sum)));
  const Vec low = hn::Add(hn::Mul(exponent, hn::Set(d, kLn2Low)), hn::Add(series, series));
  return hn::Add(hn::Mul(exponent, hn::Set(d, kLn2High)), low);
}

/// Quantiles by the formula for the centre, at these distances from it.
void CentreQuantiles(const Chunk& from_centre, size_t count, Chunk& values) {
  const Doubles d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const Vec q = hn::LoadU(d, &from_centre[i]);
    const Vec r = hn::Sub(hn::Set(d, 0.180625), hn::Mul(q, q));
    const Vec numerator = hn::Mul(PolynomialOf(kCentreNumerator, r), q);
    hn::StoreU(hn::Div(numerator, PolynomialOf(kCentreDenominator, r)), d, &values[i]);
  }
}

/// Absolute values of the quantiles at these probabilities, or these below one; in their place.
void TailQuantiles(Chunk& tails, size_t count) {
  const Doubles d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const Vec root = hn::Sqrt(hn::Neg(LogOf(hn::LoadU(d, &tails[i]))));
    const Vec r = hn::Sub(root, hn::Set(d, 1.6));
    hn::StoreU(hn::Div(PolynomialOf(kTailNumerator, r), PolynomialOf(kTailDenominator, r)), d,
               &tails[i]);
  }
}

void StandardNormals(const uint32_t* bits, size_t count, float* out) {
  Chunk from_centre{}, values, tails;
  std::array<uint16_t, kChunk> places;  // of those in the tails
  for (size_t begin = 0; begin < count; begin += kChunk) {
    const size_t length = std::min(kChunk, count - begin);
    for (size_t i = 0; i < length; ++i) from_centre[i] = FromCentre(bits[begin + i]);
    CentreQuantiles(from_centre, length, values);
    size_t found = 0;
    for (size_t i = 0; i < length; ++i) {
      places[found] = static_cast<uint16_t>(i);
      tails[found] = 0.5 - std::abs(from_centre[i]);
      found += std::abs(from_centre[i]) > kCentre;
    }
    std::fill_n(tails.begin() + static_cast<ptrdiff_t>(found), hn::MaxLanes(Doubles()), 0.01);
    TailQuantiles(tails, found);
    for (size_t k = 0; k < found; ++k) {
      values[places[k]] = std::copysign(tails[k], from_centre[places[k]]);
    }
    for (size_t i = 0; i < length; ++i) out[begin + i] = static_cast<float>(values[i]);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(StandardNormals);

}  // namespace

void StandardNormals(const uint32_t* bits, size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(StandardNormals)(bits, count, out);
}

}  // namespace fastinet
#endif
