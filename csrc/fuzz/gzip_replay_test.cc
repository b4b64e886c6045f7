// Runs the gzip fuzzer's step without libFuzzer: on the files named and, from a fixed seed, on
// damaged copies of them.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz/gzip_properties.h"

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

}  // namespace

int main(int count, char** paths) {
  fastinet::fuzz::Demand(count > 1, "the files to replay are named");
  std::mt19937 random(11);
  for (int i = 1; i < count; ++i) {
    std::ifstream stream(paths[i], std::ios::binary);
    const std::vector<uint8_t> file{std::istreambuf_iterator<char>(stream),
                                    std::istreambuf_iterator<char>()};
    fastinet::fuzz::CheckInput(file);
    for (int copy = 0; copy < kDamagedCopies && !file.empty(); ++copy) {
      fastinet::fuzz::CheckInput(Damaged(file, random));
    }
  }
  return 0;
}
