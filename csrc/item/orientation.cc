#include "item/orientation.h"

#include <algorithm>
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
  channels_ = band.channels;
  for (int32_t y = 0; y < band.rows; ++y) {
    for (int32_t x = 0; x < band.width; ++x) {
      const ptrdiff_t offset = y * band.row_stride + x * band.pixel_stride;
      for (size_t c = 0; c < static_cast<size_t>(channels_); ++c) {
        pixels_.push_back(band.plane[c][offset]);
      }
    }
  }
  return {};
}

Status OrientedSink::Finish() {
  const Size shown = orientation_.Shown(stored_);
  const auto channels = static_cast<size_t>(channels_);
  const size_t stride = static_cast<size_t>(shown.width) * channels;
  std::vector<uint8_t> rows(RowSink::kBandRows * stride);
  RowBand band{.plane = {rows.data(), rows.data() + 1, rows.data() + 2},
               .row_stride = static_cast<ptrdiff_t>(stride),
               .pixel_stride = channels_,
               .channels = channels_,
               .width = shown.width,
               .rows = 0};
  for (int32_t top = 0; top < shown.height; top += band.rows) {
    band.rows = std::min(RowSink::kBandRows, shown.height - top);
    uint8_t* out = rows.data();
    for (int32_t y = top; y < top + band.rows; ++y) {
      for (int32_t x = 0; x < shown.width; ++x) {
        const Box pixel = orientation_.Stored({x, y, 1, 1}, stored_);
        const auto index = static_cast<size_t>(pixel.y) * static_cast<size_t>(stored_.width) +
                           static_cast<size_t>(pixel.x);
        out = std::copy_n(pixels_.data() + index * channels, channels, out);
      }
    }
    FASTINET_RETURN_IF_ERROR(sink_.OnRows(band));
  }
  return {};
}

}  // namespace fastinet
