// Runs the JPEG fuzzer's step without libFuzzer: on its seeds, if any, and on random inputs.

#include <cstdint>
#include <vector>

#include "base/test_checks.h"
#include "fuzz/jpeg_differential.h"
#include "fuzz/test_corpus.h"

namespace {

TEST_CASE("our JPEG decoder and libjpeg-turbo agree on the seeds") {
  for (const std::vector<uint8_t>& input : fastinet::test::FilesIn(FASTINET_CORPUS)) {
    fastinet::fuzz::CheckInput(input);
  }
}

TEST_CASE("our JPEG decoder and libjpeg-turbo agree on random recipes") {
  fastinet::test::Random random(31);
  for (int i = 0; i < 20000; ++i) {
    std::vector<uint8_t> input(static_cast<size_t>(20 + random.Below(60)));
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random.Next());
    input[0] = static_cast<uint8_t>(input[0] & 0xFE);  // a recipe: random bytes are no JPEG
    fastinet::fuzz::CheckInput(input);
  }
}

}  // namespace
