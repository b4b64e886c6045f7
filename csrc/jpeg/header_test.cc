// Headers: what they say, how far tolerance goes, and where errors point.

#include "jpeg/header.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/test_checks.h"
#include "jpeg/huffman.h"
#include "jpeg/standard_tables.h"
#include "jpeg/test_jpegs.h"

namespace fastinet {
namespace {

using test::JpegRecipe;
using test::MakeJpeg;

/// `jpeg` with `bytes` put in right after SOI.
std::vector<uint8_t> WithAfterSoi(std::vector<uint8_t> jpeg, std::string_view bytes) {
  jpeg.insert(jpeg.begin() + 2, bytes.begin(), bytes.end());
  return jpeg;
}

/// The place of a marker.
size_t Find(Bytes jpeg, uint8_t code) {
  for (size_t i = 0; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xFF && jpeg[i + 1] == code) return i;
  }
  return jpeg.size();
}

TEST_CASE("the header says what the file was made with") {
  JpegRecipe recipe;
  recipe.size = {123, 45};
  recipe.sampling[0] = {2, 1};
  recipe.restart_interval = 5;
  recipe.quality = 83;
  const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  const JpegHeader header = ReadJpegHeader(jpeg).value();
  CHECK(header.size == recipe.size);
  CHECK(header.process == JpegProcess::kBaseline);
  CHECK((header.colour == JpegColour::kYCbCr && header.has_jfif));
  CHECK_EQ(int{header.component_count}, 3);
  CHECK_EQ(int{header.components[0].horizontal}, 2);
  CHECK_EQ(int{header.components[0].vertical}, 1);
  CHECK_EQ(int{header.components[1].quantization_table}, 1);
  CHECK_EQ(header.restart_interval, 5);
  CHECK_EQ(header.scan_offset_bytes, Find(jpeg, 0xDA));
  CHECK_EQ(header.scan.data_offset_bytes, header.scan_offset_bytes + 2 + 12);
  CHECK_EQ(int{header.scan.ac_table[2]}, 1);
  CHECK((header.dc_huffman[0].present && header.ac_huffman[1].present));
  CHECK(!header.dc_huffman[2].present);
}

TEST_CASE("the quality is estimated from the tables") {
  for (int quality = 1; quality <= 100; ++quality) {
    JpegRecipe recipe;
    recipe.quality = quality;
    const auto estimate = EstimateQuality(ReadJpegHeader(MakeJpeg(recipe)).value());
    // Below 10 the encoder goes beyond the 8 bits that the estimate's tables have.
    CHECK_MESSAGE((estimate && (*estimate == quality || quality < 13)), "quality ", quality);
  }
}

TEST_CASE("the colour space follows Adobe's marker, then the ids") {
  JpegRecipe recipe;
  recipe.rgb = true;
  std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  CHECK(ReadJpegHeader(jpeg).value().colour == JpegColour::kRgb);  // by Adobe's transform 0
  CHECK_EQ(int{*ReadJpegHeader(jpeg).value().adobe_transform}, 0);
  jpeg[Find(jpeg, 0xEE) + 4] = 'a';  // no Adobe segment any more; the ids are R, G, B
  CHECK(ReadJpegHeader(jpeg).value().colour == JpegColour::kRgb);
  const size_t frame = Find(jpeg, 0xC0);
  const size_t scan = Find(jpeg, 0xDA);
  jpeg[frame + 10] = jpeg[scan + 5] = 'r';
  CHECK(ReadJpegHeader(jpeg).value().colour == JpegColour::kYCbCr);
  recipe = {};
  recipe.components = 1;
  CHECK(ReadJpegHeader(MakeJpeg(recipe)).value().colour == JpegColour::kGrey);
  recipe.components = 4;
  CHECK(ReadJpegHeader(MakeJpeg(recipe)).value().colour == JpegColour::kCmyk);
}

TEST_CASE("the orientation is read, and damaged Exif is never an error") {
  using namespace std::string_view_literals;
  const std::vector<uint8_t> jpeg = MakeJpeg({});
  const auto orientation = [&](std::string_view segment) {
    const auto header = ReadJpegHeader(WithAfterSoi(jpeg, segment));
    CHECK_OK(header.status());
    return int{header.value().exif_orientation};
  };
  constexpr auto kBig =
      "\xFF\xE1\x00\x22"
      "Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"sv;
  constexpr auto kLittle =
      "\xFF\xE1\x00\x22"
      "Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0"sv;
  CHECK_EQ(orientation(kBig), 6);
  CHECK_EQ(orientation(kLittle), 8);
  // Every byte of it broken in turn: never an error.
  for (size_t i = 4; i < kBig.size(); ++i) {
    for (const char value : {'\x00', '\x7F', '\xFF'}) {
      std::string broken(kBig);
      broken[i] = value;
      const int found = orientation(broken);
      CHECK_MESSAGE((found >= 0 && found <= 8), found);
    }
  }
  // Cut short anywhere.
  for (size_t length = 2; length < kBig.size() - 2; ++length) {
    std::string cut = "\xFF\xE1";
    cut += '\0';
    cut += static_cast<char>(length);
    cut += kBig.substr(4, length - 2);
    const int found = orientation(cut);
    CHECK_MESSAGE((found == 0 || found == 6), found);
  }
}

TEST_CASE("junk that libjpeg-turbo passes over is passed over") {
  using namespace std::string_view_literals;
  const std::vector<uint8_t> jpeg = MakeJpeg({});
  const uint64_t fingerprint = ReadJpegHeader(jpeg).value().fingerprint;
  for (const std::string_view junk : {"\xFF\xFF\xFF"sv, "garbage"sv, "\xFF\x00"sv,
                                      "\xFF\xD3\xFF\x01"sv, "\xFF\xE9\x00\x04zz\xFF\xFE\x00\x03z"sv,
                                      "\xFF\xE9\x00\x00"sv, "\xFF\xDC\x00\x04\x00\x07"sv}) {
    const std::vector<uint8_t> with_junk = WithAfterSoi(jpeg, junk);
    const auto header = ReadJpegHeader(with_junk);
    CHECK_OK(header.status());
    CHECK(!test::OracleDecode(with_junk).fatal);
    // The fingerprint tells where the scan is, so it knows that something came in.
    CHECK((header.ok() && header.value().fingerprint != fingerprint));
  }
}

TEST_CASE("errors point at the byte where the header breaks") {
  using namespace std::string_view_literals;
  std::vector<uint8_t> jpeg = MakeJpeg({});
  const size_t scan_end = ReadJpegHeader(jpeg).value().scan.data_offset_bytes;
  for (size_t length = 0; length < scan_end; ++length) {
    const Status status = ReadJpegHeader(Bytes(jpeg).first(length)).status();
    CHECK_MESSAGE(status.code() == StatusCode::kCorrupt, status);
    CHECK_EQ(status.offset_bytes(), static_cast<int64_t>(length));
  }
  CHECK_OK(ReadJpegHeader(Bytes(jpeg).first(scan_end)).status());

  for (const std::string_view bad :
       {"\xFF\xD8"sv, "\xFF\xD9"sv, "\xFF\xDD\x00\x03z"sv, "\xFF\xDB\x00\x04\x00z"sv,
        "\xFF\xC4\x00\x05\x00zz"sv, "\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00"sv}) {
    const Status status = ReadJpegHeader(WithAfterSoi(jpeg, bad)).status();
    CHECK_MESSAGE(status.code() == StatusCode::kCorrupt, status);
    CHECK_EQ(status.offset_bytes(), 2);
  }
  CHECK(ReadJpegHeader(WithAfterSoi(jpeg, "\xFF\x02\x00\x02"sv)).status().code() ==
        StatusCode::kUnsupported);
  const size_t frame = Find(jpeg, 0xC0);
  jpeg[frame + 11] = 0x51;  // a sampling factor of 5
  CHECK(ReadJpegHeader(jpeg).status().code() == StatusCode::kCorrupt);
  jpeg[frame + 11] = 0x11;
  jpeg[frame + 1] = 0xC3;  // lossless
  CHECK(ReadJpegHeader(jpeg).value().process == JpegProcess::kOther);
  CHECK(!LooksLikeJpeg(Bytes(jpeg).subspan(1)));
  CHECK(LooksLikeJpeg(jpeg));
}

/// Every code of a table decodes to its symbol and value; all other bits to none.
TEST_CASE("every Huffman code decodes to its symbol, all other bits to none") {
  const HuffmanSpec spec = StandardAcTable(false);
  HuffmanCode code;
  CHECK_OK(code.Build(spec, HuffmanCode::Kind::kAc));
  uint32_t next = 0;
  size_t place = 0;
  for (uint32_t length = 1; length <= 16; ++length, next <<= 1) {
    for (int i = 0; i < spec.counts[length - 1]; ++i, ++next, ++place) {
      const uint32_t size = spec.values[place] & 15;
      const uint64_t window = uint64_t{next} << (64 - length);  // value bits all 0
      const HuffmanCode::Symbol symbol = code.Find(window);
      CHECK_EQ(symbol.bits, length + size);
      CHECK_EQ(symbol.value, size == 0 ? 0 : 1 - (1 << size));
    }
  }
  CHECK_EQ(code.Find(~uint64_t{0}).bits, 0u);

  AcTable table;
  HuffmanSpec full;
  full.counts[0] = 2;  // two codes of one bit: one of them would be all ones
  CHECK(!table.Build(full).ok());
  full.counts[0] = 1;
  full.counts[15] = 255;
  CHECK_OK(table.Build(full));
  HuffmanSpec large = StandardDcTable(true);
  large.values[3] = 16;
  DcTable dc_table;
  CHECK(!dc_table.Build(large).ok());
}

}  // namespace
}  // namespace fastinet
