#include "item/fan_out.h"

#include <algorithm>
#include <cstddef>

namespace fastinet {

Status FanOutSink::OnRows(const RowBand& band) {
  for (const Part& part : parts_) {
    const int32_t first = std::max(part.box.y - rows_, 0);
    const int32_t end = std::min(part.box.y + part.box.height - rows_, band.rows);
    if (first >= end) continue;
    RowBand own = band;
    own.width = part.box.width;
    own.rows = end - first;
    const ptrdiff_t offset = first * band.row_stride + part.box.x * band.pixel_stride;
    for (size_t c = 0; c < static_cast<size_t>(band.channels); ++c) own.plane[c] += offset;
    FASTINET_RETURN_IF_ERROR(part.sink->OnRows(own));
  }
  rows_ += band.rows;
  return {};
}

}  // namespace fastinet
