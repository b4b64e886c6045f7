// Entropy checkpoints: places in a scan where decoding can start.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "jpeg/entropy.h"
#include "jpeg/header.h"

namespace fastinet {

/// The places of one JPEG, at the start of every MCU row or closer.
///
/// **What is verified.** A record is bound to its JPEG by a 64-bit fingerprint of the file's length
/// and of all header segments that decoding depends on, and to itself by a 32-bit checksum; Parse
/// refuses what does not fit. Each place also holds 16 bits computed from the bytes that follow it,
/// and decoding checks those of every place it starts from before it hands over the first row.
/// Where decoding comes upon a place from before, position and predictors must agree. So a record
/// that is damaged or belongs to other bytes is found out with all but certainty. None of this is
/// cryptography: who can write both files can make them lie together. Even then decoding stays
/// inside the bytes it was given. BuildCheckpoints is the proof: it decodes everything, and equal
/// records mean right records.
class Checkpoints {
 public:
  /// A place and what identifies the bytes that follow it.
  struct Place {
    ScanPoint point;
    uint16_t check = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  /// Reads a record as Append wrote it. `jpeg_bytes` is the length of the file whose header is
  /// given. Fails with kCorrupt when the record is damaged or belongs to another file.
  static Result<Checkpoints> Parse(Bytes record, const JpegHeader& header, uint64_t jpeg_bytes);

  /// Adds the record to `out`: delta-coded, about 9 bytes a place.
  void Append(std::vector<uint8_t>* out) const;

  /// The last place at or before `mcu`, the first one at or after it; null when there is none.
  const Place* AtOrBefore(int64_t mcu) const;
  const Place* AtOrAfter(int64_t mcu) const;

  /// In the order of the scan: its start, ..., its end.
  const std::vector<Place>& places() const { return places_; }

  friend bool operator==(const Checkpoints&, const Checkpoints&) = default;

 private:
  friend Result<Checkpoints> BuildCheckpoints(const JpegHeader&, Bytes, int32_t);

  int32_t stride_ = 0;  // MCUs from one place to the next in a row; 0: one place a row
  uint64_t fingerprint_ = 0;
  std::vector<Place> places_;
};

/// Decodes the whole scan of `jpeg`, without pixels, and notes places: at the start of every MCU
/// row and, when `stride` is above 0, every `stride` MCUs in it. Fails with kCorrupt where the scan
/// is damaged and with kUnsupported where RegionDecoder does not take the file: such files have no
/// checkpoints.
Result<Checkpoints> BuildCheckpoints(const JpegHeader& header, Bytes jpeg, int32_t stride);

/// What `Place::check` holds for a place at `bit` (from the file's start): `bytes` are the file's
/// bytes from `offset_bytes` on, `limit` is where the following place's bytes begin.
uint16_t PlaceCheck(Bytes bytes, uint64_t offset_bytes, uint64_t bit, uint64_t limit_bytes);

}  // namespace fastinet
