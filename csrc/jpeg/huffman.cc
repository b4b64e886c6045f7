#include "jpeg/huffman.h"

#include <algorithm>
#include <bit>

namespace fastinet {
namespace {

/// Coefficients that a symbol covers, or kEndOfBlock (T.81 F.1.2.2.1). Like libjpeg, every run
/// without value but the run of 16 zeros ends the block.
uint32_t AdvanceOf(uint8_t symbol, HuffmanCode::Kind kind) {
  if (kind == HuffmanCode::Kind::kDc) return 1;
  if ((symbol & 15) == 0 && symbol != 0xF0) return HuffmanCode::kEndOfBlock;
  return uint32_t{symbol} / 16 + 1;
}

/// The value whose `size` bits are `bits` (T.81 figure F.12).
int32_t Extended(uint32_t bits, uint32_t size) {
  const auto value = static_cast<int32_t>(bits);
  return size > 0 && bits < 1u << (size - 1) ? value - (1 << size) + 1 : value;
}

/// Fills a table of 2^kIndexBits entries, code by code in their order: `make(symbol, bits, rest,
/// base)` gives the entry of a symbol of `bits` bits, of which `rest` lie beyond the index.
template <uint32_t kIndexBits, uint32_t kMaxSize, class Entry, class MakeEntry>
void FillTable(const HuffmanSpec& spec, Entry long_entry, Entry* entry, MakeEntry make) {
  Entry* const table_end = entry + (size_t{1} << kIndexBits);
  uint32_t index = 0;
  for (uint32_t length = 1; length <= kIndexBits; ++length) {
    const uint32_t free_bits = kIndexBits - length;
    for (uint32_t i = 0; i < spec.counts[length - 1]; ++i, ++index) {
      const uint8_t symbol = spec.values[index];
      const uint32_t size = symbol & 15;
      Entry* const end = entry + (size_t{1} << free_bits);
      if (size > kMaxSize || (size > 0 && free_bits == 0)) {
        std::fill(entry, end, long_entry);
      } else if (size <= free_bits) {
        const size_t copies = size_t{1} << (free_bits - size);
        for (uint32_t bits = 0; bits < 1u << size; ++bits, entry += copies) {
          std::fill_n(entry, copies, make(symbol, length + size, 0u, Extended(bits, size)));
        }
      } else {
        const uint32_t rest = size - free_bits;
        for (uint32_t bits = 0; entry != end; ++bits, ++entry) {
          *entry = make(symbol, length + size, rest, Extended(bits << rest, size));
        }
      }
      entry = end;
    }
  }
  std::fill(entry, table_end, long_entry);
}

/// Adds each field of `b` to that of `a`, all at once: no sum outgrows its field.
void AddFields(AcTable::Entry* a, const AcTable::Entry& b) {
  *a = std::bit_cast<AcTable::Entry>(std::bit_cast<uint64_t>(*a) + std::bit_cast<uint64_t>(b));
}

}  // namespace

Status HuffmanCode::Build(const HuffmanSpec& spec, Kind kind) {
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
    limit_[i] = static_cast<int32_t>(code << (15 - i));
    code <<= 1;
  }
  if (kind == Kind::kDc &&
      std::any_of(values_.begin(), values_.begin() + symbols, [](uint8_t v) { return v > 15; })) {
    return Corrupt("a DC Huffman table has a symbol above 15");
  }
  FillTail(spec);
  return {};
}

/// No code of up to six bits lies here, since none consists of ones alone: the others' ranges of
/// 16-bit numbers lie in the tail as a whole or not at all.
void HuffmanCode::FillTail(const HuffmanSpec& spec) {
  tail_.fill({});
  uint32_t start = 0;  // of the next code's range
  uint32_t index = 0;
  for (uint32_t length = 1; length <= 16; ++length) {
    const uint32_t range = 1u << (16 - length);
    for (uint32_t i = 0; i < spec.counts[length - 1]; ++i, ++index, start += range) {
      if (start < kTailStart) continue;
      std::fill_n(tail_.begin() + (start - kTailStart), range,
                  TailEntry{static_cast<uint8_t>(length), values_[index]});
    }
  }
}

HuffmanCode::Symbol HuffmanCode::Find(uint64_t window) const {
  if (const uint64_t leading = window >> 48; leading >= kTailStart) {
    const TailEntry entry = tail_[leading - kTailStart];
    return entry.length == 0 ? Symbol() : SymbolOf(window, entry.length, entry.symbol);
  }
  const auto leading = static_cast<int32_t>(window >> 48);
  // Limits never fall, and most codes that are searched for are longer than the tables' indices.
  uint32_t i = leading >= limit_[7] ? 8 : 0;
  while (i < limit_.size() && leading >= limit_[i]) ++i;
  if (i == limit_.size()) return {};
  const uint32_t length = i + 1;
  const int32_t code = leading >> (16 - length);
  return SymbolOf(window, length, values_[static_cast<uint32_t>(code + value_offset_[i]) & 0xFF]);
}

/// `symbol`, whose code are the first `length` bits of `window`, with its value.
HuffmanCode::Symbol HuffmanCode::SymbolOf(uint64_t window, uint32_t length, uint8_t symbol) const {
  const uint32_t size = symbol & 15;
  const auto bits = static_cast<uint32_t>((window << length >> 1) >> (63 - size));
  return {length + size, AdvanceOf(symbol, kind_), Extended(bits, size)};
}

