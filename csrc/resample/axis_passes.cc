#include "resample/axis_passes.h"

#include <algorithm>
#include <bit>

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
  input_strip_.Reserve(static_cast<size_t>(weights.region_size()) * static_cast<size_t>(channels) *
                       kStripRows);
  output_strip_.Reserve(static_cast<size_t>(weights.outputs()) * kStripRows);
}

void HorizontalPass::Resample(const RowBand& band, int32_t first, int32_t count,
                              const std::array<Rows, 3>& out) {
  const auto width = static_cast<size_t>(band.width);
  const auto pixel_stride = static_cast<size_t>(band.pixel_stride);
  const ptrdiff_t offset = first * band.row_stride;
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

void VerticalPass::Prepare(const AxisWeights& weights, int32_t planes, size_t plane_bytes) {
  weights_ = &weights;
  planes_ = planes;
  plane_bytes_ = plane_bytes;
  plane_stride_ = plane_bytes + kPaddingBytes;
  // The next line may lack only its last row when 16 more are written.
  ring_rows_ =
      static_cast<int32_t>(std::bit_ceil(static_cast<uint32_t>(weights.max_taps() + kStripRows)));
  rows_arrived_ = 0;
  next_line_ = 0;
  ring_.Reserve(static_cast<size_t>(ring_rows_) * static_cast<size_t>(planes) * plane_stride_);
  tap_rows_.resize(static_cast<size_t>(weights.max_taps()));
}

uint8_t* VerticalPass::RowPlane(int32_t row, int32_t plane) {
  const auto slot = static_cast<size_t>(int64_t{row & (ring_rows_ - 1)} * planes_ + plane);
  return ring_.data() + slot * plane_stride_;
}

bool VerticalPass::NextLineIsReady() const {
  if (next_line_ == weights_->outputs()) return false;
  const auto taps = static_cast<int32_t>(weights_->taps(next_line_).size());
  return weights_->start(next_line_) + taps <= rows_arrived_;
}

void VerticalPass::ResampleNextLine(uint8_t* const* out) {
  const auto taps = weights_->taps(next_line_);
  for (int32_t plane = 0; plane < planes_; ++plane) {
    int32_t row = weights_->start(next_line_);
    for (size_t k = 0; k < taps.size(); ++k) tap_rows_[k] = RowPlane(row++, plane);
    ResampleRows(tap_rows_.data(), taps, plane_bytes_, out[plane]);
  }
  ++next_line_;
}

}  // namespace fastinet
