// Regions equal those of a full decode by libjpeg-turbo, whatever the file is like; damaged files
// and checkpoints get a verdict, never wrong pixels.

#include "jpeg/region_decoder.h"

#include <string>

#include "base/test_checks.h"
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

using Sampling = std::array<std::array<int, 2>, 3>;

// All ratios that libjpeg-turbo decodes differently, and some that only the standard knows.
// NOLINTNEXTLINE(bugprone-throwing-static-initialization): a test that cannot start has failed.
const std::vector<Sampling> kSamplings = {
    {{{1, 1}, {1, 1}, {1, 1}}}, {{{2, 1}, {1, 1}, {1, 1}}}, {{{2, 2}, {1, 1}, {1, 1}}},
    {{{1, 2}, {1, 1}, {1, 1}}}, {{{4, 1}, {1, 1}, {1, 1}}}, {{{1, 4}, {1, 1}, {1, 1}}},
    {{{4, 2}, {1, 1}, {1, 1}}}, {{{2, 4}, {1, 1}, {1, 1}}}, {{{3, 1}, {1, 1}, {1, 1}}},
    {{{1, 3}, {1, 1}, {1, 1}}}, {{{2, 2}, {2, 1}, {1, 2}}}, {{{1, 1}, {2, 2}, {1, 1}}},
    {{{2, 2}, {1, 2}, {2, 1}}}, {{{4, 1}, {2, 1}, {1, 1}}}, {{{1, 4}, {1, 2}, {1, 1}}},
    {{{2, 2}, {2, 2}, {1, 1}}}, {{{2, 1}, {2, 1}, {2, 1}}}, {{{3, 2}, {1, 1}, {1, 2}}},
};

/// One image in all the ways to decode it.
class Subject {
 public:
  explicit Subject(const JpegRecipe& recipe)
      : recipe_(recipe), jpeg_(MakeJpeg(recipe)), image_(OracleDecode(jpeg_)) {
    const auto header = ReadJpegHeader(jpeg_);
    CHECK_MESSAGE((header.ok() && !image_.fatal && !image_.damaged), recipe);
    header_ = header.value();
    CHECK_MESSAGE(RegionDecoder::Accepts(header_), recipe);
  }

  void BuildCheckpoints(int32_t stride) {
    auto built = fastinet::BuildCheckpoints(header_, jpeg_, stride);
    CHECK_MESSAGE(built.ok(), recipe_, built.status());
    std::vector<uint8_t> record;
    built.value().Append(&record);
    auto parsed = Checkpoints::Parse(record, header_, jpeg_.size());
    CHECK_MESSAGE(parsed.ok(), recipe_, parsed.status());
    CHECK_MESSAGE(parsed.value() == built.value(), recipe_);
    checkpoints_ = std::move(parsed).value();
  }

  /// Decodes `region` and compares: from the scan's start, or from the checkpoints and then from
  /// a copy of the needed bytes alone, so that a sanitizer sees every step beside them.
  void Check(const Box& region, bool with_checkpoints) {
    const Checkpoints* checkpoints = with_checkpoints ? &*checkpoints_ : nullptr;
    const ByteRange range = BytesForRegion(header_, jpeg_.size(), region, checkpoints);
    const std::vector<uint8_t> part(jpeg_.begin() + static_cast<ptrdiff_t>(range.begin),
                                    jpeg_.begin() + static_cast<ptrdiff_t>(range.end));
    Collector collector;
    const Status status =
        decoder_.DecodeRegion(header_, {part, range.begin}, region, checkpoints, collector);
    CHECK_MESSAGE((status.ok() && collector.rows == region.height &&
                   Matches(collector, image_, region, region.height)),
                  recipe_, " region ", region.x, ",", region.y, " ", region.width, "x",
                  region.height, " checkpoints ", with_checkpoints, " ", status);
  }

  void CheckAllWays(const Box& region) {
    Check(region, false);
    Check(region, true);
  }

  Size size() const { return header_.size; }

 private:
  JpegRecipe recipe_;
  std::vector<uint8_t> jpeg_;
  OracleImage image_;
  JpegHeader header_;
  std::optional<Checkpoints> checkpoints_;
  RegionDecoder decoder_;
};

