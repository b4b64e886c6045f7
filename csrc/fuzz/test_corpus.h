// The seeds of a fuzzer, for the test that replays them: the files of FASTINET_CORPUS; and damage.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace fastinet::test {

/// Contents of the files in `folder`, in the order of their names; none where there is no folder.
inline std::vector<std::vector<uint8_t>> FilesIn(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<uint8_t>> files;
  for (const auto& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return files;
}

/// Cuts the archive somewhere, or writes over a few bytes of it. It is not empty.
inline std::vector<uint8_t> DamagedTar(std::vector<uint8_t> archive, std::mt19937& random) {
  if (random() % 4 == 0) {
    archive.resize(random() % archive.size());
    return archive;
  }
  for (auto changes = random() % 4 + 1; changes > 0; --changes) {
    // Every other change hits the start of a block, where headers are.
    size_t offset = random() % archive.size();
    if (random() % 2 == 0) offset = offset / 512 * 512 + random() % 160;
    archive[std::min(offset, archive.size() - 1)] = static_cast<uint8_t>(random());
  }
  return archive;
}

/// Cuts the file somewhere behind its first `kept` bytes, or writes over a few bytes there, half of
/// them near the start, where headers are. A file that is no longer is given back as it is.
inline std::vector<uint8_t> DamagedTail(std::vector<uint8_t> file, size_t kept,
                                        std::mt19937& random) {
  constexpr size_t kHeaderBytes = 150;
  if (file.size() <= kept) return file;
  const size_t length = file.size() - kept;
  if (random() % 8 == 0) {
    file.resize(kept + random() % length);
    return file;
  }
  for (auto changes = random() % 4 + 1; changes > 0; --changes) {
    const size_t end = random() % 2 == 0 ? std::min(length, kHeaderBytes) : length;
    file[kept + random() % end] = static_cast<uint8_t>(random());
  }
  return file;
}

/// Up to `most_bytes` random choices, behind a first byte that asks for a recipe.
inline std::vector<uint8_t> RandomRecipe(size_t most_bytes, std::mt19937& random) {
  std::vector<uint8_t> input(20 + random() % most_bytes);
  for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
  input[0] = static_cast<uint8_t>(input[0] & 0xFE);
  return input;
}

}  // namespace fastinet::test
