// Affine transforms of images of three planes of uint8, equal to Pillow's Image.transform and
// Image.rotate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"

namespace fastinet {

/// How a transform reads between pixels. None of them is antialiased.
enum class Sampling : uint8_t { kNearest, kBilinear, kBicubic };

/// Where the pixel (x, y) of the result comes from: (a x + b y + c, d x + e y + f), of the pixels'
/// centres, in the order a, b, c, d, e, f.
using AffineMatrix = std::array<double, 6>;

/// Red, green and blue.
using Colour = std::array<uint8_t, 3>;

/// An affine transform.
struct WarpSpec {
  AffineMatrix matrix{1, 0, 0, 0, 1, 0};
  Sampling sampling = Sampling::kNearest;
  Colour fill{};  // what the image does not reach
};

/// Transforms images, one after another; keeps its buffers between them. One per thread.
class Warp {
 public:
  /// Replaces the planes, red, green and blue, one after another, by their transform, which has the
  /// same size.
  void Apply(const WarpSpec& spec, Size size, MutableBytes planes);

 private:
  void ScaleNearest(const WarpSpec& spec, Size size, MutableBytes planes);
  void WarpNearest(const WarpSpec& spec, Size size, MutableBytes planes);

  std::vector<uint32_t> pixels_;  // of the image: red, green, blue, nothing
  std::vector<uint8_t> line_;
  std::vector<int32_t> columns_;
};

}  // namespace fastinet
