// One step of differential fuzzing: our JPEG decoder beside libjpeg-turbo on the same bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "jpeg/checkpoints.h"
#include "jpeg/hash.h"
#include "jpeg/region_decoder.h"
#include "jpeg/test_jpegs.h"

namespace fastinet::fuzz {

/// A JPEG by the choices' recipe, with edits. Nearly all of these decode at least in part.
inline std::vector<uint8_t> ChosenJpeg(Choices& choices) {
  test::JpegRecipe recipe;
  recipe.size = {1 + choices.Below(80), 1 + choices.Below(80)};
  recipe.components = choices.Byte() % 4 == 0 ? 1 : 3;
  recipe.sampling[0] = {1 + choices.Byte() % 2, 1 + choices.Byte() % 2};
  if (choices.Byte() % 4 == 0) recipe.sampling[0] = {4, 1};
  recipe.quality = 1 + choices.Byte() % 100;
  recipe.optimize = choices.Byte() % 2 == 0;
  recipe.restart_interval = choices.Byte() % 3 == 0 ? 1u + choices.Byte() % 9 : 0;
  recipe.rgb = choices.Byte() % 8 == 0;
  recipe.noise = choices.Byte();
  recipe.seed = choices.Byte();
  std::vector<uint8_t> jpeg = test::MakeJpeg(recipe);
  Edit(jpeg, choices);
  return jpeg;
}

/// Decodes from a copy of what the region needs and compares.
inline void CheckRegion(const JpegHeader& header, Bytes jpeg, const test::OracleImage& image,
                        const Box& region, const Checkpoints* checkpoints, bool honest) {
  const ByteRange range = BytesForRegion(header, jpeg.size(), region, checkpoints);
  Demand(range.begin <= range.end && range.end <= jpeg.size(), "the byte range lies in the file");
  const std::vector<uint8_t> part(jpeg.begin() + static_cast<ptrdiff_t>(range.begin),
                                  jpeg.begin() + static_cast<ptrdiff_t>(range.end));
  RegionDecoder decoder;
  test::Collector collector;
  const Status status =
      decoder.DecodeRegion(header, {part, range.begin}, region, checkpoints, collector);
  if (!honest) return;  // a lie that is told well enough may give other pixels
  if (!status.ok()) {
    Demand(checkpoints == nullptr, "checkpoints built from the file decode it");
    return;
  }
  Demand(!image.fatal, "libjpeg-turbo takes what our decoder takes");
  Demand(test::MatchesIfDefined(collector, image, region, jpeg), "pixels equal libjpeg-turbo's");
}

/// A record with changes behind its own checksum's back.
inline std::vector<uint8_t> LyingRecord(const Checkpoints& checkpoints, Choices& choices) {
  std::vector<uint8_t> record;
  checkpoints.Append(&record);
  record.resize(record.size() - 4);
  for (int edits = choices.Byte() % 4; edits >= 0; --edits) {
    record[static_cast<size_t>(choices.Below(static_cast<int>(record.size())))] = choices.Byte();
  }
  const uint64_t checksum = HashBytes(record, 0);
  for (int i = 0; i < 4; ++i) record.push_back(static_cast<uint8_t>(checksum >> (8 * i)));
  return record;
}

/// The step. The input's first byte tells whether a JPEG or a recipe for one follows the eight
/// bytes of further choices after it. Aborts on a finding.
inline void CheckInput(Bytes input) {
  constexpr int64_t kMaxPixels = 1 << 18;
  Choices choices(input);
  const bool raw = choices.Byte() % 2 == 1;
  Choices region_choices(choices.rest().first(std::min<size_t>(8, choices.rest().size())));
  for (int i = 0; i < 8; ++i) choices.Byte();
  const int32_t stride = region_choices.rest().empty() ? 0 : region_choices.rest().back() % 5;
  std::vector<uint8_t> jpeg;
  if (raw) {
    jpeg.assign(choices.rest().begin(), choices.rest().end());
  } else {
    jpeg = ChosenJpeg(choices);
  }

  const auto parsed = ReadJpegHeader(jpeg);
  if (!parsed.ok()) return;
  const JpegHeader& header = parsed.value();
  if (int64_t{header.size.width} * header.size.height > kMaxPixels) return;
  if (!RegionDecoder::Accepts(header)) return;
  const test::OracleImage image = test::OracleDecode(jpeg);
  const Box region = ChosenBox(region_choices, header.size);
  CheckRegion(header, jpeg, image, region, nullptr, true);

  const auto built = BuildCheckpoints(header, jpeg, stride);
  if (!built.ok()) return;
  std::vector<uint8_t> record;
  built.value().Append(&record);
  const auto read = Checkpoints::Parse(record, header, jpeg.size());
  Demand(read.ok() && read.value() == built.value(),
         "a record stays as it was when it is written and read");
  CheckRegion(header, jpeg, image, region, &read.value(), true);
  const auto lie = Checkpoints::Parse(LyingRecord(built.value(), choices), header, jpeg.size());
  if (lie.ok()) CheckRegion(header, jpeg, image, region, &lie.value(), false);
}

}  // namespace fastinet::fuzz
