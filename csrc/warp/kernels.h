// The inner loops of affine transforms, each compiled for every instruction set and chosen at run
// time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/image.h"

namespace fastinet {

/// How often the outermost pixels of an image are repeated around it for kernels, which then read
/// around every point of the image without a look at its ends.
inline constexpr size_t kWarpBorder = 2;

/// How many words more must be readable behind those of an image, whatever they are: of two pixels
/// in a line four are loaded.
inline constexpr size_t kWordPadding = 1;

/// An image whose pixels are words: red in the lowest byte, then green and blue, then zero.
struct WordImage {
  const uint32_t* words;  // the first pixel; kWarpBorder more on every side, then kWordPadding
  Size size;
  size_t stride;  // from line to line [words]; 0 for a single line, which stands for all
};

/// Where the pixels of one line come from: pixel x from the point (x_step * (x + 0.5) + x_line +
/// x_shift, ...), where every product and sum is rounded, from left to right.
struct SourceLine {
  double x_step, x_line, x_shift;
  double y_step, y_line, y_shift;
};

/// The `count` pixels of a line of the result from number `first` on, and where they go.
struct LineOfPlanes {
  uint8_t* red;
  uint8_t* green;
  uint8_t* blue;
  size_t first;
  size_t count;
};

/// Four pixels around each point, by two lines and then between these, in double, cut off. All
/// points lie in the image.
void WarpLineBilinear(const WordImage& image, const SourceLine& from, const LineOfPlanes& to);

/// Sixteen pixels around each point, likewise, with the cubic of a = -1.
void WarpLineBicubic(const WordImage& image, const SourceLine& from, const LineOfPlanes& to);

/// Where the pixels of one line come from, in 16.16 fixed point that wraps around: pixel x from
/// (x + x_step * (x), ...).
struct FixedLine {
  int32_t x, x_step;
  int32_t y, y_step;
};

/// The pixel that each point lies in; `fill`, a word, for points outside of the image, whose sides
/// are below 2^15. `to` begins with pixel 0.
void WarpLineNearest(const WordImage& image, const FixedLine& from, uint32_t fill,
                     const LineOfPlanes& to);

/// Interleaves `count` pixels of three planes to words.
void InterleavePlanes(const uint8_t* red, const uint8_t* green, const uint8_t* blue, size_t count,
                      uint32_t* words);

}  // namespace fastinet
