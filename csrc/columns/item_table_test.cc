// Tables of items: which columns are refused, so that whoever reads an item may add offset and
// size.
#include "columns/item_table.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/memory_source.h"
#include "base/test_checks.h"

namespace fastinet {
namespace {

Status MadeOf(std::vector<uint64_t> offsets, std::vector<uint64_t> sizes) {
  std::vector<OpenArchive> archives;
  archives.push_back({"a.tar", std::make_shared<MemorySource>(Bytes())});
  return ItemTable::Make(std::move(archives), {}, offsets, sizes, {}).status();
}

TEST_CASE("an item must end at a file offset") {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  CHECK_OK(MadeOf({}, {}));
  CHECK_OK(MadeOf({0, kMost - 7, kMost}, {5, 7, 0}));
  for (const auto& [offset, size] : {std::pair{kMost - 7, uint64_t{8}},
                                     {kMost + 1, uint64_t{0}},
                                     {uint64_t{0}, kMost + 1},
                                     {uint64_t{1}, UINT64_MAX},
                                     {UINT64_MAX, uint64_t{1}}}) {
    const Status status = MadeOf({0, offset}, {5, size});
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_MESSAGE(status.cause().starts_with("item 1 begins at byte " + std::to_string(offset)),
                  status);
  }
}

TEST_CASE("columns that differ in length") {
  CHECK(MadeOf({0}, {}).code() == StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fastinet
