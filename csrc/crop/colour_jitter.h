// Random colour adjustments: torchvision's ColorJitter.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "augment/steps.h"
#include "base/status.h"
#include "rng/philox.h"

namespace fastinet {

/// Bounds of each adjustment's factor, of brightness, contrast, saturation and hue; those without
/// are not made. The C++ twin of fastinet.ColorJitter.
struct ColourJitter {
  std::array<std::optional<std::array<double, 2>>, 4> bounds;

  Status Validate() const;
};

/// Puts the adjustments for `key` behind `steps`: factors uniform within their bounds, in an order
/// that is any of the 24 alike. They depend on the arguments alone, with random bits of their own.
void DrawColourSteps(const ColourJitter& jitter, const AugmentKey& key, std::vector<Step>& steps);

}  // namespace fastinet
