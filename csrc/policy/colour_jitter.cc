#include "policy/colour_jitter.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

namespace fastinet {
namespace {

/// What each of the four bounds is of.
constexpr std::array<StepOp, 4> kAdjustments = {StepOp::kBrightness, StepOp::kContrast,
                                                StepOp::kSaturation, StepOp::kHue};

}  // namespace

Status ColourJitter::Validate() const {
  for (size_t op = 0; op < bounds.size(); ++op) {
    if (!bounds[op]) continue;
    const auto [low, high] = *bounds[op];
    const bool is_hue = kAdjustments[op] == StepOp::kHue;
    if (low <= high && low >= (is_hue ? -0.5 : 0.0) && high <= (is_hue ? 0.5 : 1e6)) continue;
    return InvalidArgument("colour factors must not lie in " + std::to_string(low) + " .. " +
                           std::to_string(high));
  }
  return {};
}

void DrawColourSteps(const ColourJitter& jitter, const PhiloxBlock& factors,
                     const PhiloxBlock& swaps, std::vector<Step>& steps) {
  // Fisher and Yates' shuffle.
  std::array<size_t, 4> order = {0, 1, 2, 3};
  for (size_t i = order.size() - 1; i > 0; --i) {
    std::swap(order[i],
              order[static_cast<size_t>(UniformBelow(swaps[i], static_cast<int32_t>(i) + 1))]);
  }
  for (const size_t op : order) {
    if (!jitter.bounds[op]) continue;
    const auto [low, high] = *jitter.bounds[op];
    steps.push_back(
        {.op = kAdjustments[op], .arguments = {low + (high - low) * UnitInterval(factors[op])}});
  }
}

}  // namespace fastinet
