#include "policy/amount.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "rng/normal.h"
#include "rng/philox.h"

namespace fastinet {

Status Amount::Validate() const {
  const bool is_finite = std::isfinite(low) && std::isfinite(high) && std::isfinite(divisor) &&
                         std::isfinite(factor) && std::isfinite(scale) && std::isfinite(offset) &&
                         divisor != 0 && !std::isnan(limit) && !std::isnan(ceiling) &&
                         !std::isnan(floor) &&
                         std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
  if (!is_finite) return InvalidArgument("an operation's numbers must be finite");
  switch (source) {
    case Source::kUniform:
      if (low <= high) return {};
      return InvalidArgument("numbers cannot be drawn from " + std::to_string(low) + " to " +
                             std::to_string(high));
    case Source::kValues:
      if (!values.empty()) return {};
      return InvalidArgument("there are no values to draw one from");
    case Source::kNormal:
      if (high >= 0 && limit >= 0 && std::isfinite(limit)) return {};
      return InvalidArgument("a standard deviation and a limit must be numbers from 0 on");
  }
  return {};
}

bool Amount::IsRandom() const {
  switch (source) {
    case Source::kUniform:
      return random_sign || low < high;
    case Source::kValues:
      return random_sign || values.size() > 1;
    case Source::kNormal:
      return random_sign || high > 0;
  }
  return false;
}

double Amount::ArgumentOf(double number, bool negate) const {
  double value = number / divisor * factor;
  if (truncate) value = std::trunc(value);
  value = std::min(value, ceiling);
  if (negate) value = -value;
  value *= scale;
  return std::max(subtract ? offset - value : offset + value, floor);
}

double Amount::Draw(uint32_t bits, uint32_t sign_bits) const {
  const auto number = [&] {
    switch (source) {
      case Source::kUniform:
        return std::min(low + (high - low) * UnitInterval(bits), limit);
      case Source::kValues:
        return values[static_cast<size_t>(UniformBelow(bits, static_cast<int32_t>(values.size())))];
      case Source::kNormal:
        return std::clamp(low + high * StandardNormal(bits), 0.0, limit);
    }
    return low;
  };
  return ArgumentOf(number(), random_sign && UnitInterval(sign_bits) < 0.5);
}

std::array<double, 2> Amount::Range() const {
  std::array<double, 2> ends = {std::min(low, limit), std::min(high, limit)};
  if (source == Source::kNormal) ends = {0, limit};
  if (source == Source::kValues) {
    const auto [least, most] = std::ranges::minmax(values);
    ends = {least, most};
  }
  // What becomes of a number is monotone, apart from its sign.
  std::array<double, 2> range = {ArgumentOf(ends[0], false), ArgumentOf(ends[0], false)};
  for (const double end : ends) {
    for (const bool negate : {false, random_sign}) {
      range[0] = std::min(range[0], ArgumentOf(end, negate));
      range[1] = std::max(range[1], ArgumentOf(end, negate));
    }
  }
  return range;
}

}  // namespace fastinet
