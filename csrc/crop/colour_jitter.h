// Random colour adjustments: torchvision's ColorJitter.
#pragma once

#include <array>
#include <optional>

#include "base/status.h"
#include "colour/adjust.h"
#include "rng/philox.h"

namespace fastinet {

/// Bounds of each adjustment's factor, by ColourOp; those without are not made. The C++ twin of
/// fastinet.ColorJitter.
struct ColourJitter {
  std::array<std::optional<std::array<double, 2>>, 4> bounds;

  Status Validate() const;
};

/// The adjustments for `key`: factors uniform within their bounds, in an order that is any of the
/// 24 alike. A pure function of its arguments, with random bits of its own.
ColourSteps DrawColourSteps(const ColourJitter& jitter, const AugmentKey& key);

}  // namespace fastinet
