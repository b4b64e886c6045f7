// Runs the index fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on damaged
// copies of them.

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/index_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 1000;  // of each index

/// Cuts the file somewhere, or writes over a few bytes of it, in its header most of the time.
std::vector<uint8_t> Damaged(std::vector<uint8_t> file, std::mt19937& random) {
  if (random() % 8 == 0) {
    file.resize(random() % file.size());
    return file;
  }
  constexpr std::string_view kOfJson = "{}[]\",:0129-.eutfn\\ ";
  for (auto changes = random() % 3 + 1; changes > 0; --changes) {
    const size_t end = random() % 4 == 0 ? file.size() : std::min<size_t>(file.size(), 1100);
    const auto byte = random() % 2 == 0 ? static_cast<uint8_t>(random())
                                        : static_cast<uint8_t>(kOfJson[random() % kOfJson.size()]);
    file[random() % end] = byte;
  }
  return file;
}

TEST_CASE("what holds of every index holds of the seeds and of damaged copies") {
  const auto files = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!files.empty());
  std::mt19937 random(13);
  for (const std::vector<uint8_t>& file : files) {
    CHECK(fastinet::ArchiveIndex::Parse(file).ok());
    fastinet::fuzz::CheckInput(file);
    for (int copy = 0; copy < kDamagedCopies; ++copy) {
      fastinet::fuzz::CheckInput(Damaged(file, random));
    }
  }
}

}  // namespace
