// Runs the stream fuzzer's step without libFuzzer: on its seeds and, from a fixed seed, on damaged
// copies of them.

#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/stream_properties.h"
#include "fuzz/test_corpus.h"

namespace {

constexpr int kDamagedCopies = 100;  // of each stream

TEST_CASE("what holds of every stream holds of the seeds and of damaged copies") {
  const auto streams = fastinet::test::FilesIn(FASTINET_CORPUS);
  REQUIRE(!streams.empty());
  std::mt19937 random(5);
  for (const std::vector<uint8_t>& stream : streams) {
    fastinet::fuzz::CheckStreamInput(stream);
    for (int copy = 0; copy < kDamagedCopies && !stream.empty(); ++copy) {
      fastinet::fuzz::CheckStreamInput(fastinet::test::DamagedTar(stream, random));
    }
  }
}

}  // namespace
