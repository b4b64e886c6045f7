// The names of samples that have passed in a stream, against a map.
#include "stream/name_set.h"

#include <map>
#include <random>
#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("remembers what a map remembers, as it grows") {
  NameSet set;
  std::map<std::string, uint8_t> expected;
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "d/" + std::to_string(random() % 5'000);
    const auto bits = static_cast<uint8_t>(1 + random() % 7);
    CHECK(set.Add(name, bits) == expected[name]);
    expected[name] |= bits;
  }
  set.Clear();
  CHECK(set.Add("d/1", 1) == 0);
  CHECK(set.Add("", 2) == 0);
  CHECK(set.Add("", 1) == 2);
}

TEST_CASE("forgets what comes when it is full") {
  NameSet set;
  for (size_t i = 0; i < NameSet::kMaxNames; ++i) (void)set.Add(std::to_string(i), 1);
  CHECK(set.Add("late", 1) == 0);
  CHECK(set.Add("late", 1) == 0);
  CHECK(set.Add("0", 2) == 1);
  CHECK(set.Add("0", 2) == 3);
}

}  // namespace
}  // namespace fastinet
