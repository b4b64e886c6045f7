// Runs the PNG fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on recipes and
// on damaged copies of the seeds.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/png_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 100;  // of each file
constexpr int kRecipes = 3000;

TEST_CASE("what holds of every PNG holds of the seeds and of damaged copies") {
  const auto files = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!files.empty());
  std::mt19937 random(17);
  for (const std::vector<uint8_t>& file : files) {
    fastinet::fuzz::CheckPngInput(file);
    for (int copy = 0; copy < kDamagedCopies; ++copy) {
      fastinet::fuzz::CheckPngInput(fastinet::test::DamagedTail(file, 25, random));
    }
  }
}

TEST_CASE("what holds of every PNG holds of random recipes") {
  std::mt19937 random(19);
  for (int i = 0; i < kRecipes; ++i) {
    fastinet::fuzz::CheckPngInput(fastinet::test::RandomRecipe(60, random));
  }
}

}  // namespace
