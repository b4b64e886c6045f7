#include "jpeg/entropy_kernels.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "jpeg/entropy_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// No vectors here: the targets bring the shifts of BMI2, which need no flags and take their count
// from any register.

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

/// Where the k-th coefficient in zig-zag order lies in a group (CoefficientBuffer).
constexpr std::array<uint8_t, 64> GroupOffsets() {
  std::array<uint8_t, 64> offsets{};
  for (size_t k = 0; k < 64; ++k) {
    const uint32_t natural = kZigZagToNatural[k];
    offsets[k] = static_cast<uint8_t>(natural / 8 * kGroupRowLength + natural % 8);
  }
  return offsets;
}
constexpr std::array<uint8_t, 64> kGroupOffsets = GroupOffsets();

/// The bits to come. Passed and returned by value, so that the hot loops keep it in registers.
struct BitWindow {
  uint64_t bits;
  /// How many of `bits` count, in the lowest byte, signed; what stands above is noise.
  uint64_t count;
  const uint8_t* next;
};

/// A full window holds at least this many bits.
constexpr uint32_t kFullWindow = 56;
static_assert(kFullWindow >= 3 * AcTable::kMaxEntryBits);
static_assert(kFullWindow >= DcTable::kMaxEntryBits + 2 * AcTable::kMaxEntryBits);
static_assert(kFullWindow >= HuffmanCode::kMaxSymbolBits);

/// Refills byte by byte, as far as the data goes. Once more bits were used than there were, the
/// count stays negative.
HWY_NOINLINE BitWindow RefillSlowly(BitWindow window, const uint8_t* end) {
  auto count = static_cast<int32_t>(static_cast<int8_t>(window.count));
  if (count < 0) return {0, static_cast<uint8_t>(-1), window.next};
  while (count < static_cast<int32_t>(kFullWindow) && window.next < end) {
    const uint64_t byte = *window.next;
    if (byte == 0xFF) {
      if (end - window.next < 2 || window.next[1] != 0) break;
      ++window.next;
    }
    ++window.next;
    window.bits |= byte << (56 - count);
    count += 8;
  }
  window.count = static_cast<uint64_t>(count);
  return window;
}

HWY_INLINE bool HasByteFF(uint64_t x) {
  return (~(x + 0x0101010101010101u) & x & 0x8080808080808080u) != 0;
}

HWY_INLINE uint64_t LoadBigEndian64(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof(value));
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

/// Decodes the symbols of one block after another.
///
/// Refills are spread so that a full window serves three entries of the tables, at most
/// kMaxEntryBits each.
class BlockDecoder {
 public:
  HWY_INLINE explicit BlockDecoder(const EntropyDecoder::State& state)
      : window_{state.window, static_cast<uint64_t>(state.window_bits), state.next},
        end_(state.end),
        fast_end_(state.end - state.next >= 8 ? state.end - 7 : state.next) {}

  HWY_INLINE void Save(EntropyDecoder::State& state) const {
    state.window = window_.bits;
    state.window_bits = static_cast<int8_t>(window_.count);
    state.next = window_.next;
  }

  HWY_INLINE bool ran_out() const { return static_cast<int8_t>(window_.count) < 0; }

