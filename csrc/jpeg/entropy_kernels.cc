#include "jpeg/entropy_kernels.h"

#include <array>
#include <bit>
#include <cstring>
#include <span>

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

/// A full window holds at least this many bits.
constexpr uint32_t kFullWindow = 56;
static_assert(kFullWindow >= 3 * AcTable::kMaxEntryBits);
static_assert(kFullWindow >= DcTable::kMaxEntryBits + 2 * AcTable::kMaxEntryBits);
static_assert(kFullWindow >= 3 * AcSkipTable::kMaxEntryBits);
static_assert(kFullWindow >= DcTable::kMaxEntryBits + 2 * AcSkipTable::kMaxEntryBits);
static_assert(kFullWindow >= HuffmanCode::kMaxSymbolBits);

constexpr uint64_t kEachByte = 0x0101010101010101u;

HWY_INLINE uint64_t LoadBigEndian64(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof(value));
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

/// Whether a byte of `x` is FF: then adding 1 to each byte clears its highest bit, which was set.
/// Exact as a yes or no, since a carry into the next byte can only come out of a byte that is
/// itself FF.
HWY_INLINE bool HasByteFF(uint64_t x) { return (~(x + kEachByte) & x & (kEachByte << 7)) != 0; }

/// How many of the highest bytes of `x` come before its first FF; 8 when it has none.
HWY_INLINE uint32_t BytesBeforeFF(uint64_t x) {
  constexpr uint64_t kLowBits = kEachByte * 0x7F;
  const uint64_t marks = ((x & kLowBits) + kEachByte) & x & (kEachByte << 7);
  return static_cast<uint32_t>(std::countl_zero(marks)) / 8;
}

/// `value`, of which the compiler knows nothing from here on: what is computed from it is computed
/// by itself, not from what was made of the original before. No instruction.
template <class T>
HWY_INLINE T Opaque(T value) {
#if defined(__GNUC__)  // and Clang
  asm("" : "+r"(value));
#endif
  return value;
}

/// What RefillSlowly finds. Two numbers, so that they come back in registers.
struct Refilled {
  uint64_t bits;
  uint64_t rest_and_count;  // bytes left << 8 | count
};

/// Refills a window of `count` bits past stuffed bytes, as far as the data goes. Once more bits
/// were used than there were, the count stays negative.
HWY_NOINLINE Refilled RefillSlowly(uint64_t bits, int8_t signed_count, const uint8_t* next,
                                   const uint8_t* end) {
  const auto result = [&](uint32_t count) HWY_ATTR -> Refilled {
    return {bits, static_cast<uint64_t>(end - next) << 8 | (count & 0xFF)};
  };
  if (signed_count < 0) {
    bits = 0;
    return result(0xFF);
  }
  auto count = static_cast<uint32_t>(signed_count);
  while (count < kFullWindow && end - next >= 8) {
    const uint64_t bytes = LoadBigEndian64(next);
    const uint32_t before = BytesBeforeFF(bytes);
    const uint32_t wanted = (63 - count) / 8;
    if (before >= wanted) {
      bits |= bytes >> count;
      next += wanted;
      return result(count + 8 * wanted);
    }
    const bool stuffed = next[before + 1] == 0;
    const uint32_t taken = before + (stuffed ? 1 : 0);
    if (taken > 0) bits |= (bytes & ~uint64_t{0} << (64 - 8 * taken)) >> count;
    count += 8 * taken;
    next += before;
    if (!stuffed) return result(count);
    next += 2;
  }
  while (count < kFullWindow && next < end) {
    const uint64_t byte = *next;
    if (byte == 0xFF) {
      if (end - next < 2 || next[1] != 0) break;
      ++next;
    }
    ++next;
    bits |= byte << (56 - count);
    count += 8;
  }
  return result(count);
}

/// Where the coefficients of a block go: its first one in its group, whose coefficients are 0, and
/// where to leave the zig-zag index of the last one. Null when they are passed over.
struct BlockTarget {
  int16_t* coefficients = nullptr;
  uint8_t* last = nullptr;
};

/// Decodes blocks, one after the other, from one point of a scan on.
///
/// Refills are spread so that a full window serves three entries of the tables, at most
/// kMaxEntryBits each.
class BlockDecoder {
 public:
  HWY_INLINE explicit BlockDecoder(EntropyDecoder::State& state)
      : bits_(state.window),
        count_(static_cast<uint64_t>(state.window_bits)),
        next_(state.next),
        end_(state.end),
        fast_end_(state.end - state.next >= 8 ? state.end - 7 : state.next),
        dc_(state.dc.data()) {}

