// The two passes of a separable resize, one along each axis, each over rows of uint8. They know
// nothing of each other: the resampler strings them together in either order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/image.h"
#include "resample/dot_weights.h"
#include "resample/filter.h"
#include "resample/kernels.h"
#include "resample/split_weights.h"

namespace fastinet {

/// A cache line [bytes]: a vector that lies in two of them takes two loads.
inline constexpr size_t kLineBytes = 64;

/// Bytes from one row of `bytes` to the next, where each begins a cache line and the horizontal
/// pass's last vector of outputs does not reach the next row.
constexpr size_t RowStride(size_t bytes) {
  return (bytes + kStripRows + kLineBytes - 1) / kLineBytes * kLineBytes;
}

/// Memory for a kernel's rows or strips: grows, never shrinks, begins a cache line, and ends in
/// the kernels' padding.
class PaddedBuffer {
 public:
  void Reserve(size_t bytes) {
    const size_t needed = bytes + kPaddingBytes + kLineBytes;
    if (bytes_.size() < needed) bytes_.resize(needed);
    const auto address = reinterpret_cast<uintptr_t>(bytes_.data());
    data_ = bytes_.data() + (kLineBytes - address % kLineBytes) % kLineBytes;
  }
  uint8_t* data() { return data_; }

 private:
  std::vector<uint8_t> bytes_;
  uint8_t* data_ = nullptr;
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
  enum class Form : uint8_t { kStrips, kPairs, kQuads };
  Form form_ = Form::kStrips;  // of weights, for rows of one plane: see the kernels' headers
  WindowedWeights pairs_;
  WideWeights quads_;
  PaddedBuffer input_strip_;
  PaddedBuffer output_strip_;
};

/// Combines rows into `weights.outputs()` lines, each as soon as its last row has come. A *line* is
/// a row of pixels of the resized image, a *row* one that comes in. Either is a run of bytes,
/// whatever they mean.
class VerticalPass {
 public:
  void Prepare(const AxisWeights& weights, size_t row_bytes);

  /// Where row `row` is to be written. Of the rows that have not yet arrived, the next 16 may be.
  uint8_t* Row(int32_t row);
  void RowsArrived(int32_t count) { rows_arrived_ += count; }
  int32_t rows_arrived() const { return rows_arrived_; }

  int32_t next_line() const { return next_line_; }
  bool NextLineIsReady() const;
  void ResampleNextLine(uint8_t* out);

 private:
  const AxisWeights* weights_ = nullptr;
  bool has_pairs_ = false;  // for lines whose weights fit
  bool has_quads_ = false;
  PairedWeights pairs_;
  QuadWeights quads_;
  size_t row_bytes_ = 0;
  int32_t ring_rows_ = 0;  // a power of two
  int32_t rows_arrived_ = 0;
  int32_t next_line_ = 0;
  PaddedBuffer ring_;
  std::vector<const uint8_t*> tap_rows_;
};

}  // namespace fastinet
