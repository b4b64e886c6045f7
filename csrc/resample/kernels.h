// The inner loops of a resize and of its output formats, each compiled for every instruction set
// and chosen at run time.
//
// Between the passes, rows lie in *strips*: 16 rows side by side, one column after the other, so
// that the horizontal pass too reads contiguous bytes and multiplies them by one weight:
//
//     strip[column * 16 + row]        uint8, row 0..15
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "resample/filter.h"
#include "resample/output.h"

namespace fastinet {

/// Rows in a strip: the int32 lanes of the widest vector.
inline constexpr int32_t kStripRows = 16;

/// Kernels work on whole vectors: a planar row and a strip may be read and written this many bytes
/// beyond their last element, so whoever allocates them adds it.
inline constexpr size_t kPaddingBytes = 256;

/// Transposes 16 rows of `columns` bytes into `strip` (16 * columns bytes). Reads nothing beyond
/// the columns, since the rows are the decoder's.
void RowsToStrip(const uint8_t* const rows[kStripRows], size_t columns, uint8_t* strip);

/// Transposes `strip` back into 16 rows of `columns` bytes.
void StripToRows(const uint8_t* strip, size_t columns, uint8_t* const rows[kStripRows]);

/// One plane of a strip: pixel x's column starts at first_column + x * pixel_stride.
struct StripPlane {
  const uint8_t* first_column;
  ptrdiff_t pixel_stride;  // [bytes]
};

/// The horizontal pass: out[i * 16 + row] = the weighted sum of output i's input pixels.
void ResampleStrip(const StripPlane& plane, const AxisWeights& weights, uint8_t* out);

/// The vertical pass, for one output row of one plane: out[x] = sum of taps[k] * rows[k][x] for
/// x < width.
void ResampleRows(const uint8_t* const* rows, std::span<const int32_t> taps, size_t width,
                  uint8_t* out);

/// A planar RGB row; the three planes are one and the same for grey.
struct PlanarRow {
  const uint8_t* plane[3];
  size_t width;  // [pixels]
};

/// Separates `width` interleaved RGB pixels into three planes.
void Deinterleave(const uint8_t* pixels, size_t width, uint8_t* const planes[3]);

/// Stores a line, which is a row of pixels of the resized image, as the y-th of the batch row
/// `row`, which has `height` of them in `format`.
void StoreLine(const PlanarRow& line, size_t y, size_t height, const OutputFormat& format,
               uint8_t* row);

}  // namespace fastinet
