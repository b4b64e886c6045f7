// Huffman decoding tables: built for every image, so small and quick to fill.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "jpeg/header.h"

namespace fastinet {

// A symbol of a scan is a Huffman code and `size` further bits, the coefficient's value (T.81
// F.1.2.2). The tables turn the next few bits, the index, into an entry that holds the code's
// length and as much of the value as those bits show: a base to which the remaining `rest` value
// bits need only be added, because the value's sign is its first bit. Codes that leave no room for
// the sign bit, and values that do not fit the field, are "long": HuffmanCode::Find decodes them.

/// A Huffman code, for any symbol.
class HuffmanCode {
 public:
  enum class Kind : uint8_t { kDc, kAc };

  /// The value of `advance` for the end-of-block symbol. It is 64, so adding it always leaves the
  /// block.
  static constexpr uint32_t kEndOfBlock = 64;

  /// Bits of the longest symbol: a code of 16 and a value of 15.
  static constexpr uint32_t kMaxSymbolBits = 31;

  struct Symbol {
    uint32_t bits = 0;     // code and value; 0: the bits are no code
    uint32_t advance = 0;  // coefficients that the symbol covers, zeros included, or kEndOfBlock
    int32_t value = 0;
  };

  /// Takes the table. Fails with kCorrupt when the counts are no prefix code, by the rules of
  /// jpeg_make_d_derived_tbl in libjpeg-turbo's jdhuff.c.
  Status Build(const HuffmanSpec& spec, Kind kind);

  /// Decodes any symbol from `window`, the next 64 bits of the scan with the first one
  /// highest; at least kMaxSymbolBits of them must count.
  Symbol Find(uint64_t window) const;

 private:
  void FillTail(const HuffmanSpec& spec);
  Symbol SymbolOf(uint64_t window, uint32_t length, uint8_t symbol) const;

  // Codes that start with six ones are looked up by their next ten bits: in most tables that is all
  // that are searched for, and the search's end cannot be predicted. Length 0: no code.
  static constexpr uint32_t kTailStart = 0xFC00;
  struct TailEntry {
    uint8_t length = 0;
    uint8_t symbol = 0;
  };
  std::array<TailEntry, 0x10000 - kTailStart> tail_;
  // Canonical decoding (T.81 F.2.2.3): codes of i + 1 bits, left-aligned to 16, lie below
  // limit_[i]; value_offset_[i] + code is the index of their symbol.
  std::array<int32_t, 16> limit_;
  std::array<int32_t, 16> value_offset_;
  std::array<uint8_t, 256> values_;
  Kind kind_ = Kind::kDc;
};

/// Decodes DC differences.
class DcTable {
 public:
  static constexpr uint32_t kIndexBits = 8;

  /// From the lowest bit on:
  ///    0.. 7  bits of the whole symbol; 0: long
  ///    8..15  63 - rest
  ///   16..31  base of the value, signed
  using Entry = uint32_t;
  static constexpr uint32_t kMaxSize = 11;  // all that 8-bit samples need (T.81 table F.1)
  static constexpr uint32_t kMaxEntryBits = kIndexBits - 1 + kMaxSize;

  Status Build(const HuffmanSpec& spec);

  const Entry* entries() const { return entries_.data(); }
  const HuffmanCode& code() const { return code_; }

 private:
  std::array<Entry, size_t{1} << kIndexBits> entries_;
  HuffmanCode code_;
};

/// Decodes AC coefficients, two at a time where both symbols lie within the index. On photographs
/// that saves three of ten look-ups, and look-ups wait for each other.
class AcTable {
 public:
  /// With 11 bits two tables would fill a first-level cache of 32 KiB: all entries are in use,
  /// since coded bits look random.
  static constexpr uint32_t kIndexBits = 10;

  /// One symbol, or two. Fields that can be loaded one by one: loads are cheap, while the shifts
  /// that take a word apart would get in the way of those that decoding waits for.
  struct alignas(8) Entry {
    uint8_t bits = 0;     // of all its symbols, at most kMaxEntryBits
    uint8_t advance = 0;  // coefficients covered; kEndOfBlock more where the last ends it; or kLong
    uint8_t first_advance = 0;  // of the first symbol
    int8_t second_value = 0;
    /// Where the rest of the first value is in the window, once it has come: from bit 64 - bits on,
    /// and its length << 8, which is 0 where there are two symbols.
    uint16_t rest_range = 0;
    int16_t first_base = 0;
  };

  static constexpr uint32_t kLong = 128;

  /// So that a full bit window of 56 bits serves three entries.
  static constexpr uint32_t kMaxEntryBits = 18;
  static constexpr uint32_t kMaxSize = kMaxEntryBits - (kIndexBits - 1);

  Status Build(const HuffmanSpec& spec);

  const Entry* entries() const { return entries_.data(); }
  const HuffmanCode& code() const { return code_; }

 private:
  void FillSingles(const HuffmanSpec& spec);
  void JoinPairs();

  std::array<Entry, size_t{1} << kIndexBits> entries_;
  HuffmanCode code_;
};

/// Passes over AC coefficients: as many symbols at a time as have their codes within the index, and
/// the end of the block. Values may go on behind the index, since nobody asks for them.
class AcSkipTable {
 public:
  /// One more than decoding has: entries are smaller, and there is nothing to store.
  static constexpr uint32_t kIndexBits = 11;

  /// Bits of all symbols, and advance << 8, as in AcTable; kLong alone where the first symbol is
  /// not in the index or has too many bits.
  using Entry = uint16_t;
  static constexpr uint32_t kLong = 255;
  static constexpr uint32_t kMaxEntryBits = 18;  // so that a full bit window serves three

  /// `spec` must be one that AcTable::Build takes.
  void Build(const HuffmanSpec& spec);

  const Entry* entries() const { return entries_.data(); }

 private:
  std::array<Entry, size_t{1} << kIndexBits> entries_;
};

}  // namespace fastinet
