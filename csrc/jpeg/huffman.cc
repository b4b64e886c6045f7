#include "jpeg/huffman.h"

#include <algorithm>

namespace fastinet {
namespace {

using Entry = HuffmanTable::Entry;

constexpr Entry kLongEntry = HuffmanTable::kLong << HuffmanTable::kAdvanceShift;

/// Coefficients that a symbol covers, or kEndOfBlock (T.81 F.1.2.2.1). Like libjpeg, every run
/// without value but the run of 16 zeros ends the block.
uint32_t AdvanceOf(uint8_t symbol, HuffmanTable::Kind kind) {
  if (kind == HuffmanTable::Kind::kDc) return 1;
  if ((symbol & 15) == 0 && symbol != 0xF0) return HuffmanTable::kEndOfBlock;
  return uint32_t{symbol} / 16 + 1;
}

/// The value whose `size` bits are `bits` (T.81 figure F.12).
int32_t Extended(uint32_t bits, uint32_t size) {
  const auto value = static_cast<int32_t>(bits);
  return size > 0 && bits < 1u << (size - 1) ? value - (1 << size) + 1 : value;
}

Entry MakeEntry(uint32_t bits, uint32_t advance, uint32_t rest, int32_t base) {
  return bits | advance << HuffmanTable::kAdvanceShift | (63 - rest) << HuffmanTable::kRestShift |
         static_cast<uint32_t>(base) << HuffmanTable::kBaseShift;
}

}  // namespace

Status HuffmanTable::Build(const HuffmanSpec& spec, Kind kind) {
  kind_ = kind;
  values_ = spec.values;
  uint32_t code = 0;
  uint32_t symbols = 0;
  for (uint32_t i = 0; i < 16; ++i) {
    const uint32_t count = spec.counts[i];
    value_offset_[i] = static_cast<int32_t>(symbols) - static_cast<int32_t>(code);
    symbols += count;
    code += count;
    // No code may consist of ones alone.
    if (symbols > 256 || (count > 0 && code >= 2u << i)) {
      return Corrupt("a Huffman table is not a prefix code");
    }
    limit_[i] = code << (15 - i);
    code <<= 1;
  }
  if (kind == Kind::kDc &&
      std::any_of(values_.begin(), values_.begin() + symbols, [](uint8_t v) { return v > 15; })) {
    return Corrupt("a DC Huffman table has a symbol above 15");
  }
  FillEntries(spec, kind);
  return {};
}

void HuffmanTable::FillEntries(const HuffmanSpec& spec, Kind kind) {
  Entry* entry = entries_.data();
  uint32_t place = 0;
  for (uint32_t length = 1; length <= kIndexBits; ++length) {
    const uint32_t free_bits = kIndexBits - length;
    for (uint32_t i = 0; i < spec.counts[length - 1]; ++i, ++place) {
      const uint8_t symbol = spec.values[place];
      const uint32_t size = symbol & 15;
      const uint32_t advance = AdvanceOf(symbol, kind);
      Entry* const end = entry + (size_t{1} << free_bits);
      if (size > kMaxEntrySize || (size > 0 && free_bits == 0)) {
        std::fill(entry, end, kLongEntry);
      } else if (size <= free_bits) {
        const size_t copies = size_t{1} << (free_bits - size);
        for (uint32_t bits = 0; bits < 1u << size; ++bits, entry += copies) {
          std::fill_n(entry, copies, MakeEntry(length + size, advance, 0, Extended(bits, size)));
        }
      } else {
        const uint32_t rest = size - free_bits;
        for (uint32_t bits = 0; entry != end; ++bits, ++entry) {
          *entry = MakeEntry(length + size, advance, rest, Extended(bits << rest, size));
        }
      }
      entry = end;
    }
  }
  std::fill(entry, entries_.data() + entries_.size(), kLongEntry);
}

HuffmanTable::Symbol HuffmanTable::FindLong(uint64_t window) const {
  const auto leading = static_cast<uint32_t>(window >> 48);
  uint32_t i = 0;
  while (i < 16 && leading >= limit_[i]) ++i;
  if (i == 16) return {};
  const uint32_t length = i + 1;
  const auto code = static_cast<int32_t>(leading >> (16 - length));
  const uint8_t symbol = values_[static_cast<uint32_t>(code + value_offset_[i]) & 0xFF];
  const uint32_t size = symbol & 15;
  const auto bits = static_cast<uint32_t>((window << length >> 1) >> (63 - size));
  return {length + size, AdvanceOf(symbol, kind_), Extended(bits, size)};
}

}  // namespace fastinet
