// Runs the JPEG fuzzer's step without libFuzzer: on the files named, else on random inputs.

#include <fstream>
#include <iterator>
#include <vector>

#include "base/test.h"
#include "fuzz/jpeg_differential.h"

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    const std::vector<uint8_t> input{std::istreambuf_iterator<char>(file),
                                     std::istreambuf_iterator<char>()};
    fastinet::fuzz::CheckInput(input);
  }
  if (count > 1) return 0;
  fastinet::test::Random random(31);
  for (int i = 0; i < 20000; ++i) {
    std::vector<uint8_t> input(static_cast<size_t>(20 + random.Below(60)));
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random.Next());
    input[0] = static_cast<uint8_t>(input[0] & 0xFE);  // a recipe: random bytes are no JPEG
    fastinet::fuzz::CheckInput(input);
  }
  return 0;
}