Box RandomBox(Random& random, Size size) {
  Box box;
  box.width = 1 + random.Below(size.width);
  box.height = 1 + random.Below(size.height);
  box.x = random.Below(size.width - box.width + 1);
  box.y = random.Below(size.height - box.height + 1);
  return box;
}

JpegRecipe RandomRecipe(Random& random, const Sampling& sampling) {
  constexpr std::array<int, 6> kQualities = {5, 40, 75, 90, 96, 100};
  constexpr std::array<unsigned, 6> kIntervals = {0, 0, 0, 1, 2, 7};
  constexpr std::array<int, 4> kNoises = {0, 8, 60, 255};
  JpegRecipe recipe;
  recipe.sampling = sampling;
  recipe.quality = kQualities[static_cast<size_t>(random.Below(6))];
  recipe.restart_interval = kIntervals[static_cast<size_t>(random.Below(6))];
  recipe.noise = kNoises[static_cast<size_t>(random.Below(4))];
  recipe.optimize = random.Below(2) == 1;
  recipe.rgb = random.Below(5) == 0;
  recipe.seed = random.Next();
  return recipe;
}

TEST_CASE("regions of small images equal libjpeg-turbo's") {
  Random random(7);
  for (const Sampling& sampling : kSamplings) {
    for (int i = 0; i < 60; ++i) {
      JpegRecipe recipe = RandomRecipe(random, sampling);
      recipe.size =
          i < 24 ? Size{1 + i % 6, 1 + i / 6} : Size{1 + random.Below(70), 1 + random.Below(70)};
      if (random.Below(8) == 0) recipe.components = 1;
      Subject subject(recipe);
      subject.BuildCheckpoints(random.Below(4));
      const Size size = subject.size();
      subject.CheckAllWays({0, 0, size.width, size.height});
      for (int k = 0; k < 6; ++k) subject.CheckAllWays(RandomBox(random, size));
    }
  }
}

TEST_CASE("a region equals libjpeg-turbo's at every position") {
  Random random(11);
  const std::vector<Sampling> samplings = {kSamplings[0], kSamplings[1], kSamplings[2],
                                           kSamplings[3], kSamplings[6]};
  for (const Sampling& sampling : samplings) {
    JpegRecipe recipe = RandomRecipe(random, sampling);
    recipe.size = {37, 35};
    recipe.restart_interval = 0;
    Subject subject(recipe);
    subject.BuildCheckpoints(0);
    for (const Size box : {Size{1, 1}, Size{2, 3}, Size{9, 17}, Size{36, 18}}) {
      for (int y = 0; y + box.height <= 35; ++y) {
        for (int x = 0; x + box.width <= 37; ++x) {
          subject.Check({x, y, box.width, box.height}, (x + y) % 2 == 0);
        }
      }
    }
  }
}

TEST_CASE("regions of larger images equal libjpeg-turbo's") {
  Random random(13);
  for (int i = 0; i < 24; ++i) {
    JpegRecipe recipe = RandomRecipe(random, kSamplings[static_cast<size_t>(i) % 6]);
    recipe.size = {150 + random.Below(500), 120 + random.Below(300)};
    recipe.restart_interval = i % 3 == 0 ? static_cast<unsigned>(1 + random.Below(60)) : 0;
    Subject subject(recipe);
    subject.BuildCheckpoints(i % 2 == 0 ? 0 : 8);
    subject.CheckAllWays({0, 0, subject.size().width, subject.size().height});
    for (int k = 0; k < 8; ++k) subject.CheckAllWays(RandomBox(random, subject.size()));
  }
}

TEST_CASE("what the decoder does not know is not accepted") {
  JpegRecipe recipe;
  recipe.progressive = true;
  CHECK(!RegionDecoder::Accepts(ReadJpegHeader(MakeJpeg(recipe)).value()));
  recipe = {};
  recipe.components = 4;
  CHECK(!RegionDecoder::Accepts(ReadJpegHeader(MakeJpeg(recipe)).value()));
  recipe = {};
  recipe.sampling = kSamplings[8];
  std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  CHECK(RegionDecoder::Accepts(ReadJpegHeader(jpeg).value()));
  // The frame header's second component: 3 to 2 is no whole-numbered ratio.
  const std::array<uint8_t, 2> marker = {0xFF, 0xC0};
  auto frame = std::search(jpeg.begin(), jpeg.end(), marker.begin(), marker.end());
  frame[10 + 3 + 1] = 0x21;
  CHECK(!RegionDecoder::Accepts(ReadJpegHeader(jpeg).value()));
}

