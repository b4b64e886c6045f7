// The folders of names, against a map.
#include "stream/folder_table.h"

#include <algorithm>
#include <random>
#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

FolderTable TableOf(const std::vector<std::string>& names) {
  std::string text;
  std::vector<int64_t> starts, ends;
  for (const std::string& name : names) {
    starts.push_back(std::ssize(text));
    text += name;
    ends.push_back(std::ssize(text));
  }
  return FoldersOf(text, starts, ends);
}

TEST_CASE("each folder comes once, in the order of names") {
  const FolderTable table = TableOf({"b/1", "a/2", "b/3", "4", "a/b/5", "/6", "", "a/", "\xff/7"});
  CHECK(table.of_names == std::vector<int32_t>{0, 1, 0, 2, 3, 2, 2, 1, 4});
  CHECK(table.folders == std::vector<std::string>{"b", "a", "", "a/b", "\xff"});
  CHECK(TableOf({}).folders.empty());
}

TEST_CASE("names of many folders find theirs") {
  std::mt19937 random(5);
  std::vector<std::string> folders;
  std::vector<std::string> names;
  for (int i = 0; i < 20'000; ++i) {
    folders.push_back(std::to_string(random() % 3'000));
    names.push_back(folders.back() + "/" + std::to_string(i));
  }
  const FolderTable table = TableOf(names);
  bool all = true;
  for (size_t i = 0; i < names.size(); ++i) {
    all = all && table.folders[static_cast<size_t>(table.of_names[i])] == folders[i];
  }
  CHECK(all);
  std::vector<std::string> once = table.folders;
  std::ranges::sort(once);
  CHECK(std::ranges::adjacent_find(once) == once.end());
}

}  // namespace
}  // namespace fastinet
