// The inner loops of affine transforms that move pixels along their lines, each compiled for every
// instruction set and chosen at run time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/image.h"
#include "warp/kernels.h"

namespace fastinet {

/// How many bytes kernels may read beyond the border behind a line of a plane.
inline constexpr size_t kWarpPadding = 64;

/// Where the pixels of one line come from in a single line of an image: pixel x from x + 0.5 + line
/// + shift, added up from left to right, which lies between the centres of the pixels x + whole
/// and x + whole + 1.
struct ShiftedLine {
  double line, shift;
  double whole;
};

/// A line of each plane; the pixel x + whole of the first x of the result.
using LinesOfPlanes = std::array<const uint8_t*, 3>;

/// WarpLineBilinear and WarpLineBicubic of points that lie on a line of pixels.
void ShiftLineBilinear(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to);
void ShiftLineBicubic(const LinesOfPlanes& lines, const ShiftedLine& from, const LineOfPlanes& to);

/// The transpose of a plane of this size: `out` has as many lines as `plane` columns.
void TransposePlane(const uint8_t* plane, Size size, uint8_t* out);

}  // namespace fastinet
