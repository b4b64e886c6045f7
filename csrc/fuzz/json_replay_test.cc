// Runs the fuzzer's step for JSON without libFuzzer: on its seeds and, from a fixed seed, on
// damaged copies of them.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/json_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 5000;  // of each text

TEST_CASE("what holds of every text holds of the seeds and of damaged copies") {
  const auto files = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!files.empty());
  std::mt19937 random(47);
  for (const std::vector<uint8_t>& file : files) {
    fastinet::fuzz::CheckJson(file);
    for (int copy = 0; copy < kDamagedCopies; ++copy) {
      fastinet::fuzz::CheckJson(fastinet::test::DamagedTail(file, 0, random));
    }
  }
}

}  // namespace
