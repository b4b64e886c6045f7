// Objects by item: columns that fit and columns that do not, and crops that must cover an object.
#include "columns/object_table.h"

#include <array>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

constexpr std::array<ObjectBox, 3> kBoxes = {{{0, 0, 1, 1}, {0, 0, .5f, 1}, {.5f, 0, 1, 1}}};

TEST_CASE("items have their objects") {
  const std::vector<int64_t> starts = {0, 2, 2, 3};
  const Result<ObjectTable> table = ObjectTable::Make(starts, kBoxes);
  CHECK_OK(table.status());
  CHECK_EQ(table.value().items(), 3);
  CHECK_EQ(table.value().Of(0).size(), size_t{2});
  CHECK(table.value().Of(1).empty());
  CHECK_EQ(table.value().Of(2).data(), kBoxes.data() + 2);
}

TEST_CASE("an empty table has no objects") {
  const ObjectTable table;
  CHECK(table.empty());
  CHECK_EQ(table.items(), 0);
  CHECK(table.Of(17).empty());
}

TEST_CASE("columns that do not fit are refused") {
  const std::vector<std::vector<int64_t>> bad = {{}, {1, 3}, {0, 2}, {0, 4}, {0, 2, 1, 3}, {-1, 3}};
  for (const std::vector<int64_t>& starts : bad) {
    CHECK(ObjectTable::Make(starts, kBoxes).status().code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("crops cover an object where they must, and are the plain ones elsewhere") {
  const Size image{.width = 400, .height = 300};
  const std::vector<ObjectBox> objects = {{.9f, .9f, 1, 1}};
  Transform transform;
  int differ = 0;
  for (uint64_t item = 0; item < 1000; ++item) {
    const AugmentKey key{.seed = 3, .item = item};
    transform.min_object_covered = 0;
    const Crop plain = DrawCrop(transform, image, key);
    CHECK(DrawCrop(transform, image, key, objects) == plain);
    transform.min_object_covered = 1;
    CHECK(DrawCrop(transform, image, key) == plain);
    const Crop covering = DrawCrop(transform, image, key, objects);
    CHECK_MESSAGE((covering.box.x <= 360 && covering.box.x + covering.box.width == 400), item);
    CHECK_MESSAGE((covering.box.y <= 270 && covering.box.y + covering.box.height == 300), item);
    CHECK_EQ(covering.flip, plain.flip);
    differ += covering != plain;
  }
  CHECK_MESSAGE(differ > 500, differ);
}

}  // namespace
}  // namespace fastinet
