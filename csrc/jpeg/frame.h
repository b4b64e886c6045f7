// The geometry of a sequential frame: components, blocks, MCUs, and which of them a region needs.
#pragma once

#include <array>
#include <cstdint>

#include "base/image.h"
#include "jpeg/header.h"

namespace fastinet {

/// How libjpeg-turbo brings a component to full size (jinit_upsampler in jdsample.c).
enum class Upsampling : uint8_t {
  kNone,       // the component has full size
  kReplicate,  // each sample is repeated
  kFancyH2V1,  // triangle filter: 2 columns from 1, both, or 2 rows from 1
  kFancyH2V2,
  kFancyH1V2,
};

/// One component's plane of samples.
struct ComponentPlane {
  int32_t blocks_across = 1;  // in an MCU
  int32_t blocks_down = 1;
  int32_t width = 0;  // [samples], without the padding to whole blocks
  int32_t height = 0;
  int32_t expand_across = 1;  // pixels per sample
  int32_t expand_down = 1;
  Upsampling upsampling = Upsampling::kNone;
};

/// A frame whose components all come in one scan.
struct Frame {
  int32_t component_count = 0;  // 1 or 3
  std::array<ComponentPlane, 3> planes;
  int32_t mcu_width = 8;  // [pixels]
  int32_t mcu_height = 8;
  int32_t mcus_across = 0;
  int32_t mcus_down = 0;
  int32_t blocks_per_mcu = 1;

  int64_t mcu_count() const { return int64_t{mcus_across} * mcus_down; }
};

/// First and last index, both included.
struct IndexRange {
  int32_t first = 0;
  int32_t last = 0;
  int32_t count() const { return last - first + 1; }
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

/// The samples of each component and the MCUs that a region's pixels depend on, the neighbours that
/// fancy upsampling mixes in included.
struct RegionExtent {
  std::array<IndexRange, 3> columns;  // [samples]
  std::array<IndexRange, 3> rows;
  IndexRange mcu_columns;
  IndexRange mcu_rows;
};

/// True when our JPEG decoder (RegionDecoder) takes the file: 8-bit baseline or extended sequential
/// Huffman coding, one interleaved scan of 1 or 3 components, whole-numbered sampling ratios.
bool HasSimpleFrame(const JpegHeader& header);

/// The frame of a header for which HasSimpleFrame is true.
Frame FrameOf(const JpegHeader& header);

/// What `region`, which lies inside the image, depends on.
RegionExtent ExtentOf(const Frame& frame, const Box& region);

}  // namespace fastinet
