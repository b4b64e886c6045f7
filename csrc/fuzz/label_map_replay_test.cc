// Runs the fuzzer's step for label maps without libFuzzer: on its seeds, if any, and on random
// inputs.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/label_map_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kRandomInputs = 20000;

TEST_CASE("what holds of all label maps holds of the seeds and of random ones") {
  for (const std::vector<uint8_t>& file : fastinet::test::FilesIn(FASTINET_CORPUS)) {
    fastinet::fuzz::CheckLabelMap(file);
  }
  std::mt19937 random(41);
  for (int i = 0; i < kRandomInputs; ++i) {
    std::vector<uint8_t> input(random() % 400);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
    fastinet::fuzz::CheckLabelMap(input);
  }
}

}  // namespace
