// What must hold for the headers of JPEGs of any bytes whatever; shared by the fuzzer and its
// replay.
#pragma once

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/exif.h"
#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "jpeg/header.h"
#include "jpeg/scan_end.h"
#include "jpeg/test_jpegs.h"
#include "png/png.h"
#include "png/test_pngs.h"

namespace fastinet::fuzz {

/// What libjpeg-turbo reads of a header.
struct OracleHeader {
  bool refused = false;
  Size size;
  int components = 0;
  std::array<std::array<int, 2>, 4> sampling{};
  unsigned restart_interval = 0;
  bool progressive = false;
  bool arithmetic = false;
  int colour = 0;
};

inline OracleHeader ReadOracleHeader(Bytes jpeg) {
  OracleHeader header;
  test::detail::OracleSession session;
  jpeg_decompress_struct decoder;
  test::detail::CreateDecoder(decoder, session);
  if (setjmp(session.on_error) != 0) {
    jpeg_destroy_decompress(&decoder);
    header.refused = true;
    return header;
  }
  jpeg_mem_src(&decoder, jpeg.data(), static_cast<unsigned long>(jpeg.size()));
  jpeg_read_header(&decoder, TRUE);
  header.size = {static_cast<int32_t>(decoder.image_width),
                 static_cast<int32_t>(decoder.image_height)};
  header.components = decoder.num_components;
  for (int c = 0; c < std::min(decoder.num_components, 4); ++c) {
    header.sampling[static_cast<size_t>(c)] = {decoder.comp_info[c].h_samp_factor,
                                               decoder.comp_info[c].v_samp_factor};
  }
  header.restart_interval = decoder.restart_interval;
  header.progressive = decoder.progressive_mode != 0;
  header.arithmetic = decoder.arith_code != 0;
  header.colour = decoder.jpeg_color_space;
  jpeg_destroy_decompress(&decoder);
  return header;
}

inline int OracleColour(JpegColour colour) {
  switch (colour) {
    case JpegColour::kGrey:
      return JCS_GRAYSCALE;
    case JpegColour::kYCbCr:
      return JCS_YCbCr;
    case JpegColour::kRgb:
      return JCS_RGB;
    case JpegColour::kCmyk:
      return JCS_CMYK;
    case JpegColour::kYcck:
      return JCS_YCCK;
    case JpegColour::kUnknown:
      return JCS_UNKNOWN;
  }
  return -1;
}

/// A header says what libjpeg-turbo reads.
inline void CompareHeaders(const JpegHeader& header, const OracleHeader& oracle) {
  if (header.process == JpegProcess::kOther || header.bits_per_sample != 8) return;
  Demand(!oracle.refused, "libjpeg-turbo takes the headers that are taken");
  Demand(header.size == oracle.size && header.component_count == oracle.components &&
             header.restart_interval == oracle.restart_interval &&
             IsArithmetic(header.process) == oracle.arithmetic &&
             IsProgressive(header.process) == oracle.progressive &&
             OracleColour(header.colour) == oracle.colour,
         "headers say what libjpeg-turbo reads");
  for (size_t i = 0; i < header.component_count; ++i) {
    Demand(header.components[i].horizontal == oracle.sampling[i][0] &&
               header.components[i].vertical == oracle.sampling[i][1],
           "sampling factors are those of libjpeg-turbo");
  }
}

inline void CheckHeader(Bytes jpeg, Choices choices) {
  const std::vector<uint8_t> copy(jpeg.begin(), jpeg.end());  // its end is guarded
  const Result<JpegHeader> parsed = ReadJpegHeader(copy);
  const OracleHeader oracle = ReadOracleHeader(copy);
  if (!parsed.ok()) {
    const Status& status = parsed.status();
    Demand(status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kUnsupported,
           "what is no header is corrupt or unsupported");
    Demand(status.offset_bytes() >= 0 && status.offset_bytes() <= std::ssize(copy),
           "errors have an offset in the file");
    // libjpeg-turbo goes on behind the end of a file, with what it makes up.
    const bool ends_early = status.offset_bytes() == std::ssize(copy);
    Demand(ends_early || status.code() != StatusCode::kCorrupt || oracle.refused,
           "libjpeg-turbo refuses the headers that are called corrupt");
    return;
  }
  const JpegHeader& header = parsed.value();
  CompareHeaders(header, oracle);
  const std::optional<int> quality = EstimateQuality(header);
  Demand(!quality || (*quality >= 1 && *quality <= 100), "quality settings go from 1 to 100");
  Demand(header.exif_orientation <= 8, "there are eight orientations");
  const size_t end = header.scan.data_offset_bytes;
  Demand(header.scan_offset_bytes < end && end <= copy.size(), "the scan lies in the file");
  if (HasOneScan(header)) {
    const Status status = CheckScanEnd(copy, end);
    Demand(status.ok() || (status.offset_bytes() >= 0 && status.offset_bytes() < std::ssize(copy)),
           "a second scan has an offset in the file");
  }
  // What comes behind a header does not matter to it, and a part of one asks for more bytes.
  const std::vector<uint8_t> needed(copy.begin(), copy.begin() + static_cast<ptrdiff_t>(end));
  const Result<JpegHeader> same = ReadJpegHeader(needed);
  Demand(same.ok() && same.value().fingerprint == header.fingerprint &&
             same.value().exif_orientation == header.exif_orientation,
         "a header needs no byte behind it");
  const size_t cut = static_cast<size_t>(choices.Byte() << 8 | choices.Byte()) % end;
  const std::vector<uint8_t> part(copy.begin(), copy.begin() + static_cast<ptrdiff_t>(cut));
  const Status status = ReadJpegHeader(part).status();
  Demand(status.code() == StatusCode::kCorrupt && status.offset_bytes() == std::ssize(part),
         "a part of a header ends early");
}

/// An Exif block says the same alone, in a JPEG and in a PNG.
inline void CheckExif(Bytes tiff) {
  constexpr size_t kMostBytes = 0xFFFF - 2 - 6;
  const std::vector<uint8_t> block(
      tiff.begin(), tiff.begin() + static_cast<ptrdiff_t>(std::min(tiff.size(), kMostBytes)));
  const uint8_t orientation = ExifOrientation(block).value_or(uint8_t{0});
  const uint8_t from_xmp = XmpOrientation(block).value_or(uint8_t{0});
  Demand(orientation <= 8 && from_xmp <= 8, "there are eight orientations");
  std::vector<uint8_t> jpeg = test::MakeJpeg({.size = {1, 1}, .components = 1});
  constexpr std::string_view kExif("Exif\0\0", 6);
  const size_t length = 2 + kExif.size() + block.size();
  std::vector<uint8_t> segment = {0xFF, 0xE1, static_cast<uint8_t>(length >> 8),
                                  static_cast<uint8_t>(length)};
  for (const char byte : kExif) segment.push_back(static_cast<uint8_t>(byte));
  segment.insert(segment.end(), block.begin(), block.end());
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  const Result<JpegHeader> header = ReadJpegHeader(jpeg);
  Demand(header.ok() && header.value().exif_orientation == orientation,
         "Exif says the same in a JPEG");
  std::vector<uint8_t> png = test::MakePng({.size = {1, 1}});
  std::vector<uint8_t> chunk;
  test::AppendPngChunk(chunk, "eXIf", block);
  constexpr size_t kBehindHeader = 8 + 25;
  png.insert(png.begin() + kBehindHeader, chunk.begin(), chunk.end());
  const Result<PngHeader> png_header = ReadPngHeader(png);
  Demand(png_header.ok() && png_header.value().exif_orientation == orientation, "and in a PNG");
}

/// The step: of what kind the rest of the input is stands in its first byte, and two bytes of
/// further choices follow.
inline void CheckInput(Bytes input) {
  Choices choices(input);
  const uint8_t kind = choices.Byte() % 2;
  const Choices cut(choices.rest().first(std::min<size_t>(2, choices.rest().size())));
  for (int i = 0; i < 2; ++i) choices.Byte();
  if (kind == 1) return CheckHeader(choices.rest(), cut);
  CheckExif(choices.rest());
}

}  // namespace fastinet::fuzz
