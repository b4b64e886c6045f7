// Brightness, contrast, saturation and hue, with the arithmetic of Pillow's ImageEnhance and of
// torchvision's adjust_hue on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace fastinet {

enum class ColourOp : uint8_t { kBrightness, kContrast, kSaturation, kHue };

/// One adjustment. `factor` is that of ImageEnhance's enhance(), where 1 changes nothing; of the
/// hue, the part of a turn, -0.5 to 0.5.
struct ColourStep {
  ColourOp op = ColourOp::kBrightness;
  double factor = 1;
};

/// The adjustments of one image, in the order in which they are made.
struct ColourSteps {
  std::array<ColourStep, 4> step{};
  size_t count = 0;

  std::span<const ColourStep> all() const { return {step.data(), count}; }
};

/// Adjusts an image of three planes of uint8, red, green and blue, one after another.
void AdjustColour(const ColourSteps& steps, MutableBytes planes);

}  // namespace fastinet
