#include "item/orientation.h"

#include <algorithm>
#include <span>
#include <utility>

namespace fastinet {

Box Orientation::Stored(const Box& shown, Size stored) const {
  Box box = shown;
  if (transposes()) {
    std::swap(box.x, box.y);
    std::swap(box.width, box.height);
  }
  if (mirrors_columns()) box.x = stored.width - box.x - box.width;
  if (mirrors_rows()) box.y = stored.height - box.y - box.height;
  return box;
}

Status OrientedSink::OnRows(const RowBand& band) {
  if (pixels_.empty()) {
    channels_ = band.channels;
    pixels_.reserve(static_cast<size_t>(stored_.width) * static_cast<size_t>(stored_.height) *
                    static_cast<size_t>(channels_));
  }
  const std::span planes(band.plane.data(), static_cast<size_t>(channels_));
  for (int32_t y = 0; y < band.rows; ++y) {
    for (int32_t x = 0; x < band.width; ++x) {
      const ptrdiff_t offset = y * band.row_stride + x * band.pixel_stride;
      for (const uint8_t* plane : planes) pixels_.push_back(plane[offset]);
    }
  }
  return {};
}

Status OrientedSink::Finish() {
  const Size shown = orientation_.Shown(stored_);
  const size_t stride = static_cast<size_t>(shown.width) * static_cast<size_t>(channels_);
  std::vector<uint8_t> rows(RowSink::kBandRows * stride);
  RowBand band{.plane = {rows.data(), rows.data() + 1, rows.data() + 2},
               .row_stride = static_cast<ptrdiff_t>(stride),
               .pixel_stride = channels_,
               .channels = channels_,
               .width = shown.width,
               .rows = 0};
  for (int32_t top = 0; top < shown.height; top += band.rows) {
    band.rows = std::min(RowSink::kBandRows, shown.height - top);
    for (int32_t i = 0; i < band.rows; ++i) {
      CopyShownRow(top + i, rows.data() + static_cast<size_t>(i) * stride);
    }
    FASTINET_RETURN_IF_ERROR(sink_.OnRows(band));
  }
  return {};
}

/// Row `y` as shown: a walk through the stored pixels in equal steps.
void OrientedSink::CopyShownRow(int32_t y, uint8_t* out) const {
  const Size shown = orientation_.Shown(stored_);
  const uint8_t* from = StoredPixel(0, y);
  const ptrdiff_t step = shown.width > 1 ? StoredPixel(1, y) - from : 0;
  for (int32_t x = 0; x < shown.width; ++x, from += step) {
    out = std::copy_n(from, channels_, out);
  }
}

/// Where the pixel is stored that is shown at (x, y).
const uint8_t* OrientedSink::StoredPixel(int32_t x, int32_t y) const {
  const Box pixel = orientation_.Stored({x, y, 1, 1}, stored_);
  const ptrdiff_t index = ptrdiff_t{pixel.y} * stored_.width + pixel.x;
  return pixels_.data() + index * channels_;
}

}  // namespace fastinet