/// Decodes what may be damaged and judges it against libjpeg-turbo. Returns whether it decoded.
bool DecodesOrRefuses(Bytes jpeg, RegionDecoder& decoder) {
  const auto header = ReadJpegHeader(jpeg);
  const OracleImage image = OracleDecode(jpeg);
  if (!header.ok()) {
    CHECK_MESSAGE((image.fatal || image.damaged), "only the own parser refuses: ", header.status());
    return false;
  }
  if (!RegionDecoder::Accepts(header.value())) return false;
  const Box all{0, 0, header.value().size.width, header.value().size.height};
  Collector collector;
  const Status status = decoder.DecodeRegion(header.value(), {jpeg, 0}, all, nullptr, collector);
  if (!status.ok()) {
    CHECK_MESSAGE(status.code() == StatusCode::kCorrupt, status);
    return false;
  }
  CHECK_MESSAGE(!image.fatal, "only libjpeg-turbo refuses the file");
  if (!image.fatal) CHECK_MESSAGE(MatchesIfDefined(collector, image, all, jpeg), "pixels differ");
  return true;
}

TEST_CASE("a truncated file is refused, unless only the end marker is missing") {
  for (const unsigned interval : {0u, 3u}) {
    JpegRecipe recipe;
    recipe.sampling = kSamplings[2];
    recipe.restart_interval = interval;
    const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
    RegionDecoder decoder;
    for (size_t length = 0; length < jpeg.size(); ++length) {
      const std::vector<uint8_t> part(jpeg.begin(), jpeg.begin() + static_cast<ptrdiff_t>(length));
      // Without the end marker, two bytes, all pixels are there still.
      CHECK_MESSAGE(DecodesOrRefuses(part, decoder) == (length + 2 >= jpeg.size()), "length ",
                    length);
    }
  }
}

TEST_CASE("a damaged file gives libjpeg-turbo's pixels or an error") {
  Random random(17);
  RegionDecoder decoder;
  for (int i = 0; i < 4000; ++i) {
    JpegRecipe recipe = RandomRecipe(random, kSamplings[static_cast<size_t>(i) % 4]);
    recipe.size = {1 + random.Below(60), 1 + random.Below(60)};
    std::vector<uint8_t> jpeg = MakeJpeg(recipe);
    for (int k = 1 + random.Below(4); k > 0; --k) {
      const auto at = static_cast<size_t>(random.Below(static_cast<int>(jpeg.size())));
      jpeg[at] = static_cast<uint8_t>(random.Below(3) == 0 ? 0xFF : random.Next());
    }
    DecodesOrRefuses(jpeg, decoder);
  }
}

/// Rows that leave at the crop's right edge and bytes that are not read cost nothing.
TEST_CASE("cost follows the region") {
  JpegRecipe recipe;
  recipe.size = {320, 320};
  const std::vector<uint8_t> jpeg = MakeJpeg(recipe);
  const JpegHeader header = ReadJpegHeader(jpeg).value();
  const auto built = BuildCheckpoints(header, jpeg, 0);
  CHECK(built.ok());
  const Box region{80, 160, 80, 80};  // MCUs 10..19 in rows 20..29 of 40
  RegionDecoder decoder;
  DecodeStats stats;
  Collector collector;
  CHECK_OK(decoder.DecodeRegion(header, {jpeg, 0}, region, &built.value(), collector, &stats));
  CHECK_EQ(stats.mcus_decoded, 100u);
  CHECK_EQ(stats.mcus_skipped, 100u);
  const ByteRange range = BytesForRegion(header, jpeg.size(), region, &built.value());
  CHECK_MESSAGE(range.end - range.begin < jpeg.size() / 3, range.begin, "..", range.end);

  stats = {};
  CHECK_OK(decoder.DecodeRegion(header, {jpeg, 0}, region, nullptr, collector, &stats));
  CHECK_EQ(stats.mcus_skipped, 20u * 40 + 10 + 9 * 30);
}

}  // namespace
}  // namespace fastinet
