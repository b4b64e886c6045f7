// Runs the header fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on damaged
// copies of them.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/jpeg_header_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 1000;  // of each file

TEST_CASE("what holds of every header holds of the seeds and of damaged copies") {
  const auto files = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!files.empty());
  std::mt19937 random(23);
  for (const std::vector<uint8_t>& file : files) {
    fastinet::fuzz::CheckInput(file);
    for (int copy = 0; copy < kDamagedCopies; ++copy) {
      fastinet::fuzz::CheckInput(fastinet::test::DamagedTail(file, 3, random));
    }
  }
}

}  // namespace
