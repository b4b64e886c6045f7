// Indexes that Python wrote, the fuzzer's seeds: what they say. What is damaged in one is the
// business of index_replay_test and of tests/code/test_c_api.py.
#include "index/archive_index.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

std::vector<uint8_t> Seed(const char* name) {
  const auto corpus = std::filesystem::path(FASTINET_CORPUS).parent_path() / "index";
  std::ifstream stream(corpus / name, std::ios::binary);
  REQUIRE(stream);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

TEST_CASE("An index of several splits and archives says where each item is") {
  const std::vector<uint8_t> file = Seed("many.fastinet");
  const Result<ArchiveIndex> parsed = ArchiveIndex::Parse(file);
  REQUIRE(parsed.ok());
  const ArchiveIndex& index = parsed.value();
  CHECK(index.family == "folders");
  REQUIRE(index.items() == 3);
  REQUIRE(index.archives.size() == 2);
  CHECK(index.archives[0].name == "a.tar");
  CHECK(index.archives[1].name == "b\xFF\xC3\xA9.tar");  // no UTF-8, and some
  CHECK(index.archives[1].size_bytes == 2048);
  REQUIRE(index.splits.size() == 2);
  CHECK(index.splits[1].name == "val");
  REQUIRE(index.splits[1].wnids.size() == 1);
  CHECK(index.splits[1].wnids[0] == "n01443537");
  CHECK(index.KeyOf(0) == "n01440764/a");
  CHECK(index.KeyOf(1).empty());
  CHECK(index.KeyOf(2) == "n01443537/c");
  CHECK(index.labels[1] == -1);
  CHECK(index.item_archive[2] == 1);
  CHECK(index.item_split[2] == 1);
  CHECK(index.offsets[2] == 512);
}

TEST_CASE("Other rules and other versions are unsupported") {
  std::vector<uint8_t> file = Seed("one.fastinet");
  CHECK(ArchiveIndex::Parse(file).ok());
  file[8] = 3;
  CHECK(ArchiveIndex::Parse(file).status().code() == StatusCode::kUnsupported);
}

}  // namespace
}  // namespace fastinet