  HWY_INLINE void Save(EntropyDecoder::State& state) const {
    state.window = bits_;
    state.window_bits = static_cast<int8_t>(count_);
    state.next = next_;
  }

  HWY_INLINE bool ran_out() const { return static_cast<int8_t>(count_) < 0; }

  /// Decodes one block.
  HWY_INLINE EntropyFault DecodeBlock(const EntropyDecoder::Block& block,
                                      const BlockTarget& target) {
    if (!Start(block, target)) return EntropyFault::kBadCode;
    const AcTable::Entry* entries = block.ac->entries();
    size_t k = 0;
    if (Step(entries, k, target) && Step(entries, k, target)) StepOn(entries, k, target);
    return Finish(*block.ac, k, target);
  }

  /// Passes over one block.
  HWY_INLINE EntropyFault SkipBlock(const EntropyDecoder::Block& block) {
    if (!PassDc(block)) return EntropyFault::kBadCode;
    const AcSkipTable::Entry* entries = block.skip->entries();
    size_t k = 0;
    if (SkipStep(entries, k) && SkipStep(entries, k)) SkipOn(entries, k);
    return FinishSkip(block, k);
  }

  /// Decodes one block each of two streams. Entries wait for each other within a stream only, so
  /// taking turns hides half of the waiting for as long as both blocks last. More than this does
  /// not fit the registers: going on with the next block of the stream whose block ends first, with
  /// its own tables, is slower.
  static HWY_INLINE EntropyFault DecodeBlockOfTwo(BlockDecoder& a, BlockDecoder& b,
                                                  const EntropyDecoder::Block& block,
                                                  const BlockTarget& target_a,
                                                  const BlockTarget& target_b) {
    if (!a.Start(block, target_a) || !b.Start(block, target_b)) {
      return EntropyFault::kBadCode;
    }
    const AcTable::Entry* entries = block.ac->entries();
    size_t k_a = 0;
    size_t k_b = 0;
    if (a.Step(entries, k_a, target_a) && b.Step(entries, k_b, target_b) &&
        a.Step(entries, k_a, target_a) && b.Step(entries, k_b, target_b)) {
      do {
        a.Refill();
        b.Refill();
      } while (a.Step(entries, k_a, target_a) && b.Step(entries, k_b, target_b) &&
               a.Step(entries, k_a, target_a) && b.Step(entries, k_b, target_b) &&
               a.Step(entries, k_a, target_a) && b.Step(entries, k_b, target_b));
    }
    a.StepOn(entries, k_a, target_a);
    const EntropyFault fault = a.Finish(*block.ac, k_a, target_a);
    if (HWY_UNLIKELY(fault != EntropyFault::kNone)) return fault;
    b.StepOn(entries, k_b, target_b);
    return b.Finish(*block.ac, k_b, target_b);
  }

  /// Passes over one block each of two streams, likewise.
  static HWY_INLINE EntropyFault SkipBlockOfTwo(BlockDecoder& a, BlockDecoder& b,
                                                const EntropyDecoder::Block& block) {
    if (!a.PassDc(block) || !b.PassDc(block)) return EntropyFault::kBadCode;
    const AcSkipTable::Entry* entries = block.skip->entries();
    size_t k_a = 0;
    size_t k_b = 0;
    if (a.SkipStep(entries, k_a) && b.SkipStep(entries, k_b) && a.SkipStep(entries, k_a) &&
        b.SkipStep(entries, k_b)) {
      do {
        a.Refill();
        b.Refill();
      } while (a.SkipStep(entries, k_a) && b.SkipStep(entries, k_b) && a.SkipStep(entries, k_a) &&
               b.SkipStep(entries, k_b) && a.SkipStep(entries, k_a) && b.SkipStep(entries, k_b));
    }
    a.SkipOn(entries, k_a);
    const EntropyFault fault = a.FinishSkip(block, k_a);
    if (HWY_UNLIKELY(fault != EntropyFault::kNone)) return fault;
    b.SkipOn(entries, k_b);
    return b.FinishSkip(block, k_b);
  }

