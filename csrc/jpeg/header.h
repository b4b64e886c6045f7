// Everything before a JPEG's first scan: size, components, sampling, tables, markers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"

namespace fastinet {

/// One colour component of a frame (T.81 B.2.2).
struct JpegComponent {
  uint8_t id = 0;
  uint8_t horizontal = 1;  // sampling factors, 1..4
  uint8_t vertical = 1;
  uint8_t quantization_table = 0;  // 0..3
};

/// The coding process of a frame, by its SOFn marker (T.81 table B.1).
enum class JpegProcess : uint8_t {
  kBaseline,            // SOF0
  kExtendedSequential,  // SOF1
  kProgressive,         // SOF2
  kArithmetic,          // SOF9, SOF10
  kOther,               // lossless, hierarchical
};

/// What the markers up to the first SOS say.
struct JpegHeader {
  Size size;
  JpegProcess process = JpegProcess::kBaseline;
  uint8_t bits_per_sample = 8;
  uint8_t component_count = 0;
  std::array<JpegComponent, 4> components;
  /// Quantisation steps in zig-zag order, as stored; present[k] tells which of the four came.
  std::array<std::array<uint16_t, 64>, 4> quantization{};
  std::array<bool, 4> quantization_present{};
  uint16_t restart_interval = 0;               // [MCUs]; 0: none
  std::optional<uint8_t> adobe_transform;      // APP14's colour transform: 0 none, 1 YCbCr, 2 YCCK
  bool has_jfif = false;
  uint8_t exif_orientation = 0;                // 1..8; 0: not given
  uint32_t scan_offset_bytes = 0;              // of the first SOS marker
};

/// Reads the markers of `jpeg` up to its first scan. Fails with kCorrupt or kUnsupported; the
/// status carries the byte offset within `jpeg`.
Result<JpegHeader> ReadJpegHeader(Bytes jpeg);

/// True when `data` begins like a JPEG (SOI and a further marker).
bool LooksLikeJpeg(Bytes data);

}  // namespace fastinet
