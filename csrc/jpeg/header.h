// Everything before a JPEG's first entropy-coded byte: size, components, tables, scan, markers.
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
  kBaseline,               // SOF0
  kExtendedSequential,     // SOF1
  kProgressive,            // SOF2
  kArithmetic,             // SOF9
  kProgressiveArithmetic,  // SOF10
  kOther,                  // lossless, hierarchical
};

/// Whether a frame's data come in scans, each of which refines the image.
[[nodiscard]] constexpr bool IsProgressive(JpegProcess process) {
  return process == JpegProcess::kProgressive || process == JpegProcess::kProgressiveArithmetic;
}

/// Whether they are coded arithmetically, and not by Huffman's codes.
[[nodiscard]] constexpr bool IsArithmetic(JpegProcess process) {
  return process == JpegProcess::kArithmetic || process == JpegProcess::kProgressiveArithmetic;
}

/// What the samples mean, guessed by libjpeg's rule (default_decompress_parms in jdapimin.c).
enum class JpegColour : uint8_t { kGrey, kYCbCr, kRgb, kCmyk, kYcck, kUnknown };

/// A Huffman table as DHT transmits it (T.81 B.2.4.2).
struct HuffmanSpec {
  bool present = false;
  std::array<uint8_t, 16> counts{};   // [i]: codes of i + 1 bits
  std::array<uint8_t, 256> values{};  // symbols in the order of their codes
};

/// The first scan's header (T.81 B.2.3).
struct JpegScan {
  uint8_t component_count = 0;
  std::array<uint8_t, 4> component{};  // indices into JpegHeader::components, in the scan's order
  std::array<uint8_t, 4> dc_table{};   // by position in the scan
  std::array<uint8_t, 4> ac_table{};
  uint8_t spectral_start = 0;
  uint8_t spectral_end = 63;
  uint8_t approximation = 0;       // Ah << 4 | Al
  uint32_t data_offset_bytes = 0;  // of the first entropy-coded byte
};

/// What the markers up to the first SOS say.
struct JpegHeader {
  Size size;
  JpegProcess process = JpegProcess::kBaseline;
  JpegColour colour = JpegColour::kUnknown;
  uint8_t bits_per_sample = 8;
  uint8_t component_count = 0;
  std::array<JpegComponent, 4> components;
  /// Quantisation steps in zig-zag order, as stored; present[k] tells which of the four came.
  std::array<std::array<uint16_t, 64>, 4> quantization{};
  std::array<bool, 4> quantization_present{};
  /// The tables in force at the first scan. Tables 0 and 1 that the file leaves out are those of
  /// T.81 K.3, as Motion JPEG and libjpeg-turbo have it.
  std::array<HuffmanSpec, 4> dc_huffman;
  std::array<HuffmanSpec, 4> ac_huffman;
  uint16_t restart_interval = 0;           // [MCUs]; 0: none
  std::optional<uint8_t> adobe_transform;  // APP14's colour transform: 0 none, 1 YCbCr, 2 YCCK
  bool has_jfif = false;
  uint8_t exif_orientation = 0;    // 1..8; from XMP where Exif does not say; 0: not given
  uint32_t scan_offset_bytes = 0;  // of the first SOS marker
  JpegScan scan;
  /// Hash of all segments but comments and application data, and of where the scan starts.
  uint64_t fingerprint = 0;
};

/// Reads the markers of `jpeg` up to its first scan, as tolerant as libjpeg-turbo and no more.
///
/// Fails with kCorrupt or kUnsupported; the status carries the byte offset within `jpeg`. A file
/// that ends before its first scan is kCorrupt with an offset of jpeg.size(): a caller that holds
/// only a file's first bytes can then read more of it and try again.
Result<JpegHeader> ReadJpegHeader(Bytes jpeg);

/// Reads a marker that stands behind the data of a scan, and its segment, as libjpeg-turbo does on
/// its way to the end of the image; no marker that begins a scan, a frame or an image.
///
/// `marker_end` is the byte behind the marker's code. Returns the byte behind the segment. Fails
/// as ReadJpegHeader does: also with an offset of jpeg.size() where the file ends before that.
Result<size_t> SkipJpegMarker(Bytes jpeg, size_t marker_end);

/// True when `data` begins like a JPEG (SOI and a further marker).
bool LooksLikeJpeg(Bytes data);

/// The IJG quality setting, 1..100, whose luma table (T.81 K.1, scaled as in jcparam.c) is nearest
/// to the first component's quantisation table; nothing when that table is missing.
[[nodiscard]] std::optional<int> EstimateQuality(const JpegHeader& header);

/// kZigZagToNatural[k]: row * 8 + column of the k-th coefficient in zig-zag order (T.81 figure 5).
inline constexpr std::array<uint8_t, 64> kZigZagToNatural = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

}  // namespace fastinet