 private:
  /// Refills and decodes the DC difference; leaves enough bits for two entries.
  HWY_INLINE bool PassDc(const EntropyDecoder::Block& block) {
    Refill();
    return DecodeDc(*block.dc, dc_[block.component]);
  }

  /// The same, and stores the DC coefficient.
  HWY_INLINE bool Start(const EntropyDecoder::Block& block, const BlockTarget& target) {
    if (!PassDc(block)) return false;
    target.coefficients[0] = static_cast<int16_t>(dc_[block.component]);
    return true;
  }

  /// Refills and decodes entries for as long as Step does.
  HWY_INLINE void StepOn(const AcTable::Entry* entries, size_t& k, const BlockTarget& target) {
    do {
      Refill();
    } while (Step(entries, k, target) && Step(entries, k, target) && Step(entries, k, target));
  }

  /// Takes a block from an entry that Step refused to its end.
  HWY_INLINE EntropyFault Finish(const AcTable& ac, size_t k, const BlockTarget& target) {
    const AcTable::Entry* entries = ac.entries();
    while (true) {
      const AcTable::Entry& entry = entries[IndexOfNext()];
      // The block's end, mostly: alone or after a coefficient. Both in one go, since which of the
      // two it is cannot be predicted; alone it brings the value 0.
      const size_t before_end = size_t{entry.advance} - HuffmanCode::kEndOfBlock;
      if (HWY_LIKELY(before_end <= 16 && k + before_end < 63)) {
        k += before_end;
        int16_t& coefficient = target.coefficients[kGroupOffsets[k]];
        coefficient = static_cast<int16_t>(coefficient | FirstValue(entry, bits_));
        Use(entry.bits);
        break;
      }
      if (k + entry.advance == 63) {  // one or two symbols that fill the block exactly
        StoreValues(entry, bits_, k, target);
        k = 63;
        Use(entry.bits);
        break;
      }
      // A single symbol: one that the table does not show in full, or the first of two that go
      // beyond the block, of which the second belongs to the next one.
      Refill();
      const HuffmanCode::Symbol symbol = ac.code().Find(bits_);
      if (symbol.bits == 0) return EntropyFault::kBadCode;
      Use(symbol.bits);
      if (symbol.advance == HuffmanCode::kEndOfBlock) break;
      k += symbol.advance;
      if (k > 63) return EntropyFault::kTooManyCoefficients;
      target.coefficients[kGroupOffsets[k]] = static_cast<int16_t>(symbol.value);
      if (k == 63) break;
      StepOn(entries, k, target);
    }
    *target.last = static_cast<uint8_t>(k);
    return EntropyFault::kNone;
  }

  /// Refills and passes over entries for as long as SkipStep does.
  HWY_INLINE void SkipOn(const AcSkipTable::Entry* entries, size_t& k) {
    do {
      Refill();
    } while (SkipStep(entries, k) && SkipStep(entries, k) && SkipStep(entries, k));
  }

  /// Takes a block that is passed over from an entry that SkipStep refused to its end.
  HWY_INLINE EntropyFault FinishSkip(const EntropyDecoder::Block& block, size_t k) {
    while (true) {
      const uint64_t entry = block.skip->entries()[bits_ >> (64 - AcSkipTable::kIndexBits)];
      const size_t advance = entry >> 8;
      const size_t before_end = advance - HuffmanCode::kEndOfBlock;
      if (HWY_LIKELY(before_end < 63 && k + before_end < 63) || k + advance == 63) {
        Use(entry);
        return EntropyFault::kNone;
      }
      // A single symbol, as in Finish.
      Refill();
      const HuffmanCode::Symbol symbol = block.ac->code().Find(bits_);
      if (symbol.bits == 0) return EntropyFault::kBadCode;
      Use(symbol.bits);
      if (symbol.advance == HuffmanCode::kEndOfBlock) return EntropyFault::kNone;
      k += symbol.advance;
      if (k > 63) return EntropyFault::kTooManyCoefficients;
      if (k == 63) return EntropyFault::kNone;
      SkipOn(block.skip->entries(), k);
    }
  }

