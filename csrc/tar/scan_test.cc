// Members are taken at many thousand points of a scan: to take those that are new costs nothing for
// those that were taken before.
#include "tar/scan.h"

#include <string>

#include "base/memory_source.h"
#include "base/test_checks.h"
#include "base/test_shortage.h"
#include "tar/test_tars.h"

namespace fastinet {
namespace {

TEST_CASE("containers that were taken are not copied again") {
  constexpr int64_t kFolders = 500;
  constexpr int64_t kMostAllocations = 20;  // for one folder and one file, however they are counted
  std::string tar;
  const auto name_of = [](int64_t folder) {  // too long to be kept without an allocation
    return "a-folder-with-a-name-of-some-length-" + std::to_string(folder) + "/";
  };
  for (int64_t folder = 0; folder < kFolders; ++folder) {
    test::AppendEntry(tar, name_of(folder), "", '5');
    test::AppendEntry(tar, name_of(folder) + "x.jpg", "content");
  }
  tar += test::TarEnd();
  const std::vector<uint8_t> bytes(tar.begin(), tar.end());
  const MemorySource source(bytes);
  TarScanner scanner(source, "");
  int64_t folders = 0;
  while (!scanner.done()) {
    REQUIRE(scanner.Step(2).ok());
    test::allocations = 0;
    const TarMembers taken = scanner.TakeMembers();
    const int64_t allocations = test::allocations;
    CHECK(allocations <= kMostAllocations);
    for (const std::string& name : taken.container_names) CHECK(name == name_of(folders++));
    for (const int32_t container : taken.containers) CHECK(container == -1);
    CHECK(scanner.members().container_names.size() == static_cast<size_t>(folders));
    CHECK(scanner.members().count() == 0);
  }
  CHECK(folders == kFolders);
}

}  // namespace
}  // namespace fastinet
