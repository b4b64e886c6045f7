#include "resample/axis_passes.h"

#include <algorithm>
#include <bit>

#include "resample/dot_kernels.h"
#include "resample/split_kernels.h"

namespace fastinet {
namespace {

/// Brings `count` rows of one plane into a strip. A short strip repeats its last row, whose results
/// nobody uses.
void LoadStrip(const uint8_t* first_row, ptrdiff_t row_stride, int32_t count, size_t columns,
               uint8_t* strip) {
  std::array<const uint8_t*, kStripRows> rows;
  for (int32_t i = 0; i < kStripRows; ++i) {
    rows[static_cast<size_t>(i)] = first_row + std::min(i, count - 1) * row_stride;
  }
  RowsToStrip(rows.data(), columns, strip);
}

}  // namespace

void HorizontalPass::Prepare(const AxisWeights& weights, int32_t channels) {
  weights_ = &weights;
  channels_ = channels;
  if (HasDotKernels() && quads_.Compute(weights)) {
    form_ = Form::kQuads;
  } else if (HasSplitKernels() && pairs_.Compute(weights)) {
    form_ = Form::kPairs;
  } else {
    form_ = Form::kStrips;
  }
  input_strip_.Reserve(static_cast<size_t>(weights.region_size()) * static_cast<size_t>(channels) *
                       kStripRows);
  output_strip_.Reserve(static_cast<size_t>(weights.outputs()) * kStripRows);
}

void HorizontalPass::Resample(const RowBand& band, int32_t first, int32_t count,
                              const std::array<Rows, 3>& out) {
  const auto width = static_cast<size_t>(band.width);
  const auto pixel_stride = static_cast<size_t>(band.pixel_stride);
  const ptrdiff_t offset = first * band.row_stride;
  if (form_ != Form::kStrips && pixel_stride == 1) {
    for (size_t c = 0; c < static_cast<size_t>(channels_); ++c) {
      std::array<const uint8_t*, kStripRows> rows;  // those behind the last one are the last again
      for (int32_t i = 0; i < kStripRows; ++i) {
        rows[static_cast<size_t>(i)] =
            band.plane[c] + offset + std::min(i, count - 1) * band.row_stride;
      }
      const int32_t whole = (count + kWindowRows - 1) / kWindowRows * kWindowRows;
      if (form_ == Form::kQuads) {
        ResampleWideWindows(rows.data(), whole, quads_, out[c].data());
      } else {
        ResampleWindows(rows.data(), whole, pairs_, out[c].data());
      }
    }
    return;
  }
  if (pixel_stride > 1) {  // all channels at once: a strip's columns are bytes, not pixels
    LoadStrip(band.plane[0] + offset, band.row_stride, count, width * pixel_stride,
              input_strip_.data());
  }
  for (size_t c = 0; c < static_cast<size_t>(channels_); ++c) {
    StripPlane plane{input_strip_.data(), kStripRows};
    if (pixel_stride > 1) {
      plane = {input_strip_.data() + c * kStripRows, band.pixel_stride * kStripRows};
    } else {
      LoadStrip(band.plane[c] + offset, band.row_stride, count, width, input_strip_.data());
    }
    ResampleStrip(plane, *weights_, output_strip_.data());
    StripToRows(output_strip_.data(), static_cast<size_t>(weights_->outputs()), out[c].data());
  }
}

void VerticalPass::Prepare(const AxisWeights& weights, size_t row_bytes) {
  weights_ = &weights;
  has_quads_ = HasDotKernels();
  has_pairs_ = !has_quads_ && HasSplitKernels();
  if (has_quads_) quads_.Compute(weights);
  if (has_pairs_) pairs_.Compute(weights);
  row_bytes_ = row_bytes;
  // The next line may lack only its last row when 16 more are written.
  ring_rows_ =
      static_cast<int32_t>(std::bit_ceil(static_cast<uint32_t>(weights.max_taps() + kStripRows)));
  rows_arrived_ = 0;
  next_line_ = 0;
  ring_.Reserve(static_cast<size_t>(ring_rows_) * RowStride(row_bytes));
  tap_rows_.resize(static_cast<size_t>(weights.max_taps()) + 3);
}

uint8_t* VerticalPass::Row(int32_t row) {
  return ring_.data() + static_cast<size_t>(row & (ring_rows_ - 1)) * RowStride(row_bytes_);
}

bool VerticalPass::NextLineIsReady() const {
  if (next_line_ == weights_->outputs()) return false;
  const auto taps = static_cast<int32_t>(weights_->taps(next_line_).size());
  return weights_->start(next_line_) + taps <= rows_arrived_;
}

void VerticalPass::ResampleNextLine(uint8_t* out) {
  const auto taps = weights_->taps(next_line_);
  const int32_t start = weights_->start(next_line_);
  for (size_t k = 0; k < taps.size(); ++k) {
    tap_rows_[k] = Row(start + static_cast<int32_t>(k));
  }
  // The last group's taps may be more than there are: any rows, of weight 0.
  for (size_t k = 0; k < 3; ++k) tap_rows_[taps.size() + k] = Row(start);
  const auto quads = has_quads_ ? quads_.quads(next_line_) : std::span<const TapQuad>();
  const auto pairs = has_pairs_ ? pairs_.pairs(next_line_) : std::span<const TapPair>();
  if (!quads.empty()) {
    ResampleQuads(tap_rows_.data(), quads, row_bytes_, out);
  } else if (!pairs.empty()) {
    ResamplePairs(tap_rows_.data(), pairs, row_bytes_, out);
  } else {
    ResampleRows(tap_rows_.data(), taps, row_bytes_, out);
  }
  ++next_line_;
}

}  // namespace fastinet
