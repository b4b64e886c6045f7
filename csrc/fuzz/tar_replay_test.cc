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

/// Cuts the archive somewhere, or writes over a few bytes of it.
std::vector<uint8_t> Damaged(std::vector<uint8_t> archive, std::mt19937& random) {
  if (random() % 4 == 0) {
    archive.resize(random() % archive.size());
    return archive;
  }
  for (uint32_t changes = random() % 4 + 1; changes > 0; --changes) {
    // Every other change hits the start of a block, where headers are.
    size_t offset = random() % archive.size();
    if (random() % 2 == 0) offset = offset / 512 * 512 + random() % 160;
    archive[std::min(offset, archive.size() - 1)] = static_cast<uint8_t>(random());
  }
  return archive;
}

TEST_CASE("what holds of every archive holds of the seeds and of damaged copies") {
  const auto archives = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!archives.empty());
  std::mt19937 random(7);
  for (const std::vector<uint8_t>& archive : archives) {
    fastinet::fuzz::CheckInput(archive);
    for (int copy = 0; copy < kDamagedCopies && !archive.empty(); ++copy) {
      fastinet::fuzz::CheckInput(Damaged(archive, random));
    }
  }
}

}  // namespace
