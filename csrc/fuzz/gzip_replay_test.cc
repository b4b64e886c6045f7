// Runs the gzip fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on damaged
// copies of them.

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/gzip_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 60;  // of each file

/// Cuts the file somewhere, or writes over a few bytes of it.
std::vector<uint8_t> Damaged(std::vector<uint8_t> file, std::mt19937& random) {
  if (random() % 4 == 0) {
    file.resize(random() % file.size());
    return file;
  }
  for (auto changes = random() % 4 + 1; changes > 0; --changes) {
    // Every other change hits the start, where headers and code tables are.
    const size_t end = random() % 2 == 0 ? std::min<size_t>(file.size(), 100) : file.size();
    file[random() % end] = static_cast<uint8_t>(random());
  }
  return file;
}

TEST_CASE("what holds of every file holds of the seeds and of damaged copies") {
  const auto files = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!files.empty());
  std::mt19937 random(11);
  for (const std::vector<uint8_t>& file : files) {
    fastinet::fuzz::CheckInput(file);
    for (int copy = 0; copy < kDamagedCopies && !file.empty(); ++copy) {
      fastinet::fuzz::CheckInput(Damaged(file, random));
    }
  }
}

}  // namespace
