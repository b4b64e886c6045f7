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

/// Puts adjustments behind `steps`: factors uniform within their bounds, drawn from the words of
/// `factors`, in an order that is any of the 24 alike, drawn from those of `swaps`.
void DrawColourSteps(const ColourJitter& jitter, const PhiloxBlock& factors,
                     const PhiloxBlock& swaps, std::vector<Step>& steps);

}  // namespace fastinet
