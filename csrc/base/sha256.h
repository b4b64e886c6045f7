// SHA-256 (FIPS 180-4): what binds an index to the content of its archive is said in it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace fastinet {

/// The digest of all bytes that Update() was given, in order.
class Sha256 {
 public:
  static constexpr size_t kDigestBytes = 32;
  using Digest = std::array<uint8_t, kDigestBytes>;

  void Update(Bytes data);

  /// The digest of the bytes so far; more may follow.
  Digest digest() const;
  /// The same in hexadecimal, lower case.
  std::string hex() const;

 private:
  static constexpr size_t kBlockBytes = 64;

  void Compress(const uint8_t* block);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint64_t length_bytes_ = 0;
  std::array<uint8_t, kBlockBytes> tail_{};  // the last length % 64 bytes, not yet taken in
};

}  // namespace fastinet
