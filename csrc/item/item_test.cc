// Views that are decoded together: each is what it would be alone, in sound images and damaged
// ones, with checkpoints and without.
#include "item/item.h"

#include <algorithm>
#include <vector>

#include "base/test_checks.h"
#include "jpeg/checkpoints.h"
#include "jpeg/test_jpegs.h"

namespace fastinet {
namespace {

using test::JpegRecipe;
using test::MakeJpeg;
using test::Random;

/// Two large views and six small ones, as self-supervised training takes them.
ItemSpec Spec() {
  ItemSpec spec;
  spec.groups.resize(2);
  ViewSpec& wide = spec.groups[0];
  wide.transform = {.kind = Transform::Kind::kRandomResizedCrop, .size = {24, 20}};
  wide.transform.scale = {0.3, 1.0};
  wide.count = 2;
  ViewSpec& local = spec.groups[1];
  local.transform = {.kind = Transform::Kind::kRandomResizedCrop, .size = {9, 9}};
  local.transform.scale = {0.02, 0.2};
  local.transform.interpolation = Interpolation::kBicubic;
  local.count = 6;
  return spec;
}

/// An item and what a checkpoint file knows of it.
struct Subject {
  explicit Subject(const JpegRecipe& recipe, bool with_checkpoints) : jpeg(MakeJpeg(recipe)) {
    const JpegHeader header = ReadJpegHeader(jpeg).value();
    scan_offset = header.scan.data_offset_bytes;
    if (!with_checkpoints) return;
    BuildCheckpoints(header, jpeg, 0).value().Append(&record);
    hints = {.header_bytes = static_cast<uint32_t>(scan_offset), .checkpoints = record};
  }