  /// Decodes one block. `coefficients` is the block's place in its group, whose coefficients are 0;
  /// `last` receives the zig-zag index of the last one stored.
  template <bool kStore>
  HWY_INLINE EntropyFault Decode(const EntropyDecoder::Block& block, int32_t& dc,
                                 int16_t* coefficients, uint8_t* last) {
    Refill();
    if (!DecodeDc(*block.dc, dc)) return EntropyFault::kBadCode;
    if constexpr (kStore) coefficients[0] = static_cast<int16_t>(dc);

    const AcTable::Entry* entries = block.ac->entries();
    uint32_t k = 0;
    if (Step<kStore>(entries, k, coefficients) && Step<kStore>(entries, k, coefficients)) {
      do {
        Refill();
      } while (Step<kStore>(entries, k, coefficients) && Step<kStore>(entries, k, coefficients) &&
               Step<kStore>(entries, k, coefficients));
    }
    while (true) {
      const AcTable::Entry entry = NextEntry(entries);
      const uint32_t advance = FirstAdvance(entry);
      if (HWY_LIKELY(advance == HuffmanCode::kEndOfBlock)) {
        Use(entry);
        break;
      }
      if (advance == AcTable::kLong) {
        Refill();
        const HuffmanCode::Symbol symbol = block.ac->code().Find(window_.bits);
        if (symbol.bits == 0) return EntropyFault::kBadCode;
        Use(symbol.bits);
        if (symbol.advance == HuffmanCode::kEndOfBlock) break;
        k += symbol.advance;
        if (k > 63) return EntropyFault::kTooManyCoefficients;
        if constexpr (kStore) coefficients[kGroupOffsets[k]] = static_cast<int16_t>(symbol.value);
      } else {
        k += advance;
        if (k > 63) return EntropyFault::kTooManyCoefficients;
        if constexpr (kStore) coefficients[kGroupOffsets[k]] = FirstValue(entry);
        const uint32_t second_advance = Advance(entry) - advance;
        if (k == 63 && second_advance > 0) {  // the second symbol is the next block's
          Use(entry >> AcTable::kFirstBitsShift & 15);
          break;
        }
        Use(entry);
        if (second_advance == HuffmanCode::kEndOfBlock) break;
        k += second_advance;
        if (k > 63) return EntropyFault::kTooManyCoefficients;
        if constexpr (kStore) {
          if (second_advance > 0) coefficients[kGroupOffsets[k]] = SecondValue(entry);
        }
      }
      if (k == 63) break;
      do {
        Refill();
      } while (Step<kStore>(entries, k, coefficients) && Step<kStore>(entries, k, coefficients) &&
               Step<kStore>(entries, k, coefficients));
    }
    if constexpr (kStore) *last = static_cast<uint8_t>(k);
    return EntropyFault::kNone;
  }

 private:
  HWY_INLINE void Refill() {
    if (HWY_LIKELY(window_.next < fast_end_)) {
      const uint64_t bytes = LoadBigEndian64(window_.next);
      if (HWY_LIKELY(!HasByteFF(bytes))) {
        const uint64_t count = window_.count & 63;
        window_.bits |= bytes >> count;
        window_.next += (63 - count) >> 3;
        window_.count = count | kFullWindow;
        return;
      }
    }
    window_ = RefillSlowly(window_, end_);
  }

  /// Drops an entry's bits; its lowest byte tells how many.
  HWY_INLINE void Use(uint64_t entry) {
    window_.bits <<= entry & 63;
    window_.count -= entry;
  }

  HWY_INLINE AcTable::Entry NextEntry(const AcTable::Entry* entries) const {
    return entries[window_.bits >> (64 - AcTable::kIndexBits)];
  }

  static HWY_INLINE uint32_t FirstAdvance(AcTable::Entry entry) {
    return static_cast<uint8_t>(entry >> AcTable::kFirstAdvanceShift);
  }

  static HWY_INLINE uint32_t Advance(AcTable::Entry entry) {
    return static_cast<uint8_t>(entry >> AcTable::kAdvanceShift);
  }

  /// The next `rest` bits after an index of kIndexBits; `shift` is 63 - rest.
  template <uint32_t kIndexBits>
  HWY_INLINE uint64_t RestBits(uint64_t shift) const {
    return (window_.bits << kIndexBits >> 1) >> (shift & 63);
  }

  /// The first value of `entry`, which is next in the window.
  HWY_INLINE int16_t FirstValue(AcTable::Entry entry) const {
    return static_cast<int16_t>((entry >> AcTable::kFirstValueShift) +
                                RestBits<AcTable::kIndexBits>(entry >> AcTable::kRestShift));
  }

  static HWY_INLINE int16_t SecondValue(AcTable::Entry entry) {
    return static_cast<int16_t>(static_cast<int64_t>(entry) >> AcTable::kSecondValueShift);
  }

