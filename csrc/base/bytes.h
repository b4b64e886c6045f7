// Borrowed runs of bytes and the big- and little-endian numbers in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fastinet {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

/// The 16-bit big-endian number at `p` (JPEG, PNG and Exif "MM" order).
inline uint32_t LoadBigEndian16(const uint8_t* p) {
  return (static_cast<uint32_t>(p[0]) << 8) | p[1];
}

/// The 32-bit big-endian number at `p`.
inline uint32_t LoadBigEndian32(const uint8_t* p) {
  return (LoadBigEndian16(p) << 16) | LoadBigEndian16(p + 2);
}

}  // namespace fastinet
