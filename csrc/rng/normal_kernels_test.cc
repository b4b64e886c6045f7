// Many normal numbers, on every instruction set that this machine has: the bits of each alone.
#include "rng/normal_kernels.h"

#include <cstdint>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"
#include "rng/normal.h"
#include "rng/philox.h"

namespace fastinet {
namespace {

TEST_CASE("numbers made together are those made one by one") {
  std::vector<uint32_t> bits = {0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
  // About where one formula follows the other, at 0.075 and 0.925.
  for (uint32_t i = 0; i < 20; ++i) {
    bits.push_back(322'122'537 + i);
    bits.push_back(3'972'844'739 + i);
  }
  for (uint32_t i = 0; i < 5000; ++i) {
    const PhiloxBlock block = Philox4x32({1, 2}, {i, 0, 0, 0});
    bits.insert(bits.end(), block.begin(), block.end());
  }
  for (uint32_t i = 0; i < 300; ++i) bits.push_back(i * 1000);  // a chunk of tails alone
  test::ForEachTarget([&](const std::string& target) {
    CAPTURE(target);
    for (const size_t count : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{8},
                               size_t{255}, size_t{256}, size_t{257}, bits.size()}) {
      const size_t first = bits.size() - count;
      std::vector<float> values(count + 1, 99.0F);
      StandardNormals(bits.data() + first, count, values.data());
      size_t differences = 0;
      for (size_t i = 0; i < count; ++i) {
        differences += values[i] != static_cast<float>(StandardNormal(bits[first + i]));
      }
      CHECK_EQ(differences, size_t{0});
      CHECK_EQ(values[count], 99.0F);  // nothing is written beyond
    }
  });
}

}  // namespace
}  // namespace fastinet
