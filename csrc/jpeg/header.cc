#include "jpeg/header.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/exif.h"
#include "jpeg/hash.h"
#include "jpeg/standard_tables.h"

namespace fastinet {
namespace {

// Marker codes (T.81 table B.1).
constexpr uint32_t kSof0 = 0xC0;
constexpr uint32_t kSof15 = 0xCF;
constexpr uint32_t kDht = 0xC4;
constexpr uint32_t kJpgExtension = 0xC8;
constexpr uint32_t kDac = 0xCC;
constexpr uint32_t kRst0 = 0xD0;
constexpr uint32_t kRst7 = 0xD7;
constexpr uint32_t kSoi = 0xD8;
constexpr uint32_t kEoi = 0xD9;
constexpr uint32_t kSos = 0xDA;
constexpr uint32_t kDqt = 0xDB;
constexpr uint32_t kDnl = 0xDC;
constexpr uint32_t kDri = 0xDD;
constexpr uint32_t kApp0 = 0xE0;
constexpr uint32_t kApp1 = 0xE1;
constexpr uint32_t kApp14 = 0xEE;
constexpr uint32_t kApp15 = 0xEF;
constexpr uint32_t kCom = 0xFE;
constexpr uint32_t kTem = 0x01;

constexpr int32_t kMaxDimension = 65500;  // JPEG_MAX_DIMENSION in jmorecfg.h
constexpr size_t kMaxFrameComponents = 4;

std::string MarkerName(uint32_t marker) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("FF") + kDigits[marker >> 4] + kDigits[marker & 15];
}

/// The bytes of one marker segment, read from front to back.
class SegmentReader {
 public:
  explicit SegmentReader(Bytes bytes) : bytes_(bytes) {}

  size_t remaining() const { return bytes_.size(); }

