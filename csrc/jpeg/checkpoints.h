// Entropy checkpoints: points of a JPEG's scan where decoding can start, and their record on disk.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "jpeg/entropy.h"
#include "jpeg/header.h"

namespace fastinet {

/// A point of a scan, and what identifies the bytes that follow it.
struct Checkpoint {
  ScanPoint point;
  uint16_t check = 0;  // see CheckOf
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// The checkpoints of one JPEG, at the start of every MCU row or closer. As bytes, in which form a
/// checkpoint file keeps them, they are a *record*.
///
/// **What is verified.** A record is bound to itself by a 32-bit checksum, and to its JPEG by a
/// 64-bit fingerprint of the file's length and of all header segments that decoding depends on:
/// Parse refuses what does not fit. Each checkpoint also holds a 16-bit check of itself and of the
/// bytes that follow it; every checkpoint that a region starts from is compared with the bytes at
/// hand before the first row is handed over. Where decoding arrives at a checkpoint from the one
/// before, which happens in every row that is decoded to its end, bit and predictors must agree. So
/// a record that is damaged, or belongs to other bytes, is found out with all but certainty.
///
/// **What is not.** Bytes that are not read cannot be verified: a file that was changed in place,
/// before the region and nowhere else, decodes as it was before the change. And none of this is
/// cryptography: who can write the record can make it lie. Even then decoding stays inside the
/// bytes that it was given. The proof of a record is to build it again: equal records are right
/// ones.
class Checkpoints {
 public:
  /// Reads a record as Append wrote it. `jpeg_bytes` is the length of the file whose header is
  /// given. Fails with kCorrupt when the record is damaged or belongs to another file.
  static Result<Checkpoints> Parse(Bytes record, const JpegHeader& header, uint64_t jpeg_bytes);

  /// Adds the record to `out`: delta-coded, about 9 bytes a checkpoint.
  void Append(std::vector<uint8_t>* out) const;

  /// The last checkpoint at or before `mcu`, the first one at or after it; null when there is none.
  const Checkpoint* AtOrBefore(int64_t mcu) const;
  const Checkpoint* AtOrAfter(int64_t mcu) const;

  /// In the order of the scan: its start, ..., its end.
  const std::vector<Checkpoint>& all() const { return all_; }

  friend bool operator==(const Checkpoints&, const Checkpoints&) = default;

 private:
  friend Result<Checkpoints> BuildCheckpoints(const JpegHeader& header, Bytes jpeg, int32_t stride);

  int32_t stride_ = 0;  // MCUs from one to the next in a row; 0: one a row
  uint64_t fingerprint_ = 0;
  std::vector<Checkpoint> all_;
};

/// Decodes the whole scan of `jpeg`, without pixels, and notes checkpoints: at the start of every
/// MCU row and, when `stride` is above 0, every `stride` MCUs in it. Fails with kCorrupt where the
/// scan is damaged and with kUnsupported where RegionDecoder does not take the file: such files
/// have no checkpoints.
Result<Checkpoints> BuildCheckpoints(const JpegHeader& header, Bytes jpeg, int32_t stride);

/// What Checkpoint::check holds for `point`: `bytes` are the file's bytes from `offset_bytes` on,
/// `limit_bytes` is where the following checkpoint's bytes begin in the file.
uint16_t CheckOf(Bytes bytes, uint64_t offset_bytes, const ScanPoint& point, uint64_t limit_bytes);

}  // namespace fastinet
