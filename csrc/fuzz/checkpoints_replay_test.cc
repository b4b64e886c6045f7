// Runs the fuzzer's step for records of checkpoints without libFuzzer: on its seeds, if any, and on
// random inputs.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/checkpoints_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kRandomInputs = 20000;

TEST_CASE("what holds of all records of checkpoints holds of the seeds and of random ones") {
  for (const std::vector<uint8_t>& file : fastinet::test::FilesIn(FASTINET_CORPUS)) {
    fastinet::fuzz::CheckRecordInput(file);
  }
  std::mt19937 random(43);
  for (int i = 0; i < kRandomInputs; ++i) {
    std::vector<uint8_t> input(random() % 300);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
    fastinet::fuzz::CheckRecordInput(input);
  }
}

}  // namespace
