// One row at a time, without threads: what a slot holds of it, and every way in which it can fail.
#include "engine/row_maker.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "columns/test_dataset.h"
#include "engine/test_epochs.h"
#include "rng/replacements.h"

namespace fastinet {
namespace {

using test::CountingSource, test::Dataset;

constexpr int32_t kClasses = 3;

/// Label maps of one cell: all of it is class 2. Item 4 has none, and label 1.
struct Maps {
  explicit Maps(int64_t items) {
    const std::vector<float> map = {5, 2};  // score, class
    std::vector<uint8_t> bytes(map.size() * sizeof(float));
    std::memcpy(bytes.data(), map.data(), bytes.size());
    source = std::make_shared<CountingSource>(std::move(bytes));
    offsets.resize(static_cast<size_t>(items));
    sizes.resize(offsets.size(), 8);
    sizes[4] = 0;
    labels.resize(offsets.size(), 1);
    table = std::make_unique<ItemTable>(
        ItemTable::Make({{"maps.tar", source}}, {}, offsets, sizes, {}).value());
    soft_labels = std::make_unique<SoftLabels>(
        SoftLabels::Make(*table, labels, {.ranks = 1, .rows = 1, .columns = 1}, kClasses,
                         MapAxes::kXY)
            .value());
  }

  std::shared_ptr<CountingSource> source;
  std::vector<uint64_t> offsets, sizes;
  std::vector<int32_t> labels;
  std::unique_ptr<ItemTable> table;
  std::unique_ptr<SoftLabels> soft_labels;
};

constexpr size_t kViews = 3;  // of the fixture's rows

void Fill(Slot& slot, int64_t row, uint8_t value) {
  for (size_t group = 0; group < slot.shape().groups.size(); ++group) {
    std::ranges::fill(slot.Row(group, row), value);
  }
}

/// Checks that all views of the row are of this value.
void ExpectAll(Slot& slot, int64_t row, uint8_t expected) {
  for (size_t group = 0; group < slot.shape().groups.size(); ++group) {
    for (const uint8_t value : slot.Row(group, row)) CHECK_EQ(value, expected);
  }
}

/// Ten items, of which 3 is bad, in an order with padding at its end; rows of two groups of views
/// with soft labels. The slot is full of what an earlier batch left there.
struct Fixture {
  Fixture() {
    plan = {.order = order, .batch_size = 4, .numbers = numbers, .labels = labels};
    options.spec.groups.resize(2);
    options.spec.groups[0].transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
    options.spec.groups[0].count = 2;
    options.spec.groups[1].transform = {.kind = Transform::Kind::kResize, .size = {3, 2}};
    options.spec.groups[0].erase =
        ErasingRule{.probability = 1, .mode = EraseMode::kPixel, .count = 2};
    options.soft_labels = maps.soft_labels.get();
    const SlotShape shape{.rows = 4,
                          .groups = {{4 * 4 * 3, 2}, {3 * 2 * 3}},
                          .soft_label_classes = kClasses,
                          .erased_boxes = 2,
                          .keeps_noise = true};
    REQUIRE(CheckEpoch(plan, options, data.table(), shape).ok());
    slot = Slot::Allocate(shape).value();
    for (int64_t row = 0; row < 4; ++row) Fill(*slot, row, 77);
    std::ranges::fill(slot->soft_labels, 0.5F);
    std::ranges::fill(slot->valid, uint8_t{1});
    std::ranges::fill(slot->copies, 9);
    std::ranges::fill(slot->image_sizes, Size{9, 9});
    std::ranges::fill(slot->boxes, Box{9, 9, 9, 9});
    std::ranges::fill(slot->flips, uint8_t{1});
    std::ranges::fill(slot->erased, Box{9, 9, 9, 9});
    for (std::vector<float>& noise : slot->noise) noise.assign(9, 9.0F);
    std::ranges::fill(slot->vflips, uint8_t{1});
    std::ranges::fill(slot->windows, Box{9, 9, 9, 9});
    std::ranges::fill(slot->interpolations, Interpolation::kNearest);
    maker = std::make_unique<RowMaker>(data.table(), plan, options, stats);
  }

