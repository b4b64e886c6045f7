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
/// **What is verified.** A record is bound to itself by a 32-bit checksum, and to its JPEG by a
/// 64-bit fingerprint of the file's length and of all header segments that decoding depends on:
/// Parse refuses what does not fit. Each place also holds a 16-bit check of itself and of the bytes
/// that follow it; every place that a region starts from is compared with the bytes at hand before
/// the first row is handed over. Where decoding arrives at a place from the one before, which
/// happens in every row that is decoded to its end, bit and predictors must agree. So a record that
/// is damaged, or belongs to other bytes, is found out with all but certainty.
///
/// **What is not.** Bytes that are not read cannot be verified: a file that was changed in place,
/// before the region and nowhere else, decodes as it was before the change. And none of this is
/// cryptography: who can write the record can make it lie. Even then decoding stays inside the
/// bytes that it was given. The proof of a record is to build it again: equal records are right
/// ones.
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
  friend Result<Checkpoints> BuildCheckpoints(const JpegHeader& header, Bytes jpeg, int32_t stride);

  int32_t stride_ = 0;  // MCUs from one place to the next in a row; 0: one place a row
  uint64_t fingerprint_ = 0;
  std::vector<Place> places_;
};

/// Decodes the whole scan of `jpeg`, without pixels, and notes places: at the start of every MCU
/// row and, when `stride` is above 0, every `stride` MCUs in it. Fails with kCorrupt where the scan
/// is damaged and with kUnsupported where RegionDecoder does not take the file: such files have no
/// checkpoints.
Result<Checkpoints> BuildCheckpoints(const JpegHeader& header, Bytes jpeg, int32_t stride);

/// What `Place::check` holds for `point`: `bytes` are the file's bytes from `offset_bytes` on,
/// `limit_bytes` is where the following place's bytes begin in the file.
uint16_t PlaceCheck(Bytes bytes, uint64_t offset_bytes, const ScanPoint& point,
                    uint64_t limit_bytes);

}  // namespace fastinet
