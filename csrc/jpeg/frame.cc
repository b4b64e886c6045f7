#include "jpeg/frame.h"

#include <algorithm>

#include "base/checked.h"

namespace fastinet {
namespace {

constexpr int32_t kBlockSize = 8;        // samples across and down (T.81 A.3.1)
constexpr int32_t kMaxBlocksInMcu = 10;  // T.81 B.2.3

Upsampling ChooseUpsampling(const ComponentPlane& plane) {
  const int32_t across = plane.expand_across;
  const int32_t down = plane.expand_down;
  if (across == 1 && down == 1) return Upsampling::kNone;
  if (across == 1 && down == 2) return Upsampling::kFancyH1V2;
  if (across == 2 && down <= 2 && plane.width > 2) {
    return down == 1 ? Upsampling::kFancyH2V1 : Upsampling::kFancyH2V2;
  }
  return Upsampling::kReplicate;
}

/// Samples 0..count-1 of a component that pixels first..last depend on along one axis.
IndexRange SamplesFor(IndexRange pixels, int32_t expand, bool triangle, int32_t count) {
  if (!triangle) return {pixels.first / expand, pixels.last / expand};
  // Pixel 2i mixes samples i - 1 and i, pixel 2i + 1 mixes i and i + 1.
  return {std::max((pixels.first - 1) >> 1, 0), std::min((pixels.last + 1) >> 1, count - 1)};
}

}  // namespace

bool HasSimpleFrame(const JpegHeader& header) {
  const JpegScan& scan = header.scan;
  const size_t components = header.component_count;
  if (header.process != JpegProcess::kBaseline &&
      header.process != JpegProcess::kExtendedSequential) {
    return false;
  }
  if (header.bits_per_sample != 8 || (components != 1 && components != 3) ||
      scan.component_count != components || scan.spectral_start != 0 || scan.spectral_end != 63 ||
      scan.approximation != 0) {
    return false;
  }
  int32_t max_across = 1;
  int32_t max_down = 1;
  int32_t blocks = 0;
  for (size_t c = 0; c < components; ++c) {
    const JpegComponent& component = header.components[c];
    max_across = std::max<int32_t>(max_across, component.horizontal);
    max_down = std::max<int32_t>(max_down, component.vertical);
    blocks += component.horizontal * component.vertical;
  }
  if (components > 1 && blocks > kMaxBlocksInMcu) return false;
  for (size_t c = 0; c < components; ++c) {
    const JpegComponent& component = header.components[c];
    const size_t dc = scan.dc_table[c];
    const size_t ac = scan.ac_table[c];
    if (max_across % component.horizontal != 0 || max_down % component.vertical != 0 ||
        scan.component[c] != c || component.quantization_table >= header.quantization.size() ||
        !header.quantization_present[component.quantization_table] ||
        dc >= header.dc_huffman.size() || ac >= header.ac_huffman.size() ||
        !header.dc_huffman[dc].present || !header.ac_huffman[ac].present) {
      return false;
    }
  }
  return true;
}

Frame FrameOf(const JpegHeader& header) {
  Frame frame;
  frame.component_count = header.component_count;
  const auto components = static_cast<size_t>(frame.component_count);
  int32_t max_across = 1;
  int32_t max_down = 1;
  // A scan of one component has one block in each MCU, whatever its sampling factors (T.81 A.2.2).
  if (components > 1) {
    for (size_t c = 0; c < components; ++c) {
      max_across = std::max<int32_t>(max_across, header.components[c].horizontal);
      max_down = std::max<int32_t>(max_down, header.components[c].vertical);
    }
  }
  frame.mcu_width = max_across * kBlockSize;
  frame.mcu_height = max_down * kBlockSize;
  frame.mcus_across = CeilDiv(header.size.width, frame.mcu_width);
  frame.mcus_down = CeilDiv(header.size.height, frame.mcu_height);
  frame.blocks_per_mcu = 0;
  for (size_t c = 0; c < components; ++c) {
    ComponentPlane& plane = frame.planes[c];
    if (components > 1) {
      plane.blocks_across = header.components[c].horizontal;
      plane.blocks_down = header.components[c].vertical;
    }
    plane.width = CeilDiv(header.size.width * plane.blocks_across, max_across);
    plane.height = CeilDiv(header.size.height * plane.blocks_down, max_down);
    plane.expand_across = max_across / plane.blocks_across;
    plane.expand_down = max_down / plane.blocks_down;
    plane.upsampling = ChooseUpsampling(plane);
    frame.blocks_per_mcu += plane.blocks_across * plane.blocks_down;
  }
  return frame;
}

RegionExtent ExtentOf(const Frame& frame, const Box& region) {
  RegionExtent extent;
  extent.mcu_columns = {frame.mcus_across - 1, 0};
  extent.mcu_rows = {frame.mcus_down - 1, 0};
  for (size_t c = 0; c < static_cast<size_t>(frame.component_count); ++c) {
    const ComponentPlane& plane = frame.planes[c];
    const bool triangle_across =
        plane.upsampling == Upsampling::kFancyH2V1 || plane.upsampling == Upsampling::kFancyH2V2;
    const bool triangle_down =
        plane.upsampling == Upsampling::kFancyH1V2 || plane.upsampling == Upsampling::kFancyH2V2;
    extent.columns[c] = SamplesFor({region.x, region.x + region.width - 1}, plane.expand_across,
                                   triangle_across, plane.width);
    extent.rows[c] = SamplesFor({region.y, region.y + region.height - 1}, plane.expand_down,
                                triangle_down, plane.height);
    const int32_t across = plane.blocks_across * kBlockSize;
    const int32_t down = plane.blocks_down * kBlockSize;
    extent.mcu_columns.first = std::min(extent.mcu_columns.first, extent.columns[c].first / across);
    extent.mcu_columns.last = std::max(extent.mcu_columns.last, extent.columns[c].last / across);
    extent.mcu_rows.first = std::min(extent.mcu_rows.first, extent.rows[c].first / down);
    extent.mcu_rows.last = std::max(extent.mcu_rows.last, extent.rows[c].last / down);
  }
  return extent;
}

}  // namespace fastinet
