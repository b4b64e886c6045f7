// Soft labels of crops: which part of an image a crop shows, and which tables are refused.
#include "columns/soft_labels.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/memory_source.h"
#include "base/test_checks.h"

namespace fastinet {
namespace {

constexpr LabelMapShape kShape{.ranks = 1, .rows = 1, .columns = 1};

/// Three items: the maps (score 5, class 2) and (score 5, class 9), and none.
struct Maps {
  Maps() {
    const std::vector<float> numbers = {5, 2, 5, 9};
    bytes.resize(numbers.size() * sizeof(float));
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
    std::vector<OpenArchive> archives;
    archives.push_back({"maps.tar", std::make_unique<MemorySource>(bytes)});
    table = std::make_unique<ItemTable>(
        ItemTable::Make(std::move(archives), {}, offsets, sizes, {}).value());
  }

  std::vector<uint8_t> bytes;
  std::vector<uint64_t> offsets = {0, 8, 0};
  std::vector<uint64_t> sizes = {8, 8, 0};
  std::unique_ptr<ItemTable> table;
};

bool Same(const UnitBox& a, const UnitBox& b) {
  return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
}

TEST_CASE("a crop shows this part of its image") {
  const Size image{100, 200};
  // A box that is resized as a whole.
  CHECK(Same(ShownPart({{10, 20, 30, 100}, {8, 8}, {0, 0, 8, 8}, true}, image),
             {0.1F, 0.1F, static_cast<float>(0.1 + 0.3), static_cast<float>(0.1 + 0.5)}));
  // A window of the resized image: its middle half.
  CHECK(Same(ShownPart({{0, 0, 100, 200}, {40, 80}, {10, 20, 20, 40}, false}, image),
             {0.25F, 0.25F, 0.75F, 0.75F}));
  // A window larger than the image shows all of it.
  CHECK(Same(ShownPart({{0, 0, 100, 200}, {100, 200}, {-5, -7, 110, 214}, false}, image),
             {0, 0, 1, 1}));
  // A window in the padding shows what is mirrored there.
  Crop crop{{0, 0, 100, 200}, {100, 200}, {-30, 210, 20, 40}};
  crop.border.mode = PaddingMode::kSymmetric;
  CHECK(Same(ShownPart(crop, image), {0.10F, 0.75F, 0.30F, 0.95F}));
  crop.window = {-10, 20, 30, 40};
  CHECK(Same(ShownPart(crop, image), {0, 0.10F, 0.20F, 0.30F}));
}

TEST_CASE("items with a map get its pooled label, items without the hard one") {
  const Maps maps;
  const std::vector<int32_t> labels = {0, 0, 3};
  const SoftLabels made = SoftLabels::Make(*maps.table, labels, kShape, 4, MapAxes::kXY).value();
  const std::vector<Crop> crops(2, Crop{{0, 0, 4, 4}, {2, 2}, {0, 0, 2, 2}, false});
  LabelPooler pooler;
  std::vector<float> map;
  std::vector<float> out(8);
  CHECK(made.Write(0, crops, {4, 4}, pooler, map, out).ok());
  CHECK((out[2] > 0.9F && out[6] == out[2]));
  CHECK(made.Write(2, crops, {4, 4}, pooler, map, out).ok());
  CHECK(out == (std::vector<float>{0, 0, 0, 1, 0, 0, 0, 1}));
  const Status status = made.Write(1, crops, {4, 4}, pooler, map, out);
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK_EQ(status.archive(), "maps.tar");
  CHECK_EQ(status.offset_bytes(), 12);
}

TEST_CASE("labels, shapes and classes that do not fit are refused") {
  const Maps maps;
  const auto code = [&](const std::vector<int32_t>& labels, const LabelMapShape& shape,
                        int32_t classes) {
    return SoftLabels::Make(*maps.table, labels, shape, classes, MapAxes::kXY).status().code();
  };
  CHECK(code({0, 0, 3}, kShape, 4) == StatusCode::kOk);
  CHECK(code({-1, 9, 3}, kShape, 4) == StatusCode::kOk);  // of items that have maps
  CHECK(code({0, 0, 4}, kShape, 4) == StatusCode::kInvalidArgument);
  CHECK(code({0, 0, -1}, kShape, 4) == StatusCode::kInvalidArgument);
  CHECK(code({0, 0}, kShape, 4) == StatusCode::kInvalidArgument);
  CHECK(code({0, 0, 3}, {.ranks = 2, .rows = 1, .columns = 1}, 4) == StatusCode::kInvalidArgument);
  CHECK(code({0, 0, 3}, {.ranks = 0, .rows = 1, .columns = 1}, 4) == StatusCode::kInvalidArgument);
  CHECK(code({0, 0, 3}, kShape, 0) == StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fastinet