  HWY_INLINE bool DecodeDc(const DcTable& table, int32_t& dc) {
    const DcTable::Entry entry = table.entries()[window_.bits >> (64 - DcTable::kIndexBits)];
    int32_t difference;
    if (HWY_LIKELY((entry & 0xFF) != 0)) {
      difference = (static_cast<int32_t>(entry) >> 16) +
                   static_cast<int32_t>(RestBits<DcTable::kIndexBits>(entry >> 8));
      Use(entry);
    } else {
      const HuffmanCode::Symbol symbol = table.code().Find(window_.bits);
      if (symbol.bits == 0) return false;
      difference = symbol.value;
      Use(symbol.bits);
      Refill();
    }
    // Wraps as libjpeg's does on hostile data.
    dc = static_cast<int32_t>(static_cast<uint32_t>(dc) + static_cast<uint32_t>(difference));
    return true;
  }

  /// Decodes the next entry if its symbols are ordinary ones, and do not fill the block. Otherwise
  /// changes nothing and returns false.
  template <bool kStore>
  HWY_INLINE bool Step(const AcTable::Entry* entries, uint32_t& k, int16_t* coefficients) {
    const AcTable::Entry entry = NextEntry(entries);
    const uint32_t next_k = k + Advance(entry);
    if (HWY_UNLIKELY(next_k >= 63)) return false;
    if constexpr (kStore) {
      // Where there is but one symbol, both stores go to its place, and the second one counts.
      coefficients[kGroupOffsets[next_k]] = SecondValue(entry);
      coefficients[kGroupOffsets[k + FirstAdvance(entry)]] = FirstValue(entry);
    }
    k = next_k;
    Use(entry);
    return true;
  }

  BitWindow window_;
  const uint8_t* const end_;
  const uint8_t* const fast_end_;  // eight bytes can be loaded before it
};

template <bool kStore>
EntropyFault DecodeMcusAs(EntropyDecoder::State& state, const EntropyDecoder::Block* blocks,
                          size_t block_count, int32_t count, const CoefficientBuffer* buffer,
                          int32_t column) {
  BlockDecoder decoder(state);
  std::array<int32_t, 3> dc = state.dc;
  EntropyFault fault = EntropyFault::kNone;
  for (int32_t mcu = column; mcu < column + count && fault == EntropyFault::kNone; ++mcu) {
    for (size_t i = 0; i < block_count; ++i) {
      const EntropyDecoder::Block& block = blocks[i];
      int16_t* coefficients = nullptr;
      uint8_t* last = nullptr;
      if constexpr (kStore) {
        const BlockRow& row = buffer->row(block.component, block.down);
        const auto at = static_cast<uint32_t>(mcu * block.blocks_across + block.across);
        coefficients = row.coefficients + at / kBlocksPerGroup * size_t{kGroupLength} +
                       at % kBlocksPerGroup * 8;
        last = row.last + at;
      }
      fault = decoder.Decode<kStore>(block, dc[block.component], coefficients, last);
      if (HWY_UNLIKELY(fault != EntropyFault::kNone)) break;
    }
  }
  decoder.Save(state);
  state.dc = dc;
  return decoder.ran_out() ? EntropyFault::kOutOfData : fault;
}

EntropyFault DecodeMcusKernel(EntropyDecoder::State& state, const EntropyDecoder::Block* blocks,
                              size_t block_count, int32_t count, const CoefficientBuffer* buffer,
                              int32_t column) {
  return buffer == nullptr ? DecodeMcusAs<false>(state, blocks, block_count, count, buffer, column)
                           : DecodeMcusAs<true>(state, blocks, block_count, count, buffer, column);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {

HWY_EXPORT(DecodeMcusKernel);

EntropyFault DecodeMcus(EntropyDecoder::State& state, const EntropyDecoder::Block* blocks,
                        size_t block_count, int32_t count, const CoefficientBuffer* buffer,
                        int32_t column) {
  return HWY_DYNAMIC_DISPATCH(DecodeMcusKernel)(state, blocks, block_count, count, buffer, column);
}

}  // namespace fastinet
#endif  // HWY_ONCE
