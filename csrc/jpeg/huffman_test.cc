// Tables that take several symbols at a time agree with the search for one.

#include "jpeg/huffman.h"

#include <algorithm>
#include <cstdint>

#include "base/test_checks.h"
#include "jpeg/test_jpegs.h"

namespace fastinet {
namespace {

using test::Random;

/// A prefix code of random lengths and symbols.
HuffmanSpec RandomSpec(Random& random) {
  HuffmanSpec spec;
  spec.present = true;
  int32_t free_codes = 1;  // of the length at hand
  size_t symbols = 0;
  for (size_t i = 0; i < 16; ++i) {
    free_codes *= 2;
    const int32_t most = std::min<int32_t>(free_codes - 1, static_cast<int32_t>(256 - symbols));
    const int32_t count =
        most <= 0 || random.Below(3) == 0 ? 0 : random.Below(std::min(most, 20) + 1);
    spec.counts[i] = static_cast<uint8_t>(count);
    symbols += static_cast<size_t>(count);
    free_codes -= count;
  }
  for (uint8_t& value : spec.values) value = static_cast<uint8_t>(random.Next());
  return spec;
}

TEST_CASE("a skip table passes over the symbols that a search finds, as many as it can") {
  Random random(11);
  size_t several = 0;
  for (int round = 0; round < 60; ++round) {
    const HuffmanSpec spec = RandomSpec(random);
    AcTable ac;
    CHECK_OK(ac.Build(spec));
    AcSkipTable skip;
    skip.Build(spec);
    for (uint64_t index = 0; index < 1u << AcSkipTable::kIndexBits; ++index) {
      const uint64_t behind =
          static_cast<uint64_t>(random.Next()) << 32 ^ static_cast<uint64_t>(random.Next());
      const uint64_t window =
          index << (64 - AcSkipTable::kIndexBits) | behind >> AcSkipTable::kIndexBits;
      const AcSkipTable::Entry entry = skip.entries()[index];
      const uint32_t bits = entry & 0xFF, advance = entry >> 8;
      const HuffmanCode::Symbol first = ac.code().Find(window);
      if (advance == AcSkipTable::kLong) {
        CHECK(bits == 0);
        // No code, or one that ends behind the index, or is too long with its value.
        CHECK((first.bits == 0 || first.bits > AcSkipTable::kIndexBits));
        continue;
      }
      uint32_t found_bits = 0, found_advance = 0, symbols = 0;
      while (found_bits < bits && found_advance < HuffmanCode::kEndOfBlock) {
        const HuffmanCode::Symbol symbol = ac.code().Find(window << found_bits);
        REQUIRE(symbol.bits > 0);
        found_bits += symbol.bits;
        found_advance += symbol.advance;
        ++symbols;
      }
      CHECK(found_bits == bits);
      CHECK(found_advance == advance);
      CHECK(bits <= AcSkipTable::kMaxEntryBits);
      several += symbols > 1 ? 1 : 0;
    }
  }
  CHECK(several > 10000);
}

}  // namespace
}  // namespace fastinet
