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
  while (!bytes.empty()) {
    const size_t count = bytes.size() < 8 ? bytes.size() : 8;
    uint64_t number = 0;
    for (size_t i = 0; i < count; ++i) number |= uint64_t{bytes[i]} << (8 * i);
    hash = HashNumber(number, hash);
    bytes = bytes.subspan(count);
  }
  return hash;
}

}  // namespace fastinet