  Status Make(int64_t position, int64_t row) {
    return maker->MakeRow(worker, position, *slot, row).failure;
  }
  uint64_t FailuresOf(StatusCode code) const {
    return stats.Sum([&](const WorkerCounters& counters) {
      return counters.failures[static_cast<size_t>(code)].load();
    });
  }
  void ExpectNothingIn(int64_t row) const {
    const auto j = static_cast<size_t>(row);
    ExpectAll(*slot, row, 0);
    for (const float value : slot->SoftLabelRow(row)) CHECK_EQ(value, 0.0F);
    CHECK_EQ(slot->valid[j], 0);
    CHECK(slot->image_sizes[j] == Size{});
    for (size_t view = kViews * j; view < kViews * (j + 1); ++view) {
      CHECK(slot->boxes[view] == Box{});
      CHECK_EQ(slot->flips[view], 0);
      CHECK(slot->noise[view].empty());
      CHECK_EQ(slot->vflips[view], 0);
      CHECK(slot->windows[view] == Box{});
      CHECK(slot->interpolations[view] == Interpolation::kBilinear);
    }
    for (const Box& box : slot->ErasedRow(row)) CHECK(box == Box{});
  }
  void ExpectUntouched(int64_t row) const {
    ExpectAll(*slot, row, 77);
    CHECK_EQ(slot->valid[static_cast<size_t>(row)], 1);
  }

