#include "colour/look_up.h"

#define FASTINET_WITH_AVX3_DL
#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "colour/look_up.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR  // whose vectors are one value long
using Values = hn::CappedTag<uint8_t, 64>;
using Value = hn::Vec<Values>;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

/// Two vectors are a table of 128 values, and two of these one of 256.
class SplitTable {
 public:
  explicit SplitTable(const uint8_t* table) {
    for (size_t number = 0; number < 4; ++number) {
      parts_[number] = hn::LoadU(Values(), table + 64 * number);
    }
  }

  HWY_INLINE Value operator()(Value index) const {
    // Of the index the lowest seven bits count; the highest one says in which half.
    const __m512i low = _mm512_permutex2var_epi8(parts_[0].raw, index.raw, parts_[1].raw);
    const __m512i high = _mm512_permutex2var_epi8(parts_[2].raw, index.raw, parts_[3].raw);
    return Value{_mm512_mask_mov_epi8(low, _mm512_movepi8_mask(index.raw), high)};
  }

 private:
  Value parts_[4];
};

#else

/// Vectors look 16 values up at once, so that a table is 16 such tables.
class SplitTable {
 public:
  explicit SplitTable(const uint8_t* table) {
    for (size_t number = 0; number < 16; ++number) {
      parts_[number] = hn::LoadDup128(Values(), table + 16 * number);
    }
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
    // Back to front: each becomes its difference from the one before.
    for (size_t number = 15; number > 0; --number) {
      if (number != 8) parts_[number] = hn::Xor(parts_[number], parts_[number - 1]);
    }
#endif
  }

  HWY_INLINE Value operator()(Value index) const {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
    // Here what is looked up is the low half of the index, unless its sign is set: zero then. Of
    // what has lost 16 * k, all from 16 * k on find something, and from the differences of the
    // tables up to theirs comes what is in theirs. Halves of the table have indices of their own.
    const hn::RebindToSigned<Values> s;
    const auto half = [&](const Value* parts, Value from) {
      auto left = hn::BitCast(s, from);
      Value found = hn::TableLookupBytesOr0(parts[0], from);
      for (size_t number = 1; number + 1 < 8; number += 2) {
        left = hn::SaturatedSub(left, hn::Set(s, 16));
        const Value one = hn::TableLookupBytesOr0(parts[number], hn::BitCast(Values(), left));
        left = hn::SaturatedSub(left, hn::Set(s, 16));
        const Value next = hn::TableLookupBytesOr0(parts[number + 1], hn::BitCast(Values(), left));
        found = hn::Xor3(found, one, next);
      }
      left = hn::SaturatedSub(left, hn::Set(s, 16));
      return hn::Xor(found, hn::TableLookupBytesOr0(parts[7], hn::BitCast(Values(), left)));
    };
    return hn::Or(half(parts_, index), half(parts_ + 8, hn::Xor(index, hn::Set(Values(), 0x80))));
#else
    // Of each table only the values count whose upper half is its number: in all others the sum
    // sets the highest bit, for which TableLookupBytesOr0 gives zero.
    const Value top = hn::Set(Values(), 0x70), kept = hn::Set(Values(), 0x8F);
    Value found = hn::Zero(Values());
    for (const Value& part : parts_) {
      const Value low = hn::And(hn::SaturatedAdd(index, top), kept);
      found = hn::Or(found, hn::TableLookupBytesOr0(part, low));
      index = hn::Sub(index, hn::Set(Values(), 16));
    }
    return found;
#endif
  }

 private:
  Value parts_[16];
};

#endif
#endif

void LookUp(uint8_t* values, size_t count, const uint8_t* table) {
  size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  const size_t lanes = hn::Lanes(Values());
  const SplitTable look_up(table);
  for (; x + lanes <= count; x += lanes) {
    hn::StoreU(look_up(hn::LoadU(Values(), values + x)), Values(), values + x);
  }
#endif
  for (; x < count; ++x) values[x] = table[values[x]];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(LookUp);

}  // namespace

void LookUp(uint8_t* values, size_t count, const uint8_t* table) {
  HWY_DYNAMIC_DISPATCH(LookUp)(values, count, table);
}

}  // namespace fastinet
#endif  // HWY_ONCE