  /// The next `count` bytes, or nothing when the segment is shorter.
  [[nodiscard]] std::optional<Bytes> Take(size_t count) {
    if (count > bytes_.size()) return std::nullopt;
    const Bytes taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

 private:
  Bytes bytes_;
};

bool StartsWith(Bytes bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

JpegColour ThreeComponentColour(const JpegHeader& header) {
  if (header.has_jfif) return JpegColour::kYCbCr;
  if (header.adobe_transform) {
    return *header.adobe_transform == 0 ? JpegColour::kRgb : JpegColour::kYCbCr;
  }
  const auto& c = header.components;
  const bool named_rgb = c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B';
  return named_rgb ? JpegColour::kRgb : JpegColour::kYCbCr;
}

JpegColour GuessColour(const JpegHeader& header) {
  switch (header.component_count) {
    case 1:
      return JpegColour::kGrey;
    case 3:
      return ThreeComponentColour(header);
    case 4:
      if (!header.adobe_transform || *header.adobe_transform == 0) return JpegColour::kCmyk;
      return JpegColour::kYcck;
    default:
      return JpegColour::kUnknown;
  }
}

/// Walks the markers and fills in a JpegHeader.
class HeaderReader {
 public:
  explicit HeaderReader(Bytes jpeg) : jpeg_(jpeg) {}

  Result<JpegHeader> Read();

  /// As SkipJpegMarker.
  Result<size_t> SkipMarker(size_t marker_end) {
    offset_ = marker_end;
    marker_offset_ = marker_end - 2;
    FASTINET_RETURN_IF_ERROR(ReadMarker(jpeg_[marker_end - 1]));
    return offset_;
  }

 private:
  Status EndsEarly() const {
    return Corrupt("the JPEG ends before its first scan")
        .AtOffset(static_cast<int64_t>(jpeg_.size()));
  }
  Status BadSegment(const char* cause) const {
    return Corrupt(cause).AtOffset(static_cast<int64_t>(marker_offset_));
  }

  Result<uint32_t> NextMarker();
  Result<Bytes> Segment(bool is_read);
  Status ReadMarker(uint32_t marker);
  Status ReadFrame(uint32_t marker, Bytes segment);
  Status ReadScan(Bytes segment);
  Status ReadQuantization(Bytes segment);
  Status ReadHuffman(Bytes segment);
  Status ReadRestartInterval(Bytes segment);
  Status CheckArithmeticConditioning(Bytes segment) const;
  void ReadApp0(Bytes segment);
  void ReadApp1(Bytes segment);
  void ReadApp14(Bytes segment);
  void FillIn();

  Bytes jpeg_;
  size_t offset_ = 0;         // of the next byte to read
  size_t marker_offset_ = 0;  // of the marker being read
  bool saw_frame_ = false;
  bool saw_scan_ = false;
  bool saw_exif_ = false;
  std::optional<uint8_t> exif_orientation_, xmp_orientation_;
  JpegHeader header_;
};

/// Goes to the next marker. As in libjpeg (next_marker in jdmarker.c), bytes between segments and
/// FF00 pairs are passed over, and any number of FF bytes may precede a marker code.
Result<uint32_t> HeaderReader::NextMarker() {
  while (true) {
    while (offset_ < jpeg_.size() && jpeg_[offset_] != 0xFF) ++offset_;
    while (offset_ < jpeg_.size() && jpeg_[offset_] == 0xFF) ++offset_;
    if (offset_ == jpeg_.size()) return EndsEarly();
    const uint32_t code = jpeg_[offset_++];
    if (code == 0) continue;
    marker_offset_ = offset_ - 2;
    return code;
  }
}

/// The parameters after the current marker. A length below 2 is no length; where nothing is read
/// from the segment libjpeg takes it for 2 (skip_variable in jdmarker.c).
Result<Bytes> HeaderReader::Segment(bool is_read) {
  if (jpeg_.size() - offset_ < 2) return EndsEarly();
  size_t length = LoadBigEndian16(jpeg_.data() + offset_);
  if (length < 2 && is_read) return BadSegment("a segment's length is below 2");
  length = std::max<size_t>(length, 2);
  if (jpeg_.size() - offset_ < length) return EndsEarly();
  const Bytes segment = jpeg_.subspan(offset_ + 2, length - 2);
  offset_ += length;
  return segment;
}

Status HeaderReader::ReadFrame(uint32_t marker, Bytes segment) {
  if (saw_frame_) return BadSegment("a second frame header (SOF)");
  SegmentReader reader(segment);
  const auto fixed = reader.Take(6);
  if (!fixed) return BadSegment("the frame header (SOF) is too short");
  const uint8_t* p = fixed->data();
  header_.bits_per_sample = p[0];
  header_.size.height = static_cast<int32_t>(LoadBigEndian16(p + 1));
  header_.size.width = static_cast<int32_t>(LoadBigEndian16(p + 3));
  const size_t components = p[5];
  if (header_.size.width == 0 || header_.size.height == 0 || components == 0) {
    return BadSegment("the frame header (SOF) describes an empty image");
  }
  if (reader.remaining() != 3 * components) {
    return BadSegment("the frame header's (SOF) length does not fit its components");
  }
  if (header_.size.width > kMaxDimension || header_.size.height > kMaxDimension) {
    return Unsupported("the image is more than 65500 pixels wide or high")
        .AtOffset(static_cast<int64_t>(marker_offset_));
  }
  if (components > kMaxFrameComponents) {
    return Unsupported("the image has " + std::to_string(components) + " colour components")
        .AtOffset(static_cast<int64_t>(marker_offset_));
  }
  for (size_t i = 0; i < components; ++i) {
    const uint8_t* c = reader.Take(3)->data();
    JpegComponent& component = header_.components[i];
    component.id = c[0];
    component.horizontal = c[1] >> 4;
    component.vertical = c[1] & 15;
    component.quantization_table = c[2];
    if (component.horizontal < 1 || component.horizontal > 4 || component.vertical < 1 ||
        component.vertical > 4) {
      return BadSegment("a sampling factor lies outside 1..4");
    }
  }
  header_.component_count = static_cast<uint8_t>(components);
  switch (marker) {
    case kSof0:
      header_.process = JpegProcess::kBaseline;
      break;
    case kSof0 + 1:
      header_.process = JpegProcess::kExtendedSequential;
      break;
    case kSof0 + 2:
      header_.process = JpegProcess::kProgressive;
      break;
    case kSof0 + 9:
      header_.process = JpegProcess::kArithmetic;
      break;
    case kSof0 + 10:
      header_.process = JpegProcess::kProgressiveArithmetic;
      break;
    default:
      header_.process = JpegProcess::kOther;
  }
  saw_frame_ = true;
  return {};
}

Status HeaderReader::ReadScan(Bytes segment) {
  if (!saw_frame_) return BadSegment("a scan (SOS) comes before the frame header (SOF)");
  SegmentReader reader(segment);
  const auto count = reader.Take(1);
  const size_t components = count ? (*count)[0] : 0;
  JpegScan& scan = header_.scan;
  if (components < 1 || components > scan.component.size() ||
      reader.remaining() != 2 * components + 3) {
    return BadSegment("the scan header's (SOS) length does not fit its components");
  }
  std::array<bool, kMaxFrameComponents> taken{};
  for (size_t i = 0; i < components; ++i) {
    const uint8_t* p = reader.Take(2)->data();
    // libjpeg looks from the scan's own position on (get_sos in jdmarker.c), so components keep the
    // frame's order.
    size_t index = i;
    while (index < header_.component_count && header_.components[index].id != p[0]) ++index;
    if (index >= header_.component_count || taken[index]) {
      return BadSegment("the scan (SOS) names a component that the frame does not have");
    }
    taken[index] = true;
    scan.component[i] = static_cast<uint8_t>(index);
    scan.dc_table[i] = p[1] >> 4;
    scan.ac_table[i] = p[1] & 15;
  }
  const uint8_t* p = reader.Take(3)->data();
  scan.component_count = static_cast<uint8_t>(components);
  scan.spectral_start = p[0];
  scan.spectral_end = p[1];
  scan.approximation = p[2];
  scan.data_offset_bytes = static_cast<uint32_t>(offset_);
  header_.scan_offset_bytes = static_cast<uint32_t>(marker_offset_);
  saw_scan_ = true;
  return {};
}

Status HeaderReader::ReadQuantization(Bytes segment) {
  SegmentReader reader(segment);
  while (reader.remaining() > 0) {
    const uint8_t spec = (*reader.Take(1))[0];
    const size_t index = spec & 15;
    const bool wide = spec >> 4 != 0;
    if (index >= header_.quantization.size()) {
      return BadSegment("a quantisation table (DQT) has a number above 3");
    }
    const auto steps = reader.Take(wide ? 128 : 64);
    if (!steps) return BadSegment("a quantisation table (DQT) is cut short");
    for (size_t k = 0; k < 64; ++k) {
      header_.quantization[index][k] =
          static_cast<uint16_t>(wide ? LoadBigEndian16(steps->data() + 2 * k) : (*steps)[k]);
    }
    header_.quantization_present[index] = true;
  }
  return {};
}

Status HeaderReader::ReadHuffman(Bytes segment) {
  SegmentReader reader(segment);
  while (reader.remaining() > 0) {
    const auto fixed = reader.Take(17);
    if (!fixed) return BadSegment("a Huffman table (DHT) is cut short");
    const uint8_t spec = (*fixed)[0];
    const size_t index = spec & 15;
    if (spec >> 4 > 1 || index >= header_.dc_huffman.size()) {
      return BadSegment("a Huffman table (DHT) has a number above 3");
    }
    HuffmanSpec& table = spec >> 4 == 0 ? header_.dc_huffman[index] : header_.ac_huffman[index];
    size_t codes = 0;
    for (size_t i = 0; i < 16; ++i) codes += table.counts[i] = (*fixed)[1 + i];
    const auto values = codes <= 256 ? reader.Take(codes) : std::nullopt;
    if (!values) return BadSegment("a Huffman table (DHT) holds fewer symbols than it announces");
    table.values.fill(0);
    std::copy(values->begin(), values->end(), table.values.begin());
    table.present = true;
  }
  return {};
}

Status HeaderReader::ReadRestartInterval(Bytes segment) {
  if (segment.size() != 2) return BadSegment("the restart interval (DRI) has a wrong length");
  header_.restart_interval = static_cast<uint16_t>(LoadBigEndian16(segment.data()));
  return {};
}

/// DAC means nothing to a Huffman-coded scan, but libjpeg refuses broken ones (get_dac).
Status HeaderReader::CheckArithmeticConditioning(Bytes segment) const {
  constexpr uint8_t kTables = 16;  // NUM_ARITH_TBLS: DC 0..15, then AC
  if (segment.size() % 2 != 0) return BadSegment("arithmetic conditioning (DAC) is cut short");
  for (size_t i = 0; i < segment.size(); i += 2) {
    const uint8_t index = segment[i], value = segment[i + 1];
    if (index >= 2 * kTables || (index < kTables && (value & 15) > value >> 4)) {
      return BadSegment("arithmetic conditioning (DAC) is out of range");
    }
  }
  return {};
}

void HeaderReader::ReadApp0(Bytes segment) {
  if (segment.size() >= 14 && StartsWith(segment, std::string_view("JFIF\0", 5))) {
    header_.has_jfif = true;
  }
}

/// The first Exif segment counts (further ones would continue it), and the last XMP packet.
void HeaderReader::ReadApp1(Bytes segment) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  if (StartsWith(segment, kExif) && !saw_exif_) {
    saw_exif_ = true;
    exif_orientation_ = ExifOrientation(segment.subspan(kExif.size()));
  } else if (StartsWith(segment, kXmp)) {
    xmp_orientation_ = XmpOrientation(segment.subspan(kXmp.size()));
  }
}

void HeaderReader::ReadApp14(Bytes segment) {
  if (segment.size() >= 12 && StartsWith(segment, "Adobe")) header_.adobe_transform = segment[11];
}

Status HeaderReader::ReadMarker(uint32_t marker) {
  if ((marker >= kRst0 && marker <= kRst7) || marker == kTem) return {};  // no parameters
  if (marker == kSoi) return BadSegment("a second start of image (SOI)");
  if (marker == kEoi) return BadSegment("the image ends (EOI) before its first scan");
  const bool known = (marker >= kSof0 && marker <= kSof15) || marker == kSos || marker == kDqt ||
                     marker == kDnl || marker == kDri || (marker >= kApp0 && marker <= kApp15) ||
                     marker == kCom;
  if (!known || marker == kJpgExtension) {
    return Unsupported("marker " + MarkerName(marker) + " is not one that libjpeg-turbo reads")
        .AtOffset(static_cast<int64_t>(marker_offset_));
  }
  FASTINET_ASSIGN_OR_RETURN(const Bytes segment, Segment(marker < kApp0 && marker != kDnl));
  if (marker < kApp0) header_.fingerprint = HashBytes(segment, header_.fingerprint + marker);
  switch (marker) {
    case kDht:
      return ReadHuffman(segment);
    case kSos:
      return ReadScan(segment);
    case kDqt:
      return ReadQuantization(segment);
    case kDri:
      return ReadRestartInterval(segment);
    case kApp0:
      ReadApp0(segment);
      return {};
    case kApp1:
      ReadApp1(segment);
      return {};
    case kApp14:
      ReadApp14(segment);
      return {};
    case kDac:
      return CheckArithmeticConditioning(segment);
    default:
      return marker >= kSof0 && marker <= kSof15 ? ReadFrame(marker, segment) : Status();
  }
}

/// Settles what the markers leave open.
void HeaderReader::FillIn() {
  header_.colour = GuessColour(header_);
  header_.fingerprint = HashNumber(header_.scan.data_offset_bytes, header_.fingerprint);
  header_.exif_orientation = exif_orientation_.value_or(xmp_orientation_.value_or(uint8_t{0}));
  for (size_t i = 0; i < 2; ++i) {
    if (!header_.dc_huffman[i].present) header_.dc_huffman[i] = StandardDcTable(i == 1);
    if (!header_.ac_huffman[i].present) header_.ac_huffman[i] = StandardAcTable(i == 1);
  }
}

Result<JpegHeader> HeaderReader::Read() {
  if (jpeg_.size() < 2) return EndsEarly();
  if (jpeg_[0] != 0xFF || jpeg_[1] != kSoi) {
    return Corrupt("the bytes do not start like a JPEG").AtOffset(0);
  }
  offset_ = 2;
  while (!saw_scan_) {
    FASTINET_ASSIGN_OR_RETURN(const uint32_t marker, NextMarker());
    FASTINET_RETURN_IF_ERROR(ReadMarker(marker));
  }
  FillIn();
  return std::move(header_);
}

}  // namespace

Result<JpegHeader> ReadJpegHeader(Bytes jpeg) { return HeaderReader(jpeg).Read(); }

Result<size_t> SkipJpegMarker(Bytes jpeg, size_t marker_end) {
  return HeaderReader(jpeg).SkipMarker(marker_end);
}

bool LooksLikeJpeg(Bytes data) {
  return data.size() >= 3 && data[0] == 0xFF && data[1] == kSoi && data[2] == 0xFF;
}

std::optional<int> EstimateQuality(const JpegHeader& header) {
  const size_t index = header.components[0].quantization_table;
  if (index >= header.quantization.size() || !header.quantization_present[index]) {
    return std::nullopt;
  }
  int best_quality = 1;
  int64_t best_distance = INT64_MAX;
  for (int quality = 1; quality <= 100; ++quality) {
    // jpeg_quality_scaling in jcparam.c: percent of the standard table's steps.
    const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    int64_t distance = 0;
    for (size_t k = 0; k < 64; ++k) {
      const int step =
          std::clamp((kStandardLumaSteps[kZigZagToNatural[k]] * scale + 50) / 100, 1, 255);
      distance += std::abs(step - header.quantization[index][k]);
    }
    if (distance < best_distance) {
      best_distance = distance;
      best_quality = quality;
    }
  }
  return best_quality;
}

}  // namespace fastinet
