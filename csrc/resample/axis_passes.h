// The two passes of a separable resize, one along each axis, each over rows of uint8. They know
// nothing of each other: the resampler strings them together in either order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/image.h"
#include "resample/filter.h"
#include "resample/kernels.h"

namespace fastinet {

/// Memory for a kernel's rows or strips: grows, never shrinks, and ends in the kernels' padding.
class PaddedBuffer {
 public:
  void Reserve(size_t bytes) {
    if (bytes_.size() < bytes + kPaddingBytes) bytes_.resize(bytes + kPaddingBytes);
  }
  uint8_t* data() { return bytes_.data(); }

 private:
  std::vector<uint8_t> bytes_;
};

/// Resizes rows to `weights.outputs()` pixels, up to 16 rows at once.
class HorizontalPass {
 public:
  /// Rows will have `channels` channels and weights.region_size() pixels.
  void Prepare(const AxisWeights& weights, int32_t channels);

  /// Resizes rows [first, first + count) of `band`, count <= 16. Row i of channel c goes to
  /// out[c][i]; all 16 pointers must be writable, even those beyond count.
  using Rows = std::array<uint8_t*, kStripRows>;
  void Resample(const RowBand& band, int32_t first, int32_t count, const std::array<Rows, 3>& out);

 private:
  const AxisWeights* weights_ = nullptr;
  int32_t channels_ = 0;
  PaddedBuffer input_strip_;
  PaddedBuffer output_strip_;
};

/// Combines rows into `weights.outputs()` lines, each as soon as its last row has come. A *line* is
/// a row of pixels of the resized image, a *row* one that comes in. Either is one or three runs of
/// bytes ("planes"), whatever they mean.
class VerticalPass {
 public:
  void Prepare(const AxisWeights& weights, int32_t planes, size_t plane_bytes);

  /// Where plane `plane` of row `row` is to be written. Of the rows that have not yet arrived, the
  /// next 16 may be.
  uint8_t* RowPlane(int32_t row, int32_t plane);
  void RowsArrived(int32_t count) { rows_arrived_ += count; }
  int32_t rows_arrived() const { return rows_arrived_; }

  int32_t next_line() const { return next_line_; }
  bool NextLineIsReady() const;
  /// Writes the next line's planes to out[0], out[1], ...
  void ResampleNextLine(uint8_t* const* out);

 private:
  const AxisWeights* weights_ = nullptr;
  int32_t planes_ = 0;
  size_t plane_bytes_ = 0;
  size_t plane_stride_ = 0;
  int32_t ring_rows_ = 0;  // a power of two
  int32_t rows_arrived_ = 0;
  int32_t next_line_ = 0;
  PaddedBuffer ring_;
  std::vector<const uint8_t*> tap_rows_;
};

}  // namespace fastinet
