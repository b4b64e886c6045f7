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
///
/// A transform that moves the pixels of each line along that line, a shear or a translation, reads
/// neighbours that lie together in memory, and of one line. So does one that moves them along
/// columns, in the transpose of the image. All others gather pixels from anywhere.
class Warp {
 public:
  /// Replaces the planes, red, green and blue, one after another, by their transform, which has the
  /// same size.
  void Apply(const WarpSpec& spec, Size size, MutableBytes planes);

 private:
  struct Shift;

  void CopyBordered(Size size, Bytes planes);
  void CopyWords(Size size, Bytes planes);

  template <class Lines>
  void OnTranspose(Size size, MutableBytes planes, const Lines& lines);
  void ShiftLines(const WarpSpec& spec, Size size, MutableBytes planes);
  void WarpLines(const WarpSpec& spec, Size size, MutableBytes planes);

  template <class ShiftOf>
  void MoveLines(const Colour& fill, Size size, MutableBytes planes, const ShiftOf& shift_of);
  void ScaleNearest(const WarpSpec& spec, Size size, MutableBytes planes);
  void WarpNearest(const WarpSpec& spec, Size size, MutableBytes planes);
  void WarpNearestFarOut(const WarpSpec& spec, Size size, MutableBytes planes);

  std::vector<uint8_t> source_;      // a copy of the planes
  std::vector<uint8_t> transposed_;  // planes
  std::vector<uint32_t> words_;      // of the image, with its border
  std::vector<int32_t> columns_;
};

}  // namespace fastinet