  EngineStats stats;
  Dataset data{10, {3}};
  Maps maps{10};
  std::vector<int64_t> order = {5, 3, 4, 9, kPaddingItem};
  std::vector<int64_t> numbers = {100, 101, 102, 103, 104, 105, 106, 107, 108, 109};
  std::vector<int64_t> labels = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0};
  EpochPlan plan;
  EpochOptions options;
  Worker worker;
  std::unique_ptr<Slot> slot;
  std::unique_ptr<RowMaker> maker;
};

TEST_CASE("a good row") {
  Fixture fixture;
  CHECK_OK(fixture.Make(0, 2));
  const Slot& slot = *fixture.slot;
  ExpectAll(*fixture.slot, 2, 128);
  CHECK_EQ(slot.items[2], 105);
  CHECK_EQ(slot.copies[2], 0);
  CHECK_EQ(slot.labels[2], 2);
  CHECK_EQ(slot.valid[2], 1);
  const Size size = Dataset::SizeOf(5);
  CHECK(slot.image_sizes[2] == size);
  for (const size_t view : {2 * kViews, 2 * kViews + 1, 2 * kViews + 2}) {
    CHECK((slot.boxes[view] == Box{0, 0, size.width, size.height}));
    CHECK_EQ(slot.flips[view], 0);
    CHECK_EQ(slot.vflips[view], 0);
    const bool in_first = view < 2 * kViews + 2;
    CHECK((slot.windows[view] == (in_first ? Box{0, 0, 4, 4} : Box{0, 0, 3, 2})));
    CHECK(slot.interpolations[view] == Interpolation::kBilinear);
    CHECK(slot.soft_labels[view * kClasses + 2] > 0.9F);
    // The group of the last view is not erased.
    std::array<Box, 2> boxes{};
    std::vector<float> noise;
    if (const auto& rule = fixture.options.spec.groups[0].erase; view < 2 * kViews + 2) {
      const AugmentKey key{.item = 105, .view = static_cast<uint16_t>(view - 2 * kViews)};
      DrawErasedBoxes(*rule, {4, 4}, key, boxes);
      KeepNoise(*rule, boxes, NoiseKey(key), noise);
    }
    CHECK(std::ranges::equal(std::span(slot.erased).subspan(2 * view, 2), boxes));
    CHECK(slot.noise[view] == noise);
  }
  fixture.ExpectUntouched(1);
  fixture.ExpectUntouched(3);
  CHECK_EQ(fixture.stats.Sum(&WorkerCounters::items), uint64_t{1});
}

TEST_CASE("the steps of a row, where they are kept") {
  Fixture fixture;
  const Size size = fixture.options.spec.groups[1].transform.size;
  const Operation blur{.kind = Operation::Kind::kStep,
                       .op = StepOp::kGaussianBlur,
                       .arguments = {{.low = 0.1, .high = 2}}};
  fixture.options.spec.groups[1].policy = Policy::Make({blur}, size).value();
  fixture.options.spec.record = true;
  SlotShape shape = fixture.slot->shape();
  CHECK(CheckEpoch(fixture.plan, fixture.options, fixture.data.table(), shape).code() ==
        StatusCode::kInvalidArgument);
  shape.has_steps = true;
  CHECK_OK(CheckEpoch(fixture.plan, fixture.options, fixture.data.table(), shape));
  fixture.slot = Slot::Allocate(shape).value();
  for (int64_t row = 0; row < 4; ++row) {
    for (std::vector<Step>& steps : fixture.slot->StepsOfRow(row)) steps.resize(7);
  }
  CHECK_OK(fixture.Make(0, 2));
  CHECK(fixture.Make(1, 1).code() == StatusCode::kUnsupported);
  CHECK_OK(fixture.Make(4, 3));  // padding
  for (const int64_t row : {1, 3}) {
    for (const std::vector<Step>& steps : fixture.slot->StepsOfRow(row)) CHECK(steps.empty());
  }
  const std::span<std::vector<Step>> made = fixture.slot->StepsOfRow(2);
  REQUIRE_EQ(made.size(), kViews);
  CHECK(made[0].empty());
  CHECK(made[1].empty());
  std::vector<Step> expected;
  fixture.options.spec.groups[1].policy.DrawSteps({.item = 105, .view = 2}, expected);
  REQUIRE_EQ(made[2].size(), size_t{1});
  CHECK(made[2][0].arguments == expected[0].arguments);
}

TEST_CASE("shifts of colours are kept") {
  Fixture fixture;
  fixture.options.spec.options.format.dtype = DType::kFloat32;
  fixture.options.spec.groups[1].lighting = Lighting{0.3};
  fixture.slot = Slot::Allocate(*ShapeOf(fixture.options.spec, 4, kClasses)).value();
  std::ranges::fill(fixture.slot->colour_shifts, ColourShift{7, 7, 7});
  CHECK_OK(fixture.Make(0, 2));
  CHECK(fixture.Make(1, 1).code() == StatusCode::kUnsupported);
  const std::span<ColourShift> made = fixture.slot->ColourShiftsOfRow(2);
  REQUIRE_EQ(made.size(), kViews);
  CHECK(made[0] == ColourShift{});
  CHECK(made[1] == ColourShift{});
  CHECK(made[2] == DrawColourShift({0.3}, {.item = 105, .view = 2}));
  for (const ColourShift& shift : fixture.slot->ColourShiftsOfRow(1)) {
    CHECK(shift == ColourShift{});
  }
}

TEST_CASE("a row without a map has its label") {
  Fixture fixture;
  CHECK_OK(fixture.Make(2, 0));
  const std::vector<float> expected = {0, 1, 0, 0, 1, 0, 0, 1, 0};
  CHECK(std::ranges::equal(fixture.slot->SoftLabelRow(0), expected));
}

TEST_CASE("padding is neither valid nor a failure") {
  Fixture fixture;
  CHECK_OK(fixture.Make(4, 0));
  fixture.ExpectNothingIn(0);
  CHECK_EQ(fixture.slot->items[0], kPaddingItem);
  CHECK_EQ(fixture.slot->copies[0], kPaddingCopy);
  CHECK_EQ(fixture.slot->labels[0], kNoLabel);
  CHECK_EQ(fixture.stats.Sum(&WorkerCounters::items), uint64_t{0});
}

TEST_CASE("a decode that fails") {
  Fixture fixture;
  const Status status = fixture.Make(1, 1);
  CHECK(status.code() == StatusCode::kUnsupported);
  CHECK_EQ(status.archive(), "memory.tar");
  CHECK_EQ(status.offset_bytes(), static_cast<int64_t>(fixture.data.offset_bytes(3)));
  fixture.ExpectNothingIn(1);
  CHECK_EQ(fixture.slot->items[1], 103);        // the row is known to be the item's nevertheless
  CHECK_EQ(fixture.slot->labels[1], kNoLabel);  // so that nobody trains on what is not there
  fixture.ExpectUntouched(0);
  CHECK_EQ(fixture.FailuresOf(StatusCode::kUnsupported), uint64_t{1});
  CHECK_EQ(fixture.stats.Sum(&WorkerCounters::items), uint64_t{1});
}

/// Copy c shows what views c * views and those behind it would be of an item that has so many.
TEST_CASE("copies differ as views do") {
  Fixture fixture;
  const std::vector<uint16_t> copies = {2, 1, 0, 700, 0};
  fixture.plan.copies = copies;
  fixture.plan.seed = 5;
  fixture.plan.epoch = 6;
  for (ViewSpec& group : fixture.options.spec.groups) {
    group.transform.kind = Transform::Kind::kRandomResizedCrop;
  }
  const Slot& slot = *fixture.slot;
  for (const int64_t position : {0, 2, 3}) {
    CHECK_OK(fixture.Make(position, 1));
    const int32_t copy = fixture.plan.CopyAt(position);
    CHECK_EQ(slot.copies[1], copy);
    const int64_t item = fixture.plan.ItemAt(position);
    for (size_t view = 0; view < kViews; ++view) {
      const AugmentKey key{
          .seed = 5,
          .epoch = 6,
          .item = static_cast<uint64_t>(fixture.plan.NumberOf(item)),
          .view = static_cast<uint16_t>(kViews * static_cast<size_t>(copy) + view)};
      const ViewSpec& group = fixture.options.spec.groups[view < 2 ? 0 : 1];
      const Crop crop = DrawCrop(group.transform, Dataset::SizeOf(item), key);
      CHECK(slot.boxes[kViews + view] == crop.box);
      CHECK_EQ(slot.flips[kViews + view], static_cast<uint8_t>(crop.flip));
    }
  }
}

TEST_CASE("a copy of a bad item, and what comes in its place") {
  Fixture fixture;
  fixture.plan.numbers = {};
  const std::vector<uint16_t> copies = {0, 4, 0, 0, 0};
  fixture.plan.copies = copies;
  Transform& transform = fixture.options.spec.groups[0].transform;
  transform.kind = Transform::Kind::kRandomResizedCrop;
  CHECK(fixture.Make(1, 1).code() == StatusCode::kUnsupported);
  fixture.ExpectNothingIn(1);
  CHECK_EQ(fixture.slot->copies[1], 4);
  fixture.options.on_error = OnError::kReplace;
  const MadeRow made = fixture.maker->MakeRow(fixture.worker, 1, *fixture.slot, 1);
  REQUIRE(made.replacement != kNoReplacement);
  CHECK_EQ(fixture.slot->copies[1], 4);
  const AugmentKey key{.item = static_cast<uint64_t>(made.replacement), .view = 4 * kViews + 1};
  const Crop crop = DrawCrop(transform, Dataset::SizeOf(made.replacement), key);
  CHECK(fixture.slot->boxes[kViews + 1] == crop.box);
}

TEST_CASE("an item in the place of a bad one") {
  Fixture fixture;
  fixture.plan.numbers = {};
  fixture.options.on_error = OnError::kReplace;
  const MadeRow made = fixture.maker->MakeRow(fixture.worker, 1, *fixture.slot, 1);
  CHECK(made.failure.code() == StatusCode::kUnsupported);
  CHECK_EQ(made.failure.offset_bytes(), static_cast<int64_t>(fixture.data.offset_bytes(3)));
  const auto other = static_cast<int64_t>(Replacements(10, 0, 0, 3)(0));
  CHECK_EQ(made.replacement, other);
  const Slot& slot = *fixture.slot;
  ExpectAll(*fixture.slot, 1, 128);
  CHECK_EQ(slot.items[1], other);
  CHECK_EQ(slot.labels[1], fixture.labels[static_cast<size_t>(other)]);
  CHECK_EQ(slot.valid[1], 1);
  CHECK(slot.image_sizes[1] == Dataset::SizeOf(other));
  CHECK(slot.soft_labels[kViews * kClasses + (other == 4 ? 1 : 2)] > 0.9F);
  CHECK_EQ(fixture.FailuresOf(StatusCode::kUnsupported), uint64_t{1});
  CHECK_EQ(fixture.stats.Sum(&WorkerCounters::items), uint64_t{1});
}

/// The padding of a replaced epoch is no failure, and good rows are as ever.
TEST_CASE("rows that need no other item") {
  Fixture fixture;
  fixture.plan.numbers = {};
  fixture.options.on_error = OnError::kReplace;
  for (const int64_t position : {0, 4}) {
    const MadeRow made = fixture.maker->MakeRow(fixture.worker, position, *fixture.slot, 0);
    CHECK_OK(made.failure);
    CHECK_EQ(made.replacement, kNoReplacement);
  }
  CHECK_EQ(fixture.slot->items[0], kPaddingItem);
}

/// Each other item is tried once, up to a limit; then the row fails as that of the plan's item.
TEST_CASE("nothing in the place of a bad item") {
  for (const int64_t items : {1, 2, 10, 200}) {
    std::vector<int64_t> all(static_cast<size_t>(items));
    std::iota(all.begin(), all.end(), 0);
    const Dataset data(items, all);
    const EpochPlan plan{.order = all, .batch_size = 4};
    EpochOptions options = test::Options(1, OnError::kReplace);
    EngineStats stats;
    const RowMaker maker(data.table(), plan, options, stats);
    const std::shared_ptr<Slot> slot = test::SlotsFor(4, 1)->Lease().value();
    Fill(*slot, 2, 77);
    Worker worker;
    const MadeRow made = maker.MakeRow(worker, 0, *slot, 2);
    CHECK_EQ(made.replacement, kNoReplacement);
    CHECK(made.failure.code() == StatusCode::kUnsupported);
    CHECK_EQ(made.failure.archive(), "memory.tar");
    CHECK_EQ(made.failure.offset_bytes(), 0);
    const uint64_t tried = std::min<uint64_t>(static_cast<uint64_t>(items) - 1, 32);
    const std::string said = items == 1 ? "; there is no other item to put in its place"
                                        : "; none of the " + std::to_string(tried) + " other items";
    CHECK_MESSAGE(made.failure.cause().find(said) != std::string_view::npos, made.failure.cause());
    ExpectAll(*slot, 2, 0);
    CHECK_EQ(slot->valid[2], 0);
    CHECK_EQ(slot->labels[2], kNoLabel);
    CHECK_EQ(data.source().reads, tried + 1);
  }
}

/// The block of a position is not where another item lies.
TEST_CASE("an item from beyond the block in hand") {
  const Dataset data(10, {3});
  const std::vector<int64_t> order = {3}, blocks = {0};
  const EpochPlan plan{.order = order, .blocks = blocks, .batch_size = 1};
  const EpochOptions options = test::Options(1, OnError::kReplace);
  EngineStats stats;
  const RowMaker maker(data.table(), plan, options, stats);
  const std::shared_ptr<Slot> slot = test::SlotsFor(1, 1)->Lease().value();
  Worker worker;
  const MadeRow made = maker.MakeRow(worker, 0, *slot, 0);
  CHECK_EQ(made.replacement, static_cast<int64_t>(Replacements(10, 0, 0, 3)(0)));
  CHECK(slot->image_sizes[0] == Dataset::SizeOf(made.replacement));
  ExpectAll(*slot, 0, 128);
}

TEST_CASE("a read that fails") {
  Fixture fixture;
  fixture.data.source().longest_read = 10;
  const Status status = fixture.Make(3, 0);
  CHECK(status.code() == StatusCode::kIo);
  CHECK_EQ(status.archive(), "memory.tar");
  CHECK_EQ(status.offset_bytes(), static_cast<int64_t>(fixture.data.offset_bytes(9)));
  fixture.ExpectNothingIn(0);
  CHECK_EQ(fixture.FailuresOf(StatusCode::kIo), uint64_t{1});
}

/// Also in the row that follows: the worker has taken no harm.
TEST_CASE("memory that runs out") {
  Fixture fixture;
  fixture.data.source().out_of_memory = true;
  const Status status = fixture.Make(0, 0);
  CHECK(status.code() == StatusCode::kOutOfMemory);
  CHECK_EQ(status.cause(), "not enough memory to decode the item");
  CHECK_EQ(status.archive(), "memory.tar");
  fixture.ExpectNothingIn(0);
  fixture.data.source().out_of_memory = false;
  CHECK_OK(fixture.Make(0, 0));
  CHECK_EQ(fixture.slot->valid[0], 1);
}

TEST_CASE("a label map that fails") {
  Fixture fixture;
  fixture.maps.source->longest_read = 4;
  const Status status = fixture.Make(0, 0);
  CHECK(status.code() == StatusCode::kIo);
  CHECK_EQ(status.archive(), "maps.tar");
  fixture.ExpectNothingIn(0);  // no image without its soft label
  fixture.maps.source->out_of_memory = true;
  const Status out_of_memory = fixture.Make(0, 1);
  CHECK_EQ(out_of_memory.cause(), "not enough memory for the item's label map");
  fixture.ExpectNothingIn(1);
  CHECK_EQ(fixture.FailuresOf(StatusCode::kOutOfMemory), uint64_t{1});
}

/// Of all rows together, those that failed among them.
TEST_CASE("what is counted is what the renderer did") {
  Fixture fixture;
  for (const int64_t position : {0, 1, 2, 3, 0}) static_cast<void>(fixture.Make(position, 1));
  const ItemCounters& items = fixture.worker.renderer.counters();
  const EngineStats& stats = fixture.stats;
  CHECK_EQ(stats.Sum(&WorkerCounters::items), uint64_t{5});
  CHECK_EQ(stats.Sum(&WorkerCounters::read_ns), items.read_ns);
  CHECK_EQ(stats.Sum(&WorkerCounters::header_ns), items.header_ns);
  CHECK_EQ(stats.Sum(&WorkerCounters::decode_ns), items.decode_ns);
  CHECK_EQ(stats.Sum(&WorkerCounters::render_ns), items.render_ns);
  CHECK(items.decode_ns > 0);
  const DecodeCounters decode = fixture.worker.renderer.decode_counters();
  CHECK_EQ(stats.Sum(&WorkerCounters::entropy_ns), decode.entropy_ns);
  CHECK_EQ(stats.Sum(&WorkerCounters::idct_ns), decode.idct_ns);
  CHECK_EQ(stats.Sum(&WorkerCounters::colour_ns), decode.colour_ns);
  CHECK_EQ(stats.Sum(&WorkerCounters::mcus_decoded), decode.mcus_decoded);
  CHECK_EQ(stats.Sum(&WorkerCounters::mcus_skipped), decode.mcus_skipped);
  uint64_t regions = 0;
  for (size_t road = 0; road < kRoads; ++road) {
    const auto of_road = [&](const auto counters) {
      return stats.Sum(
          [&](const WorkerCounters& worker) { return (worker.*counters)[road].load(); });
    };
    CHECK_EQ(of_road(&WorkerCounters::regions), decode.regions[road]);
    CHECK_EQ(of_road(&WorkerCounters::fallbacks), decode.fallbacks[road]);
    regions += decode.regions[road];
  }
  CHECK_EQ(regions, uint64_t{4});  // one for all views of an item; of item 3 nothing is decoded
}

TEST_CASE("each item is announced once, before its turn comes") {
  constexpr int64_t kItems = 200;
  const Dataset data(kItems);
  const std::vector<int64_t> order = test::Shuffled(kItems);
  const EpochPlan plan{.order = order, .batch_size = 4};
  const EpochOptions options;
  EngineStats stats;
  const RowMaker maker(data.table(), plan, options, stats);
  std::vector<uint64_t> expected;
  expected.reserve(order.size());
  for (const int64_t item : order) expected.push_back(data.offset_bytes(item));
  for (int64_t position = 0; position < kItems; ++position) {
    maker.ReadAhead(position);
    // The first item is read at once. Of the others, those up to 64 ahead have been announced.
    const int64_t announced = std::min(position + 64, kItems - 1);
    const std::vector<uint64_t>& hints = data.source().hints;
    REQUIRE_EQ(hints.size(), static_cast<size_t>(announced));
    CHECK(std::equal(hints.begin(), hints.end(), expected.begin() + 1));
  }
}

TEST_CASE("copies side by side are announced once") {
  const Dataset data(10);
  const std::vector<int64_t> order = {4, 4, 4, 7, 7, 7, 1, 1};
  const EpochPlan plan{.order = order, .batch_size = 4};
  const EpochOptions options;
  EngineStats stats;
  const RowMaker maker(data.table(), plan, options, stats);
  for (int64_t position = 0; position < plan.size(); ++position) maker.ReadAhead(position);
  CHECK((data.source().hints == std::vector<uint64_t>{data.offset_bytes(7), data.offset_bytes(1)}));
}

TEST_CASE("an item beyond the limit") {
  Fixture fixture;
  constexpr uint64_t kHuge = uint64_t{1} << 40;
  const std::vector<uint64_t> offsets = {64}, sizes = {kHuge};
  const ItemTable table =
      ItemTable::Make({{"huge.tar", fixture.maps.source}}, {}, offsets, sizes, {}).value();
  const std::vector<int64_t> order = {0};
  const EpochPlan plan{.order = order, .batch_size = 1};
  EpochOptions options = fixture.options;
  options.soft_labels = nullptr;
  const RowMaker maker(table, plan, options, fixture.stats);
  const Status status = maker.MakeRow(fixture.worker, 0, *fixture.slot, 0).failure;
  CHECK(status.code() == StatusCode::kTooLarge);
  CHECK_MESSAGE(status.cause().starts_with("the item has 1099511627776 bytes"), status.cause());
  CHECK_EQ(status.archive(), "huge.tar");
  CHECK_EQ(status.offset_bytes(), 64);
  CHECK_EQ(fixture.maps.source->reads, uint64_t{0});  // nothing was read or allocated for it
}

}  // namespace
}  // namespace fastinet
