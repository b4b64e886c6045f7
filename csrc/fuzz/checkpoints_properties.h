// What must hold of the records of checkpoints, whatever is in them; shared by the fuzzer and its
// replay.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "jpeg/checkpoints.h"
#include "jpeg/hash.h"
#include "jpeg/region_decoder.h"
#include "jpeg/test_jpegs.h"

namespace fastinet::fuzz {

/// A JPEG that records are of, and its true record.
struct RecordedJpeg {
  explicit RecordedJpeg(const test::JpegRecipe& recipe, int32_t stride)
      : jpeg(test::MakeJpeg(recipe)), header(ReadJpegHeader(jpeg).value()) {
    checkpoints = BuildCheckpoints(header, jpeg, stride).value();
    checkpoints.Append(&record);
  }

  std::vector<uint8_t> jpeg;
  JpegHeader header;
  Checkpoints checkpoints;
  std::vector<uint8_t> record;
};

inline const std::vector<RecordedJpeg>& RecordedJpegs() {
  static const std::vector<RecordedJpeg> jpegs = [] {
    std::vector<RecordedJpeg> made;
    made.emplace_back(test::JpegRecipe{.size = {40, 30}}, 0);
    made.emplace_back(
        test::JpegRecipe{.size = {61, 47}, .sampling = {{{2, 2}, {1, 1}, {1, 1}}}, .quality = 60},
        2);
    made.emplace_back(test::JpegRecipe{.size = {33, 50}, .components = 1, .restart_interval = 3},
                      1);
    return made;
  }();
  return jpegs;
}

/// Makes the checksum at the record's end right.
inline void SealRecord(std::vector<uint8_t>& record) {
  if (record.size() < 4) return;
  const uint64_t checksum = HashBytes(Bytes(record).first(record.size() - 4), 0);
  for (size_t i = 0; i < 4; ++i) {
    record[record.size() - 4 + i] = static_cast<uint8_t>(checksum >> (8 * i));
  }
}

/// Parses the record. What is taken is in order, and leads no region out of its bytes.
inline void CheckRecord(const RecordedJpeg& subject, Bytes bytes, Choices choices) {
  const std::vector<uint8_t> record(bytes.begin(), bytes.end());  // its end is guarded
  const Result<Checkpoints> parsed =
      Checkpoints::Parse(record, subject.header, subject.jpeg.size());
  if (!parsed.ok()) {
    Demand(parsed.status().code() == StatusCode::kCorrupt, "what is no record is corrupt");
    return;
  }
  const Checkpoints& checkpoints = parsed.value();
  std::vector<uint8_t> again;
  checkpoints.Append(&again);
  const Result<Checkpoints> same = Checkpoints::Parse(again, subject.header, subject.jpeg.size());
  Demand(same.ok() && same.value() == checkpoints, "a record that is read is written as it is");
  for (size_t i = 1; i < checkpoints.all().size(); ++i) {
    Demand(checkpoints.all()[i].point.mcu > checkpoints.all()[i - 1].point.mcu,
           "checkpoints come in the order of the scan");
  }
  const Box region = ChosenBox(choices, subject.header.size);
  const ByteRange range = BytesForRegion(subject.header, subject.jpeg.size(), region, &checkpoints);
  Demand(range.begin <= range.end && range.end <= subject.jpeg.size(),
         "the byte range lies in the file");
  const std::vector<uint8_t> part(subject.jpeg.begin() + static_cast<ptrdiff_t>(range.begin),
                                  subject.jpeg.begin() + static_cast<ptrdiff_t>(range.end));
  RegionDecoder decoder;
  test::Collector collector;
  const Status status =
      decoder.DecodeRegion(subject.header, {part, range.begin}, region, &checkpoints, collector);
  Demand(!status.ok() || (collector.rows == region.height && collector.width == region.width),
         "a region has its size");
  if (checkpoints == subject.checkpoints) {
    Demand(status.ok(), "a true record decodes");
  }
}

/// The step: which JPEG, eight bytes of further choices, and a record or changes of the true one.
inline void CheckRecordInput(Bytes input) {
  Choices choices(input);
  const uint8_t kind = choices.Byte();
  const Choices region(choices.rest().first(std::min<size_t>(8, choices.rest().size())));
  for (int i = 0; i < 8; ++i) choices.Byte();
  const RecordedJpeg& subject = RecordedJpegs()[kind / 4 % RecordedJpegs().size()];
  std::vector<uint8_t> record(choices.rest().begin(), choices.rest().end());
  if (kind % 4 == 0) {  // the fingerprint of the header, which nobody guesses
    constexpr size_t kBehindFingerprint = 1 + 1 + 8;  // version, stride
    record.insert(record.begin(), subject.record.begin(),
                  subject.record.begin() + kBehindFingerprint);
  } else if (kind % 4 != 1) {
    record = subject.record;
    Edit(record, choices);
  }
  CheckRecord(subject, record, region);
  SealRecord(record);
  CheckRecord(subject, record, region);
}

}  // namespace fastinet::fuzz
