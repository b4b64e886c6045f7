#include "base/correct_math.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace fastinet {
namespace {

/// The sum of two doubles, of which the second is at most half a unit in the last place of the
/// first: some 106 bits. T. J. Dekker, "A Floating-Point Technique for Extending the Available
/// Precision", Numerische Mathematik 18 (3), 1971.
struct Wide {
  double high = 0;
  double low = 0;
};

/// Exactly the sum of two numbers, of which the first is the larger one.
constexpr Wide SumOfOrdered(double large, double small) {
  const double high = large + small;
  return {high, small - (high - large)};
}

/// Exactly the sum of any two numbers.
constexpr Wide Sum(double a, double b) {
  const double high = a + b, of_b = high - a;
  return {high, (a - (high - of_b)) + (b - of_b)};
}

/// Exactly the product of two numbers of moderate size: each is split in two halves of 26 bits,
/// whose products a double holds.
constexpr Wide Product(double a, double b) {
  constexpr double kSplitter = 0x1p27 + 1;
  const double a_scaled = kSplitter * a, b_scaled = kSplitter * b;
  const double a_high = a_scaled - (a_scaled - a), b_high = b_scaled - (b_scaled - b);
  const double a_low = a - a_high, b_low = b - b_high;
  const double high = a * b;
  return {high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

constexpr Wide operator+(const Wide& a, const Wide& b) {
  Wide high = Sum(a.high, b.high);
  const Wide low = Sum(a.low, b.low);
  high = SumOfOrdered(high.high, high.low + low.high);
  return SumOfOrdered(high.high, high.low + low.low);
}

constexpr Wide operator-(const Wide& a) { return {-a.high, -a.low}; }

constexpr Wide operator*(const Wide& a, const Wide& b) {
  const Wide product = Product(a.high, b.high);
  return SumOfOrdered(product.high, product.low + (a.high * b.low + a.low * b.high));
}

constexpr Wide operator/(const Wide& a, const Wide& b) {
  const double first = a.high / b.high;
  Wide rest = a + -(b * Wide{first, 0});
  const double second = rest.high / b.high;
  rest = rest + -(b * Wide{second, 0});
  const Wide quotient = SumOfOrdered(first, second);
  return quotient + Wide{rest.high / b.high, 0};
}

/// 1 / 0!, 1 / 1!, and so on.
constexpr size_t kFactorials = 32;
constexpr std::array<Wide, kFactorials> InverseFactorials() {
  std::array<Wide, kFactorials> inverses{};
  inverses[0] = {1, 0};
  for (size_t i = 1; i < kFactorials; ++i) {
    inverses[i] = inverses[i - 1] / Wide{static_cast<double>(i), 0};
  }
  return inverses;
}
constexpr std::array<Wide, kFactorials> kInverseFactorials = InverseFactorials();

/// The sum of signs^j * x^j / n! over n = first + j * step, for j = 0, 1, ... as far as `last`: the
/// terms from `plain` on, which are small beside the first, in double.
Wide Series(const Wide& x, size_t first, size_t step, size_t plain, size_t last) {
  double tail = 0;
  for (size_t n = last; n >= plain; n -= step) tail = tail * x.high + kInverseFactorials[n].high;
  Wide sum{tail, 0};
  for (size_t n = plain - step;; n -= step) {
    sum = kInverseFactorials[n] + sum * x;
    if (n == first) return sum;
  }
}

// ln 2 and pi / 2 in parts. All but the last have so many zeros at their ends that products with
// the whole numbers below (of 11 bits, of 20) are exact.
constexpr std::array<double, 3> kLn2 = {0x1.62e42fefa38p-1, 0x1.ef35793c76p-45,
                                        0x1.cc01f97b57a08p-87};
constexpr std::array<double, 4> kQuarterTurn = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69,
                                                0x1.b839a252049c1p-104};

/// Less a multiple of a number that is given in parts.
template <size_t kParts>
Wide Reduced(double value, double count, const std::array<double, kParts>& parts) {
  Wide rest = Sum(value, -count * parts[0]);
  for (size_t part = 1; part < kParts; ++part) rest = rest + Product(-count, parts[part]);
  return rest;
}

/// e to the power of `power`, which is 745 at most either way, less a factor of 2 to the power of
/// `exponent`.
Wide ExpOf(double power, int* exponent) {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  const double count = std::floor(power * kLog2E + 0.5);
  *exponent = static_cast<int>(count);
  Wide rest = Reduced(power, count, kLn2);
  // Of an eighth, |rest| < 0.0434, so that terms from the 8th on are below 2^-51 and those behind
  // the 17th below 2^-130 of the sum.
  constexpr double kEighth = 0.125;
  rest = {rest.high * kEighth, rest.low * kEighth};
  Wide result = Series(rest, 0, 1, 8, 17);
  for (int doubling = 0; doubling < 3; ++doubling) result = result * result;
  return result;
}

}  // namespace

double CorrectExp(double power) {
  constexpr double kMost = 709.79, kLeast = -745.14;  // beyond these there is no double
  if (power > kMost) return std::numeric_limits<double>::infinity();
  if (power < kLeast) return 0;
  int exponent = 0;
  const Wide result = ExpOf(power, &exponent);
  return std::ldexp(result.high + result.low, exponent);
}

double CorrectLog(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);   // 0.5 to 1
  const bool is_small = mantissa < 0x1.6a09e667f3bcdp-1;  // sqrt(1/2)
  const double factor = is_small ? mantissa * 2 : mantissa;
  if (is_small) --exponent;
  // log(m) = 2 artanh(s), to some units in the last place,
  const double s = (factor - 1) / (factor + 1), square = s * s;
  double sum = 1.0 / 21;
  for (int odd = 19; odd >= 3; odd -= 2) sum = sum * square + 1.0 / odd;
  const double near = 2 * (s + s * (square * sum));
  // and then Halley's step towards the root of e^y = m, whose error is the cube of that one's.
  int scale = 0;
  Wide power = ExpOf(near, &scale);  // |near| < 0.35, and so it has no scale but 0 or 1
  power = {std::ldexp(power.high, scale), std::ldexp(power.low, scale)};
  const Wide step = (Wide{factor, 0} + -power) / (Wide{factor, 0} + power);
  Wide result = Wide{near, 0} + Wide{2 * step.high, 2 * step.low};
  for (const double part : kLn2) result = Product(exponent, part) + result;
  return result.high + result.low;
}

SineAndCosine CorrectSineAndCosine(double radians) {
  constexpr double kInverse = 0x1.45f306dc9c883p-1;  // 2 / pi
  const double count = std::floor(radians * kInverse + 0.5);
  const Wide rest = Reduced(radians, count, kQuarterTurn);
  const Wide minus_square = -(rest * rest);
  // |rest| < 0.786, so that terms from the 17th on are below 2^-53 and those behind the 29th below
  // 2^-115 of the sums.
  const Wide sine = rest * Series(minus_square, 1, 2, 17, 29);
  const Wide cosine = Series(minus_square, 0, 2, 18, 30);
  const auto turn = static_cast<unsigned>(static_cast<int>(count)) % 4;
  const double s = sine.high + sine.low, c = cosine.high + cosine.low;
  switch (turn) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

}  // namespace fastinet
