// MD5 (RFC 1321) whose state can be put aside and taken up again: the passes over terabytes that
// compute it must survive an interruption. Against damage and confusion, not against forgery.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// The digest of all bytes that Update() was given, in order.
class Md5 {
 public:
  static constexpr size_t kDigestBytes = 16;
  using Digest = std::array<uint8_t, kDigestBytes>;

  void Update(Bytes data);

  /// How many bytes went in so far.
  uint64_t length_bytes() const { return length_bytes_; }

  /// The digest of the bytes so far; more may follow.
  Digest digest() const;

  /// All that is needed to go on: a few dozen bytes of a fixed form.
  std::vector<uint8_t> Save() const;
  /// Takes up what Save() gave; kInvalidArgument when `saved` is nothing that it gives.
  Status Restore(Bytes saved);

 private:
  static constexpr size_t kBlockBytes = 64;

  void Compress(const uint8_t* blocks, size_t count);

  std::array<uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  uint64_t length_bytes_ = 0;
  std::array<uint8_t, kBlockBytes> tail_{};  // the last length % 64 bytes, not yet taken in
};

}  // namespace fastinet
