// Lighting: the same random shift of the colours of all pixels of a row, as AlexNet was trained.
#pragma once

#include <array>

#include "base/status.h"
#include "resample/output.h"
#include "rng/philox.h"

namespace fastinet {

/// Adds to each pixel a random multiple of each principal component of ImageNet's colours. The C++
/// twin of fastinet.augment.Lighting.
struct Lighting {
  double std = 0.1;  // of the multiples

  Status Validate() const;
};

/// What is added to red, green and blue, in units of 0..1.
using ColourShift = std::array<double, 3>;

/// The shift of one view; it depends on the arguments alone.
ColourShift DrawColourShift(const Lighting& lighting, const AugmentKey& key);

/// `format` for pixels that are shifted before they are normalised: with another bias.
OutputFormat Shifted(OutputFormat format, const ColourShift& shift);

}  // namespace fastinet
