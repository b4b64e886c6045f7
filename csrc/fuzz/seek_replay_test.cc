// Runs the fuzzer's step for seek points without libFuzzer: on its seeds, if any, and on random
// choices.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/seek_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kRandomInputs = 400;

TEST_CASE("what holds of all seek points holds of the seeds and of random choices") {
  for (const std::vector<uint8_t>& file : fastinet::test::FilesIn(FASTINET_CORPUS)) {
    fastinet::fuzz::CheckInput(file);
  }
  std::mt19937 random(37);
  for (int i = 0; i < kRandomInputs; ++i) {
    std::vector<uint8_t> input(200);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
    fastinet::fuzz::CheckInput(input);
  }
}

}  // namespace
