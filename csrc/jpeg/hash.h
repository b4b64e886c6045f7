// A quick hash against accidents; it does not resist an adversary.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace fastinet {

/// Mixes one number into a hash.
inline uint64_t HashNumber(uint64_t number, uint64_t hash) {
  // A multiplication by an odd number carries every bit upwards, the shift brings it back down.
  hash = (hash ^ number) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

/// Mixes bytes into a hash. The same on every machine.
inline uint64_t HashBytes(Bytes bytes, uint64_t hash) {
  hash = HashNumber(bytes.size(), hash);
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    hash = HashNumber(LoadLittleEndian64(bytes.data()), hash);
  }
  if (bytes.empty()) return hash;
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.size(); ++i) number |= uint64_t{bytes[i]} << (8 * i);
  return HashNumber(number, hash);
}

}  // namespace fastinet
