// The inner loops of affine transforms, each compiled for every instruction set and chosen at run
// time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/image.h"

namespace fastinet {

/// An image whose pixels are words: red in the lowest byte, then green and blue.
struct WordImage {
  const uint32_t* words;
  Size size;
};

/// Where the pixels of one line come from: pixel x from the point (x_step * (x + 0.5) + x_line +
/// x_shift, ...), where every product and sum is rounded, from left to right.
struct SourceLine {
  double x_step, x_line, x_shift;
  double y_step, y_line, y_shift;
};

/// Where the `count` pixels of a line of the result go. What the image does not reach is left as it
/// is.
struct LineOfPlanes {
  uint8_t* red;
  uint8_t* green;
  uint8_t* blue;
  size_t count;
};

/// Four pixels around each point, by two lines and then between these, in double, cut off.
void WarpLineBilinear(const WordImage& image, const SourceLine& from, const LineOfPlanes& to);

/// Sixteen pixels around each point, likewise, with the cubic of a = -1.
void WarpLineBicubic(const WordImage& image, const SourceLine& from, const LineOfPlanes& to);

/// Interleaves `count` pixels of three planes to words.
void InterleavePlanes(const uint8_t* red, const uint8_t* green, const uint8_t* blue, size_t count,
                      uint32_t* words);

}  // namespace fastinet
