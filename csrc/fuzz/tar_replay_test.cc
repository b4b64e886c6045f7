// Runs the tar fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on damaged
// copies of them.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/tar_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 500;  // of each archive

TEST_CASE("what holds of every archive holds of the seeds and of damaged copies") {
  const auto archives = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!archives.empty());
  std::mt19937 random(7);
  for (const std::vector<uint8_t>& archive : archives) {
    fastinet::fuzz::CheckInput(archive);
    for (int copy = 0; copy < kDamagedCopies && !archive.empty(); ++copy) {
      fastinet::fuzz::CheckInput(fastinet::test::DamagedTar(archive, random));
    }
  }
}

}  // namespace
