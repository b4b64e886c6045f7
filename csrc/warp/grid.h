// Affine transforms of images of three planes of uint8: on every machine those that torchvision
// makes of tensors where torch's products of matrices are fused.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"
#include "warp/grid_kernels.h"
#include "warp/warp.h"

namespace fastinet {

/// The most pixels of an image with its border that are addressed by int32.
bool FitsGrid(Size size);

/// Transforms images, one after another; keeps its buffers between them. One per thread.
class GridWarp {
 public:
  /// Replaces the planes, red, green and blue, one after another, by their transform. The matrix is
  /// as for `Warp`, from the pixels' corners on; torch computes from the middle of the image, in
  /// float. Takes Sampling::kNearest and kBilinear, and sizes that FitsGrid.
  void Apply(const WarpSpec& spec, Filling filling, Size size, MutableBytes planes);

  /// torchvision's rotate, about the middle, anticlockwise [degrees]; but for half turns and
  /// quarter turns of squares, which move pixels.
  void Rotate(double degrees, Sampling sampling, Filling filling, const Colour& fill, Size size,
              MutableBytes planes);

 private:
  void Sample(const AffineMatrix& from_middle, Sampling sampling, Filling filling,
              const Colour& fill, Size size, MutableBytes planes);
  void CopyWords(Size size, Bytes planes);

  std::vector<uint32_t> words_;  // of the image, with its border
};

}  // namespace fastinet