  HWY_INLINE void Refill() {
    if (HWY_LIKELY(next_ < fast_end_)) {
      const uint64_t bytes = LoadBigEndian64(next_);
      if (HWY_LIKELY(!HasByteFF(bytes))) {
        // Not negative here: more bits are only used than there were when a refill has come to the
        // end of the data or to a marker. It stays there, so one of the conditions above fails.
        const uint64_t count = count_ & 63;
        // All that fits of the eight bytes, of which (63 - count) / 8 whole ones are counted. The
        // bits of the next one that stand behind them are or-ed once more, at the same places, by
        // the refill after this.
        //
        // The shift takes a count of its own: x86's masks by itself, so that it need not wait for
        // the mask that the lines below want.
        bits_ |= bytes >> (Opaque(count_) & 63);
        next_ += (63 - count) >> 3;
        count_ = count | kFullWindow;  // count + 8 * ((63 - count) / 8): 56..63, the low bits stay
        return;
      }
    }
    const Refilled refilled = RefillSlowly(bits_, static_cast<int8_t>(count_), next_, end_);
    bits_ = refilled.bits;
    count_ = refilled.rest_and_count;
    next_ = end_ - (refilled.rest_and_count >> 8);
  }

  /// Drops bits: as many as the lowest byte of `count` says, at most 63.
  HWY_INLINE void Use(uint64_t count) {
    bits_ <<= count & 63;
    count_ -= count;
  }

  HWY_INLINE size_t IndexOfNext() const { return bits_ >> (64 - AcTable::kIndexBits); }

  /// Bits start..start + length - 1 of `bits`, where start is the lowest byte of `range` and length
  /// the next one.
  static HWY_INLINE uint64_t BitRange(uint64_t bits, uint64_t range) {
#if defined(__x86_64__) && HWY_TARGET <= HWY_AVX2
    return __builtin_ia32_bextr_u64(bits, range);
#else
    return bits >> (range & 63) & ~(~uint64_t{0} << (range >> 8 & 63));
#endif
  }

  /// The first value of `entry`, which was next in `window`.
  static HWY_INLINE int16_t FirstValue(const AcTable::Entry& entry, uint64_t window) {
    return static_cast<int16_t>(entry.first_base + BitRange(window, entry.rest_range));
  }

  HWY_INLINE bool DecodeDc(const DcTable& table, int32_t& dc) {
    const DcTable::Entry entry = table.entries()[bits_ >> (64 - DcTable::kIndexBits)];
    int32_t difference;
    if (HWY_LIKELY((entry & 0xFF) != 0)) {
      difference = (static_cast<int32_t>(entry) >> 16) +
                   static_cast<int32_t>(bits_ << DcTable::kIndexBits >> 1 >> (entry >> 8 & 63));
      Use(entry);
    } else {
      const HuffmanCode::Symbol symbol = table.code().Find(bits_);
      if (symbol.bits == 0) return false;
      difference = symbol.value;
      Use(symbol.bits);
      Refill();
    }
    // Wraps as libjpeg's does on hostile data.
    dc = static_cast<int32_t>(static_cast<uint32_t>(dc) + static_cast<uint32_t>(difference));
    return true;
  }

  /// Stores the values of an entry without end of block, which was next in `window`; `k` is the
  /// index before it.
  static HWY_INLINE void StoreValues(const AcTable::Entry& entry, uint64_t window, size_t k,
                                     const BlockTarget& target) {
    // Where there is but one symbol, both stores go to its index, and the second one counts.
    target.coefficients[kGroupOffsets[k + entry.advance]] = entry.second_value;
    target.coefficients[kGroupOffsets[k + entry.first_advance]] = FirstValue(entry, window);
  }

  /// Decodes the next entry if its symbols are ordinary ones, and do not fill the block. Otherwise
  /// changes nothing and returns false.
  HWY_INLINE bool Step(const AcTable::Entry* entries, size_t& k, const BlockTarget& target) {
    const size_t index = IndexOfNext();
    // The bits first, since the next entry waits for them and nothing for the values; by an address
    // of their own, since GCC would work one out for all fields before it loads any.
    const uint64_t bits = entries[Opaque(index)].bits;
    const AcTable::Entry& entry = entries[index];
    const size_t next_k = k + entry.advance;
    if (HWY_UNLIKELY(next_k >= 63)) return false;
    const uint64_t window = bits_;
    Use(bits);
    StoreValues(entry, window, k, target);
    k = next_k;
    return true;
  }

