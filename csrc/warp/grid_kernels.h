// The inner loops of torchvision's affine transforms of tensors, each compiled for every
// instruction set and chosen at run time: torch's grid_sample, in float, with every rounding that
// it has on processors with fused multiplication.
#pragma once

#include <array>
#include <cstdint>

#include "warp/kernels.h"

namespace fastinet {

/// Where the pixels of a line come from. A coordinate is -1 at the image's one end and 1 at its
/// other: that of the pixel that lies `x` from the middle of the line and `y` from that of the
/// image is (x * x_share + y * y_share) + shift, the second product fused with the sum.
struct GridLine {
  struct Axis {
    float x_share, y_share, shift;
  };

  Axis column, row;
  float y;
};

/// What is to be seen beyond the image.
enum class Filling : uint8_t {
  kNone = 0,  // black, which values at the image's ends are mixed with
  k1 = 1,     // the fill, mixed as torchvision.transforms does it,
  k2 = 2,     // or as torchvision.transforms.v2 does, which rounds in other places
};

/// The highest byte of an image's words, whose border is 0.
inline constexpr uint32_t kInsideImage = uint32_t{1} << 24;

/// What comes from where the line says: from between four pixels, rounded to the nearest value, or
/// from the nearest pixel. `image` has kInsideImage in all its pixels, and 0 in its border. `to` is
/// a whole line.
void SampleGridBilinear(const WordImage& image, const GridLine& from, Filling filling,
                        const std::array<uint8_t, 3>& fill, const LineOfPlanes& to);
void SampleGridNearest(const WordImage& image, const GridLine& from, Filling filling,
                       const std::array<uint8_t, 3>& fill, const LineOfPlanes& to);

}  // namespace fastinet
