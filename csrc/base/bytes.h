// Borrowed runs of bytes and the big- and little-endian numbers in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fastinet {

/// Bytes that somebody else owns, to be read.
using Bytes = std::span<const uint8_t>;
/// And to be written.
using MutableBytes = std::span<uint8_t>;

/// The 16-bit big-endian number at `p` (JPEG, PNG and Exif "MM" order).
inline uint32_t LoadBigEndian16(const uint8_t* p) {
  return (static_cast<uint32_t>(p[0]) << 8) | p[1];
}

/// The 32-bit big-endian number at `p`.
inline uint32_t LoadBigEndian32(const uint8_t* p) {
  return (LoadBigEndian16(p) << 16) | LoadBigEndian16(p + 2);
}

/// The 16-bit little-endian number at `p` (gzip and TIFF "II" order).
inline uint32_t LoadLittleEndian16(const uint8_t* p) {
  return p[0] | (static_cast<uint32_t>(p[1]) << 8);
}

/// The 32-bit little-endian number at `p`.
inline uint32_t LoadLittleEndian32(const uint8_t* p) {
  return LoadLittleEndian16(p) | (LoadLittleEndian16(p + 2) << 16);
}

/// The 64-bit little-endian number at `p`.
inline uint64_t LoadLittleEndian64(const uint8_t* p) {
  return LoadLittleEndian32(p) | (static_cast<uint64_t>(LoadLittleEndian32(p + 4)) << 32);
}

/// Writes `value` as 32-bit little-endian number at `p`.
inline void StoreLittleEndian32(uint32_t value, uint8_t* p) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(value >> (8 * i));
}

/// Writes `value` as 64-bit little-endian number at `p`.
inline void StoreLittleEndian64(uint64_t value, uint8_t* p) {
  for (int i = 0; i < 8; ++i) p[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace fastinet