  /// Passes over the next entry, as Step decodes it.
  HWY_INLINE bool SkipStep(const AcSkipTable::Entry* entries, size_t& k) {
    const uint64_t entry = entries[bits_ >> (64 - AcSkipTable::kIndexBits)];
    const size_t next_k = k + (entry >> 8);
    if (HWY_UNLIKELY(next_k >= 63)) return false;
    Use(entry);
    k = next_k;
    return true;
  }

  uint64_t bits_;  // to come, the first one highest
  /// How many of `bits_` count, in the lowest byte, signed; what stands above is noise.
  uint64_t count_;
  const uint8_t* next_;  // the first byte that no counted bit comes from
  const uint8_t* const end_;
  const uint8_t* const fast_end_;  // eight bytes can be loaded before it
  /// The state's own: an array in here, of which any element may be meant, would keep Clang from
  /// giving the other members registers.
  int32_t* const dc_;
};

/// Where `block` goes of the MCU in column `mcu` of `buffer`.
HWY_INLINE BlockTarget TargetOf(const EntropyDecoder::Block& block, const CoefficientBuffer& buffer,
                                int32_t mcu) {
  const BlockRow& row = buffer.row(block.component, block.down);
  const auto at = static_cast<size_t>(int64_t{mcu} * block.blocks_across + block.across);
  return {row.coefficients + at / kBlocksPerGroup * kGroupLength + at % kBlocksPerGroup * 8,
          row.last + at};
}

/// Runs `take` for each block of each MCU, until one has a fault.
template <class Take>
HWY_INLINE EntropyFault ForEachBlock(std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                                     Take take) {
  for (int32_t mcu = mcus.first; mcu < mcus.end; ++mcu) {
    for (const EntropyDecoder::Block& block : blocks) {
      const EntropyFault fault = take(block, mcu);
      if (HWY_UNLIKELY(fault != EntropyFault::kNone)) return fault;
    }
  }
  return EntropyFault::kNone;
}

EntropyFault DecodeRange(EntropyDecoder::State& state,
                         std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                         const CoefficientBuffer* buffer) {
  BlockDecoder decoder(state);
  const EntropyFault fault =
      buffer == nullptr
          ? ForEachBlock(blocks, mcus,
                         [&](const EntropyDecoder::Block& block, int32_t)
                             HWY_ATTR { return decoder.SkipBlock(block); })
          : ForEachBlock(blocks, mcus,
                         [&](const EntropyDecoder::Block& block, int32_t mcu) HWY_ATTR {
                           return decoder.DecodeBlock(block, TargetOf(block, *buffer, mcu));
                         });
  decoder.Save(state);
  return decoder.ran_out() ? EntropyFault::kOutOfData : fault;
}

EntropyFault DecodeTwoRanges(std::array<EntropyDecoder::State, 2>& states,
                             std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                             const std::array<const CoefficientBuffer*, 2>& buffers) {
  BlockDecoder a(states[0]);
  BlockDecoder b(states[1]);
  const EntropyFault fault =
      buffers[0] == nullptr
          ? ForEachBlock(blocks, mcus,
                         [&](const EntropyDecoder::Block& block, int32_t)
                             HWY_ATTR { return BlockDecoder::SkipBlockOfTwo(a, b, block); })
          : ForEachBlock(blocks, mcus,
                         [&](const EntropyDecoder::Block& block, int32_t mcu) HWY_ATTR {
                           return BlockDecoder::DecodeBlockOfTwo(a, b, block,
                                                                 TargetOf(block, *buffers[0], mcu),
                                                                 TargetOf(block, *buffers[1], mcu));
                         });
  a.Save(states[0]);
  b.Save(states[1]);
  return a.ran_out() || b.ran_out() ? EntropyFault::kOutOfData : fault;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {

HWY_EXPORT(DecodeRange);
HWY_EXPORT(DecodeTwoRanges);

EntropyFault DecodeBlocks(EntropyDecoder::State& state,
                          std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                          const CoefficientBuffer* buffer) {
  return HWY_DYNAMIC_DISPATCH(DecodeRange)(state, blocks, mcus, buffer);
}

EntropyFault DecodeBlocksInTurn(std::array<EntropyDecoder::State, 2>& states,
                                std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                                const std::array<const CoefficientBuffer*, 2>& buffers) {
  return HWY_DYNAMIC_DISPATCH(DecodeTwoRanges)(states, blocks, mcus, buffers);
}

}  // namespace fastinet
#endif  // HWY_ONCE