  std::vector<uint8_t> jpeg;
  std::vector<uint8_t> record;
  ItemHints hints;
  size_t scan_offset = 0;
};

struct Rendered {
  Status status;
  std::vector<std::vector<uint8_t>> rows;
  std::vector<Crop> crops;
  uint64_t regions = 0;    // decoded for it
  uint64_t fallbacks = 0;  // roads that were left
};

/// Renders the views of `spec` from view number `first` on.
Rendered Render(ItemRenderer& renderer, const Subject& subject, const ItemSpec& spec,
                uint16_t first = 0) {
  Rendered result;
  for (size_t group = 0; group < spec.groups.size(); ++group) {
    for (int32_t i = 0; i < spec.groups[group].count; ++i) {
      result.rows.emplace_back(spec.ViewBytes(group).value(), uint8_t{1});
    }
  }
  const std::vector<MutableBytes> rows(result.rows.begin(), result.rows.end());
  result.crops.resize(rows.size());
  const DecodeCounters before = renderer.decode_counters();
  MemoryBytes bytes(subject.jpeg);
  const AugmentKey key{.seed = 3, .epoch = 1, .item = subject.jpeg.size(), .view = first};
  result.status =
      renderer.RenderItem(bytes, subject.hints, spec, key, {}, rows, {.crops = result.crops})
          .status();
  const DecodeCounters& after = renderer.decode_counters();
  for (size_t road = 0; road < kRoads; ++road) {
    result.regions += after.regions[road] - before.regions[road];
    result.fallbacks += after.fallbacks[road] - before.fallbacks[road];
  }
  return result;
}

/// Each view of `spec` rendered by itself.
std::vector<Rendered> RenderEach(const Subject& subject, const ItemSpec& spec) {
  std::vector<Rendered> results;
  for (const ViewSpec& group : spec.groups) {
    ItemSpec alone = spec;
    alone.groups = {group};
    alone.groups[0].count = 1;
    for (int32_t i = 0; i < group.count; ++i) {
      ItemRenderer renderer;
      results.push_back(Render(renderer, subject, alone, static_cast<uint16_t>(results.size())));
    }
  }
  return results;
}

const std::vector<JpegRecipe>& Recipes() {
  static const std::vector<JpegRecipe> recipes = {
      {.size = {120, 90}},
      {.size = {133, 101}, .sampling = {{{2, 2}, {1, 1}, {1, 1}}}, .quality = 75},
      {.size = {97, 140}, .sampling = {{{2, 1}, {1, 1}, {1, 1}}}, .optimize = true},
      {.size = {64, 150}, .components = 1},
      {.size = {150, 64}, .sampling = {{{2, 2}, {1, 1}, {1, 1}}}, .restart_interval = 5},
      {.size = {110, 80}, .progressive = true},
      {.size = {110, 80}, .progressive = true, .arithmetic = true},
      {.size = {110, 80}, .arithmetic = true},
      {.size = {110, 80}, .components = 4},
  };
  return recipes;
}

TEST_CASE("views of sound images") {
  const ItemSpec spec = Spec();
  ItemRenderer renderer;  // one for all images, as a worker has it
  uint64_t decodes = 0, views = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    for (JpegRecipe recipe : Recipes()) {
      recipe.seed = seed;
      recipe.size.width += static_cast<int32_t>(seed);
      for (const bool with_checkpoints : {false, true}) {
        const bool is_turbos = recipe.progressive || recipe.arithmetic || recipe.components == 4;
        if (with_checkpoints && is_turbos) continue;
        const Subject subject(recipe, with_checkpoints);
        const Rendered together = Render(renderer, subject, spec);
        const std::vector<Rendered> alone = RenderEach(subject, spec);
        REQUIRE_MESSAGE(together.status.ok(), recipe);
        for (size_t view = 0; view < alone.size(); ++view) {
          REQUIRE(alone[view].status.ok());
          CHECK(together.crops[view] == alone[view].crops[0]);
          CHECK_MESSAGE(together.rows[view] == alone[view].rows[0], recipe, " view ", view);
        }
        CHECK_EQ(together.fallbacks, uint64_t{0});
        decodes += together.regions;
        views += alone.size();
      }
    }
  }
  CHECK(decodes < views / 3);  // most views share one
}

/// A view has its row whatever happens to the data beside it, and the pixels of a view by itself.
TEST_CASE("views of damaged images") {
  const ItemSpec spec = Spec();
  ItemRenderer renderer;
  int rows = 0, failed = 0, parted = 0;
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    Random random(seed);
    for (const bool with_checkpoints : {false, true}) {
      JpegRecipe recipe = Recipes()[static_cast<size_t>(random.Below(5))];
      recipe.seed = seed;
      Subject subject(recipe, with_checkpoints);
      const size_t scan_bytes = subject.jpeg.size() - subject.scan_offset;
      const size_t at =
          subject.scan_offset + static_cast<size_t>(random.Below(static_cast<int>(scan_bytes)));
      if (random.Below(3) == 0) {
        std::fill(subject.jpeg.begin() + static_cast<ptrdiff_t>(at), subject.jpeg.end(),
                  uint8_t{0});
      } else {
        subject.jpeg[at] ^= static_cast<uint8_t>(1 + random.Below(255));
      }
      const std::vector<Rendered> alone = RenderEach(subject, spec);
      const Rendered together = Render(renderer, subject, spec);
      const bool all_are_there =
          std::ranges::all_of(alone, [](const Rendered& view) { return view.status.ok(); });
      CHECK_MESSAGE(together.status.ok() == all_are_there, recipe, " seed ", seed, " checkpoints ",
                    with_checkpoints, " ", together.status);
      failed += !together.status.ok();
      if (!together.status.ok()) continue;
      const bool all_are_sound =
          std::ranges::all_of(alone, [](const Rendered& view) { return view.fallbacks == 0; });
      parted += all_are_sound && together.regions >= alone.size();
      for (size_t view = 0; view < alone.size(); ++view) {
        CHECK(together.crops[view] == alone[view].crops[0]);
        CHECK_MESSAGE(together.rows[view] == alone[view].rows[0], recipe, " seed ", seed, " view ",
                      view, " checkpoints ", with_checkpoints);
        ++rows;
      }
    }
  }
  CHECK(rows > 200);
  CHECK(failed > 20);
  CHECK(parted > 0);  // in some, only what no view shows is damaged
}

TEST_CASE("views that lie apart are decoded apart") {
  const Subject subject({.size = {1200, 900}}, true);
  ItemSpec spec;
  spec.groups[0].transform.scale = {0.001, 0.001};
  spec.groups[0].transform.size = {8, 8};
  spec.groups[0].count = 2;
  ItemRenderer renderer;
  uint64_t most = 0;
  for (uint16_t first = 0; first < 20; first += 2) {
    most = std::max(most, Render(renderer, subject, spec, first).regions);
  }
  CHECK_EQ(most, uint64_t{2});
}

TEST_CASE("a view that shows nothing of the image") {
  const Subject subject({.size = {40, 30}}, false);
  ItemSpec spec;
  spec.groups[0].transform = {.kind = Transform::Kind::kCenterCrop, .size = {50, 50}, .resize = 0};
  spec.groups.push_back(spec.groups[0]);
  ItemRenderer renderer;
  const Rendered together = Render(renderer, subject, spec);
  CHECK_OK(together.status);
  CHECK(together.rows[0] == together.rows[1]);
  CHECK_EQ(together.regions, uint64_t{1});
}

