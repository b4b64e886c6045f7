// Huffman decoding tables: built for every image, so small and quick to fill.
#pragma once

#include <array>
#include <cstdint>

#include "base/status.h"
#include "jpeg/header.h"

namespace fastinet {

/// Turns the next bits of a scan into a symbol and, mostly, into its coefficient too.
///
/// A symbol of the scan is a Huffman code and `size` further bits, the coefficient's value (T.81
/// F.1.2.2). The next kIndexBits bits select an entry. It holds the code's length, and as much of
/// the value as those bits show: a base to which the remaining `rest` value bits need only be
/// added, because the value's sign is its first bit. Codes that leave no room for the sign bit,
/// and values that do not fit the field, take the way of FindLong.
class HuffmanTable {
 public:
  /// 10 and 11 are alike in speed; 11 would push four tables out of a 32 KiB first-level cache.
  static constexpr uint32_t kIndexBits = 10;

  /// Fields of an entry, from the lowest bit on:
  ///   0.. 7  bits that the code and its value take, at most kMaxEntryBits
  ///   8..15  advance: how many coefficients the symbol covers, zeros included; or one of below
  ///  16..21  63 - rest
  ///  22..31  base of the value, signed
  using Entry = uint32_t;
  static constexpr uint32_t kAdvanceShift = 8;
  static constexpr uint32_t kRestShift = 16;
  static constexpr uint32_t kBaseShift = 22;

  static constexpr uint32_t kEndOfBlock = 64;  // advances
  static constexpr uint32_t kLong = 128;

  /// Sizes whose values fit the base field.
  static constexpr uint32_t kMaxEntrySize = 9;
  static constexpr uint32_t kMaxEntryBits = kIndexBits - 1 + kMaxEntrySize;
  /// Bits of the longest symbol: a code of 16 and a value of 15.
  static constexpr uint32_t kMaxSymbolBits = 31;

  /// A symbol that FindLong found; bits is 0 when the bits are no code of the table.
  struct Symbol {
    uint32_t bits = 0;
    uint32_t advance = 0;
    int32_t value = 0;
  };

  enum class Kind : uint8_t { kDc, kAc };

  /// Fills the table. Fails with kCorrupt when the counts are no prefix code, by the rules of
  /// jpeg_make_d_derived_tbl in libjpeg-turbo's jdhuff.c.
  Status Build(const HuffmanSpec& spec, Kind kind);

  /// Decodes any symbol from `window`, the next 64 bits of the scan with the first in the highest
  /// place; at least kMaxSymbolBits of them must count.
  Symbol FindLong(uint64_t window) const;

  const Entry* entries() const { return entries_.data(); }

 private:
  void FillEntries(const HuffmanSpec& spec, Kind kind);

  std::array<Entry, 1u << kIndexBits> entries_;
  // Canonical decoding (T.81 F.2.2.3): codes of i + 1 bits, left-aligned to 16, lie below
  // limit_[i]; value_offset_[i] + code is the place of their symbol.
  std::array<uint32_t, 16> limit_;
  std::array<int32_t, 16> value_offset_;
  std::array<uint8_t, 256> values_;
  Kind kind_ = Kind::kDc;
};

}  // namespace fastinet
