// Runs the tar fuzzer's step without libFuzzer: on the archives named and, from a fixed seed, on
// damaged copies of them.

#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz/tar_properties.h"

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

}  // namespace

int main(int count, char** paths) {
  fastinet::fuzz::Demand(count > 1, "the archives to replay are named");
  std::mt19937 random(7);
  for (int i = 1; i < count; ++i) {
    std::ifstream file(paths[i], std::ios::binary);
    const std::vector<uint8_t> archive{std::istreambuf_iterator<char>(file),
                                       std::istreambuf_iterator<char>()};
    fastinet::fuzz::CheckInput(archive);
    for (int copy = 0; copy < kDamagedCopies && !archive.empty(); ++copy) {
      fastinet::fuzz::CheckInput(Damaged(archive, random));
    }
  }
  return 0;
}
