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

}  // namespace fastinet::test
