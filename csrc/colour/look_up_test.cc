// Tables on every instruction set that this machine has, against plain code.
#include "colour/look_up.h"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#define FASTINET_WITH_AVX3_DL
#include "base/test_checks.h"
#include "base/test_targets.h"

namespace fastinet {
namespace {

TEST_CASE("tables equal plain code on every instruction set") {
  std::mt19937 random(5);
  std::array<uint8_t, 256> table{};
  for (size_t v = 0; v < table.size(); ++v) table[v] = static_cast<uint8_t>(v);
  std::ranges::shuffle(table, random);
  test::ForEachTarget([&](const std::string& target) {
    // With and without a rest behind the last vector, and one byte beyond what is changed.
    for (const size_t count : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{1000}}) {
      std::vector<uint8_t> values(count + 1), wanted(count + 1);
      for (size_t i = 0; i < count; ++i) {
        // All values first, in an order of their own.
        values[i] = static_cast<uint8_t>(i < 256 ? i * 167 : random());
        wanted[i] = table[values[i]];
      }
      values[count] = wanted[count] = 7;
      LookUp(values.data(), count, table.data());
      CHECK_MESSAGE(values == wanted, target, ", ", count, " values");
    }
  });
}

}  // namespace
}  // namespace fastinet
