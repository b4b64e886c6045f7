// Mixtures of an image with what several chains of steps make of it: AugMix.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace fastinet {

/// A sum of images with weights, in float32, one image after another. Keeps its buffers. All images
/// of a mixture have as many values.
class Mixture {
 public:
  /// `image` is what each chain begins with, and comes in with `weight`.
  void Start(Bytes image, float weight);

  /// Adds `image`, which a chain has made, with `weight`; what Start had takes its place.
  void AddChain(float weight, MutableBytes image);

  /// `image` becomes the sum, cut to uint8 and without its broken part, blended with what Start
  /// had: Image.blend(that, the sum, share).
  void End(float share, MutableBytes image);

 private:
  std::vector<uint8_t> origin_;
  std::vector<float> sums_;
};

}  // namespace fastinet
