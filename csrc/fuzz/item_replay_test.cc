// Runs the item fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on recipes
// and on damaged copies of the seeds.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/item_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 40;  // of each file
constexpr int kRecipes = 2000;

TEST_CASE("what holds of every item holds of the seeds and of damaged copies") {
  const auto files = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!files.empty());
  std::mt19937 random(29);
  for (const std::vector<uint8_t>& file : files) {
    fastinet::fuzz::CheckItemInput(file);
    for (int copy = 0; copy < kDamagedCopies; ++copy) {
      fastinet::fuzz::CheckItemInput(fastinet::test::DamagedTail(file, 49, random));
    }
  }
}

TEST_CASE("what holds of every item holds of random recipes") {
  std::mt19937 random(31);
  for (int i = 0; i < kRecipes; ++i) {
    fastinet::fuzz::CheckItemInput(fastinet::test::RandomRecipe(80, random));
  }
}

}  // namespace