TEST_CASE("views that show the crop of another one") {
  JpegRecipe recipe;
  recipe.size = {300, 200};
  const Subject subject(recipe, true);
  ItemSpec spec = Spec();
  spec.groups[0].transform.random_interpolation = true;
  ViewSpec again = spec.groups[0];
  again.count = 1;
  again.crop_of = 1;
  spec.groups.push_back(again);  // view 8: all as in view 1
  again.transform.size = {11, 40};
  again.transform.random_interpolation = false;
  again.transform.interpolation = Interpolation::kLanczos;
  spec.groups.push_back(again);  // view 9: in another size
  CHECK_OK(spec.Validate());
  ItemRenderer renderer;
  const Rendered all = Render(renderer, subject, spec);
  CHECK_OK(all.status);
  CHECK(all.rows[8] == all.rows[1]);
  CHECK_FALSE(all.rows[8] == all.rows[0]);
  CHECK(all.crops[8] == all.crops[1]);
  CHECK(all.crops[9].box == all.crops[1].box);
  CHECK_EQ(all.crops[9].flip, all.crops[1].flip);
  CHECK(all.crops[9].output() == Size{11, 40});
  CHECK(all.crops[9].interpolation == Interpolation::kLanczos);
  spec.groups.resize(2);
  const Rendered without = Render(renderer, subject, spec);
  for (size_t view = 0; view < 8; ++view) CHECK(all.rows[view] == without.rows[view]);
}

TEST_CASE("crops that are not there to be shown once more") {
  const auto refused = [](int32_t view, const char* message, const ViewSpec& other = {}) {
    ItemSpec spec;
    spec.groups = {other, other};
    spec.groups[1].crop_of = view;
    spec.groups[1].transform.size = {9, 9};
    ExpectRefused(spec.Validate(), message);
  };
  refused(1, "view 1: there are 1 before it");
  refused(-1, "view -1: there are 1 before it");
  ViewSpec window;
  window.transform.kind = Transform::Kind::kRandomCrop;
  refused(0, "no crop of that size", window);
  window.transform.kind = Transform::Kind::kCenterCrop;
  refused(0, "no crop of that size", window);
  ItemSpec chain;
  chain.groups.resize(3);
  chain.groups[1].crop_of = 0;
  chain.groups[2].crop_of = 1;
  ExpectRefused(chain.Validate(), "view 1 shows a crop of another one itself");
}

TEST_CASE("a crop of the image whose size was read, and of another one") {
  const Subject first({.size = {64, 48}}, false), second({.size = {40, 56}}, false);
  const RenderOptions options;
  const auto whole = [](Size size) {
    return Crop{
        .box = {0, 0, size.width, size.height}, .resized = {16, 16}, .window = {0, 0, 16, 16}};
  };
  const auto row_of = [&](const Subject& subject, Size size) {
    std::vector<uint8_t> row(size_t{16} * 16 * 3);
    ItemRenderer fresh;
    CHECK_OK(fresh.RenderCrop(subject.jpeg, whole(size), options, row));
    return row;
  };
  ItemRenderer renderer;
  std::vector<uint8_t> row(size_t{16} * 16 * 3);
  const auto shown = [&](const Subject& subject) {
    const Result<Size> size = renderer.ReadShownSize(subject.jpeg, options);
    CHECK_OK(size.status());
    return size.value();
  };
  const Size size = shown(first);
  CHECK_OK(renderer.RenderShown(first.jpeg, whole(size), options, row));
  CHECK(row == row_of(first, size));
  // Once more, and of an image that is not the open one.
  CHECK_OK(renderer.RenderShown(first.jpeg, whole(size), options, row));
  CHECK(row == row_of(first, size));
  const Size other = shown(second);
  CHECK_OK(renderer.RenderShown(first.jpeg, whole(size), options, row));
  CHECK(row == row_of(first, size));
  CHECK_OK(renderer.RenderShown(second.jpeg, whole(other), options, row));
  CHECK(row == row_of(second, other));
  // The limits of the call that renders hold.
  shown(first);
  RenderOptions strict;
  strict.max_pixels = 100;
  CHECK(renderer.RenderShown(first.jpeg, whole(size), strict, row).code() == StatusCode::kTooLarge);
}

TEST_CASE("groups that make no sense are refused") {
  for (const int32_t count : {0, -1, 1025}) {
    ItemSpec spec;
    spec.groups[0].count = count;
    ExpectRefused(spec.Validate(), "1 to 1024 views");
  }
  ItemSpec none;
  none.groups.clear();
  ExpectRefused(none.Validate(), "1 to 1024 views, not 0");
}

}  // namespace
}  // namespace fastinet