Status DcTable::Build(const HuffmanSpec& spec) {
  FASTINET_RETURN_IF_ERROR(code_.Build(spec, HuffmanCode::Kind::kDc));
  FillTable<kIndexBits, kMaxSize>(spec, Entry{0}, entries_.data(),
                                  [](uint8_t, uint32_t bits, uint32_t rest, int32_t base) -> Entry {
                                    return bits | (63 - rest) << 8 |
                                           static_cast<uint32_t>(base) << 16;
                                  });
  return {};
}

Status AcTable::Build(const HuffmanSpec& spec) {
  FASTINET_RETURN_IF_ERROR(code_.Build(spec, HuffmanCode::Kind::kAc));
  FillSingles(spec);
  JoinPairs();
  return {};
}

void AcTable::FillSingles(const HuffmanSpec& spec) {
  FillTable<kIndexBits, kMaxSize>(
      spec, Entry{.advance = kLong, .first_advance = kLong}, entries_.data(),
      [](uint8_t symbol, uint32_t bits, uint32_t rest, int32_t base) -> Entry {
        const auto advance = static_cast<uint8_t>(AdvanceOf(symbol, HuffmanCode::Kind::kAc));
        return {.bits = static_cast<uint8_t>(bits),
                .advance = advance,
                .first_advance = advance,
                .rest_range = static_cast<uint16_t>((64 - bits) | rest << 8),
                .first_base = static_cast<int16_t>(base)};
      });
}

/// Appends to every entry the symbol that the rest of its index shows, where it shows a whole one.
void AcTable::JoinPairs() {
  // What a second symbol adds depends on the index bits after the first one alone: one list for
  // each number of these bits, which starts where its length says.
  constexpr uint32_t kMinBits = 2;  // of a first symbol; shorter ones hardly exist
  std::array<Entry, size_t{1} << (kIndexBits - kMinBits + 1)> lists;
  for (uint32_t bits = kMinBits; bits < kIndexBits; ++bits) {
    const uint32_t free_bits = kIndexBits - bits;
    const size_t length = size_t{1} << free_bits;
    for (size_t i = 0; i < length; ++i) {
      const Entry& symbol = entries_[i << bits];
      const bool whole = symbol.bits <= free_bits && symbol.advance != kLong;
      // At most 7 bits of value, since both codes take one at least.
      lists[length + i] = whole ? Entry{.bits = symbol.bits,
                                        .advance = symbol.advance,
                                        .second_value = static_cast<int8_t>(symbol.first_base)}
                                : Entry{};
    }
  }
  for (size_t index = 0; index < entries_.size();) {
    const Entry first = entries_[index];
    if (first.bits < kMinBits || first.bits >= kIndexBits) {
      ++index;
      continue;
    }
    const size_t length = size_t{1} << (kIndexBits - first.bits);
    if (first.advance < HuffmanCode::kEndOfBlock) {
      for (size_t i = 0; i < length; ++i) AddFields(&entries_[index + i], lists[length + i]);
    }
    index += length;
  }
}

void AcSkipTable::Build(const HuffmanSpec& spec) {
  // What so many bits show, for each number of bits from 0 on: a list of 2^bits entries that starts
  // where its length says, 0 where they show no whole code. A list is made from shorter ones.
  std::array<Entry, size_t{2} << kIndexBits> lists;
  constexpr uint32_t kEnd = HuffmanCode::kEndOfBlock;
  for (uint32_t known = 0; known <= kIndexBits; ++known) {
    Entry* entry = lists.data() + (size_t{1} << known);
    Entry* const list_end = entry + (size_t{1} << known);
    uint32_t index = 0;
    for (uint32_t length = 1; length <= known; ++length) {
      for (uint32_t i = 0; i < spec.counts[length - 1]; ++i, ++index) {
        Entry* const end = entry + (size_t{1} << (known - length));
        const uint32_t size = spec.values[index] & 15;
        const uint32_t bits = length + size;
        const uint32_t advance = AdvanceOf(spec.values[index], HuffmanCode::Kind::kAc);
        const auto own =
            static_cast<Entry>(bits > kMaxEntryBits ? kLong << 8 : bits | advance << 8);
        if (advance == kEnd || bits >= known) {
          std::fill(entry, end, own);
        } else {
          const Entry* const rest = lists.data() + (size_t{1} << (known - bits));
          for (uint32_t value = 0; value < 1u << size; ++value) {
            for (size_t j = 0; j < size_t{1} << (known - bits); ++j) {
              // Advances stay below kEnd, but for the end's own.
              const uint32_t sum = (rest[j] >> 8 & (kEnd - 1)) + advance;
              const bool joins = sum < 63 && (rest[j] & 0xFF) + bits <= kMaxEntryBits;
              *entry++ = static_cast<Entry>(joins ? own + rest[j] : own);
            }
          }
        }
        entry = end;
      }
    }
    std::fill(entry, list_end, known == kIndexBits ? Entry{kLong << 8} : Entry{0});
  }
  std::copy_n(lists.end() - entries_.size(), entries_.size(), entries_.begin());
}

}  // namespace fastinet
