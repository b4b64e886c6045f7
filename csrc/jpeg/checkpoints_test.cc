// Records survive a round trip; damaged, stale and lying ones give an error or the right pixels.

#include "jpeg/checkpoints.h"

#include <string>

#include "base/test_checks.h"
#include "jpeg/hash.h"
#include "jpeg/region_decoder.h"
#include "jpeg/test_jpegs.h"

namespace fastinet {
namespace {

using test::Collector;
using test::JpegRecipe;
using test::MakeJpeg;
using test::Matches;
using test::OracleDecode;
using test::OracleImage;
using test::Random;

constexpr size_t kChecksumBytes = 4;

std::vector<uint8_t> RecordOf(const Checkpoints& checkpoints) {
  std::vector<uint8_t> record;
  checkpoints.Append(&record);
  return record;
}

JpegHeader HeaderOf(Bytes jpeg) { return ReadJpegHeader(jpeg).value(); }

TEST_CASE("checkpoints stand at rows' starts, and at each stride between") {
  JpegRecipe recipe;
  recipe.size = {100, 50};
  const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  const JpegHeader header = HeaderOf(jpeg);
  const auto by_row = BuildCheckpoints(header, jpeg, 0);
  CHECK_OK(by_row.status());
  CHECK_EQ(by_row.value().all().size(), 7u + 1);
  CHECK_EQ(by_row.value().all().back().point.mcu, 7 * 13);
  const auto finer = BuildCheckpoints(header, jpeg, 5);
  CHECK_OK(finer.status());
  CHECK_EQ(finer.value().all().size(), 7u * 3 + 1);
  // Both find the rows' starts at the same bits.
  for (const auto& checkpoint : by_row.value().all()) {
    CHECK(finer.value().AtOrBefore(checkpoint.point.mcu)->point == checkpoint.point);
    CHECK(finer.value().AtOrAfter(checkpoint.point.mcu)->point == checkpoint.point);
  }
  CHECK_EQ(finer.value().AtOrBefore(9)->point.mcu, 5);
  CHECK_EQ(finer.value().AtOrAfter(11)->point.mcu, 13);
  CHECK(finer.value().AtOrBefore(-1) == nullptr);
  CHECK(finer.value().AtOrAfter(7 * 13 + 1) == nullptr);
}

TEST_CASE("records are small") {
  JpegRecipe recipe;
  recipe.size = {500, 375};
  recipe.quality = 96;
  recipe.optimize = true;
  const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  const auto built = BuildCheckpoints(HeaderOf(jpeg), jpeg, 0);
  CHECK_OK(built.status());
  CHECK_MESSAGE(RecordOf(built.value()).size() < 48 * 10, RecordOf(built.value()).size());
}

TEST_CASE("records that are cut, changed or of another file are refused") {
  JpegRecipe recipe;
  const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  const JpegHeader header = HeaderOf(jpeg);
  const std::vector<uint8_t> record = RecordOf(BuildCheckpoints(header, jpeg, 0).value());
  CHECK_OK(Checkpoints::Parse(record, header, jpeg.size()).status());
  CHECK(!Checkpoints::Parse(record, header, jpeg.size() + 1).ok());
  for (size_t length = 0; length < record.size(); ++length) {
    CHECK_MESSAGE(!Checkpoints::Parse(Bytes(record).first(length), header, jpeg.size()).ok(),
                  length);
  }
  for (size_t i = 0; i < record.size() * 8; ++i) {
    std::vector<uint8_t> flipped = record;
    flipped[i / 8] = static_cast<uint8_t>(flipped[i / 8] ^ 1 << i % 8);
    CHECK_MESSAGE(!Checkpoints::Parse(flipped, header, jpeg.size()).ok(), "bit ", i);
  }
  recipe.quality = 60;
  CHECK(!Checkpoints::Parse(record, HeaderOf(MakeJpeg(recipe)), jpeg.size()).ok());

  // A damaged scan has no checkpoints, and neither has a progressive one.
  CHECK(BuildCheckpoints(header, Bytes(jpeg).first(jpeg.size() - 20), 0).status().code() ==
        StatusCode::kCorrupt);
  recipe.progressive = true;
  const std::vector<uint8_t> progressive = MakeJpeg(recipe);
  CHECK(BuildCheckpoints(HeaderOf(progressive), progressive, 0).status().code() ==
        StatusCode::kUnsupported);
}

/// Decodes with a record that passed Parse; the pixels are right or there is an error.
void ExpectNoLie(Bytes jpeg, const OracleImage& image, const Checkpoints& checkpoints,
                 Random& random, RegionDecoder& decoder) {
  const JpegHeader header = HeaderOf(jpeg);
  Box region;
  region.width = 1 + random.Below(image.size.width);
  region.height = 1 + random.Below(image.size.height);
  region.x = random.Below(image.size.width - region.width + 1);
  region.y = random.Below(image.size.height - region.height + 1);
  const ByteRange range = BytesForRegion(header, jpeg.size(), region, &checkpoints);
  CHECK_MESSAGE((range.begin <= range.end && range.end <= jpeg.size()), range.begin, "..",
                range.end);
  if (range.begin > range.end || range.end > jpeg.size()) return;
  const std::vector<uint8_t> part(jpeg.begin() + static_cast<ptrdiff_t>(range.begin),
                                  jpeg.begin() + static_cast<ptrdiff_t>(range.end));
  Collector collector;
  const Status status =
      decoder.DecodeRegion(header, {part, range.begin}, region, &checkpoints, collector);
  if (!status.ok()) return;
  CHECK_MESSAGE(Matches(collector, image, region, region.height),
                "wrong pixels from a lying record");
}

TEST_CASE("a lying record gives an error or the right pixels") {
  Random random(23);
  RegionDecoder decoder;
  for (int i = 0; i < 12; ++i) {
    JpegRecipe recipe;
    recipe.size = {40 + random.Below(60), 40 + random.Below(60)};
    recipe.seed = random.Next();
    if (i % 2 == 1) recipe.sampling[0] = {2, 2};
    if (i % 4 == 2) recipe.restart_interval = 3;
    const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
    const OracleImage image = OracleDecode(jpeg);
    const JpegHeader header = HeaderOf(jpeg);
    const std::vector<uint8_t> record = RecordOf(BuildCheckpoints(header, jpeg, i % 3).value());
    for (int k = 0; k < 1500; ++k) {
      // Changes that keep the record's own checksum right.
      std::vector<uint8_t> body(record.begin(), record.end() - kChecksumBytes);
      for (int n = 1 + random.Below(3); n > 0; --n) {
        const auto at = static_cast<size_t>(random.Below(static_cast<int>(body.size())));
        if (random.Below(4) == 0) {
          body.erase(body.begin() + static_cast<ptrdiff_t>(at));
        } else {
          body[at] = static_cast<uint8_t>(random.Below(2) == 0 ? body[at] ^ 1 << random.Below(8)
                                                               : random.Next());
        }
      }
      const uint64_t checksum = HashBytes(body, 0);
      for (size_t b = 0; b < kChecksumBytes; ++b) {
        body.push_back(static_cast<uint8_t>(checksum >> (8 * b)));
      }
      const auto parsed = Checkpoints::Parse(body, header, jpeg.size());
      if (parsed.ok()) ExpectNoLie(jpeg, image, parsed.value(), random, decoder);
    }
  }
}

/// The record of one file, used for another that has the same header and length.
TEST_CASE("the record of another file gives an error or the right pixels") {
  Random random(29);
  RegionDecoder decoder;
  for (int i = 0; i < 40; ++i) {
    JpegRecipe recipe;
    recipe.size = {64, 64};
    recipe.seed = random.Next();
    std::vector<uint8_t> old_jpeg = MakeJpeg(recipe);
    recipe.seed = random.Next();
    std::vector<uint8_t> new_jpeg = MakeJpeg(recipe);
    const size_t length = std::max(old_jpeg.size(), new_jpeg.size());
    old_jpeg.resize(length);
    new_jpeg.resize(length);
    const auto built = BuildCheckpoints(HeaderOf(old_jpeg), old_jpeg, i % 2 * 3);
    const auto parsed =
        Checkpoints::Parse(RecordOf(built.value()), HeaderOf(new_jpeg), new_jpeg.size());
    CHECK_OK(parsed.status());
    const OracleImage image = OracleDecode(new_jpeg);
    for (int k = 0; k < 10; ++k) ExpectNoLie(new_jpeg, image, parsed.value(), random, decoder);
  }
}

/// With the whole file at hand, checkpoints that do not fit cost time, not the image.
TEST_CASE("checkpoints that do not fit cost time, not the image") {
  JpegRecipe recipe;
  recipe.size = {64, 64};
  std::vector<uint8_t> old_jpeg = MakeJpeg(recipe);
  recipe.seed = 2;
  std::vector<uint8_t> new_jpeg = MakeJpeg(recipe);
  const size_t length = std::max(old_jpeg.size(), new_jpeg.size());
  old_jpeg.resize(length);
  new_jpeg.resize(length);
  const JpegHeader header = HeaderOf(new_jpeg);
  const auto stale = BuildCheckpoints(HeaderOf(old_jpeg), old_jpeg, 0);
  const Box region{10, 20, 30, 40};
  RegionDecoder decoder;
  DecodeStats stats;
  Collector collector;
  CHECK_OK(decoder.DecodeRegion(header, {new_jpeg, 0}, region, &stale.value(), collector, &stats));
  CHECK_EQ(stats.checkpoints_refused, 1u);
  CHECK(Matches(collector, OracleDecode(new_jpeg), region, region.height));

  const ByteRange range = BytesForRegion(header, length, region, &stale.value());
  const Bytes part = Bytes(new_jpeg).subspan(range.begin, range.end - range.begin);
  const Status status =
      decoder.DecodeRegion(header, {part, range.begin}, region, &stale.value(), collector, &stats);
  CHECK_MESSAGE(status.code() == StatusCode::kCorrupt, status);
  CHECK_EQ(stats.checkpoints_refused, 2u);
}

}  // namespace
}  // namespace fastinet
