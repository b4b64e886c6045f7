// The checks of a plan: what does not fit together is refused, each with its own reason.
#include "engine/plan.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/test_checks.h"
#include "columns/test_dataset.h"

namespace fastinet {
namespace {

using test::Dataset;

/// A plan over ten items that fits in all respects; a test breaks one of them.
struct Fitting {
  Fitting() {
    options.spec.groups[0].transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
    plan = {.order = order, .batch_size = 4};
  }

  Status Check() const { return CheckEpoch(plan, options, data.table(), shape); }
  void ExpectRefused(std::string_view why) const {
    const Status status = Check();
    CHECK_MESSAGE(status.code() == StatusCode::kInvalidArgument, why);
    CHECK_MESSAGE(status.cause().find(why) != std::string_view::npos, status.cause(), " for ", why);
  }

  Dataset data{10};
  std::vector<int64_t> order = {3, 1, 9, 0, kPaddingItem};
  std::vector<int64_t> column = std::vector<int64_t>(10, 5);
  std::vector<uint16_t> copies = {0, 1, 2, 65535, 7};
  EpochPlan plan;
  EpochOptions options;
  SlotShape shape{.rows = 4, .groups = {{4 * 4 * 3}}};
};

TEST_CASE("what fits is taken") {
  CHECK_OK(Fitting().Check());
  Fitting empty;
  empty.plan.order = {};
  CHECK_OK(empty.Check());
  Fitting full;
  full.plan.blocks = std::span(full.column).first(5);
  full.plan.copies = full.copies;
  full.plan.labels = full.column;
  CHECK_OK(full.Check());
  Fitting roomy;  // a slot may have room for more rows, and for longer ones
  roomy.shape = {.rows = 100, .groups = {{1000}}};
  CHECK_OK(roomy.Check());
  Fitting short_plan;  // or for fewer than batch_size, when no batch has as many
  short_plan.plan.batch_size = 50;
  short_plan.shape.rows = 5;
  CHECK_OK(short_plan.Check());
}

TEST_CASE("plans that name no item are refused") {
  for (const int64_t item : {int64_t{10}, int64_t{-2}, INT64_MAX, INT64_MIN}) {
    Fitting bad;
    bad.order.back() = item;
    bad.ExpectRefused("the plan names item " + std::to_string(item) + " of 10");
  }
}

TEST_CASE("columns of other lengths are refused") {
  Fitting blocks;
  blocks.plan.blocks = std::span(blocks.column).first(4);
  blocks.ExpectRefused("4 blocks for 5 positions");
  Fitting copies;
  copies.plan.copies = std::span(copies.copies).first(4);
  copies.ExpectRefused("4 copies for 5 positions");
  Fitting labels;
  labels.plan.labels = std::span(labels.column).first(9);
  labels.ExpectRefused("labels of 9 items for 10");
  Fitting objects;
  const std::vector<int64_t> starts(10);
  objects.options.objects = ObjectTable::Make(starts, {}).value();
  objects.ExpectRefused("boxes of 9 items for 10");
}

TEST_CASE("sizes that make no sense are refused") {
  for (const int64_t count : {0, -1}) {
    Fitting batch;
    batch.plan.batch_size = count;
    batch.ExpectRefused("batch_size is " + std::to_string(count));
    Fitting prefetch;
    prefetch.options.prefetch_batches = count;
    prefetch.ExpectRefused("prefetch is " + std::to_string(count));
  }
  Fitting transform;
  transform.options.spec.groups[0].transform.size = {0, 4};
  CHECK(transform.Check().code() == StatusCode::kInvalidArgument);
  for (const int32_t count : {0, -1, 1025}) {
    Fitting views;
    views.options.spec.groups[0].count = count;
    views.ExpectRefused("1 to 1024 views, not " + std::to_string(count));
  }
  Fitting together;
  together.options.spec.groups.resize(2);
  together.options.spec.groups[0].count = 1000;
  together.options.spec.groups[1].count = 25;
  together.ExpectRefused("1 to 1024 views, not 1025");
  Fitting none;
  none.options.spec.groups = {};
  none.ExpectRefused("1 to 1024 views, not 0");
}

TEST_CASE("copies without random bits of their own are refused") {
  Fitting fitting;
  fitting.options.spec.groups[0].count = 3;
  fitting.shape.groups[0].views = 3;
  fitting.plan.copies = fitting.copies;
  fitting.copies[3] = 21'844;  // its views are 65532, 65533 and 65534
  CHECK_OK(fitting.Check());
  fitting.copies[3] = 21'845;
  fitting.ExpectRefused("21846 copies of 3 views");
}

TEST_CASE("slots that do not fit are refused") {
  Fitting rows;
  rows.shape.rows = 3;
  rows.ExpectRefused("slots' shape");
  Fitting bytes;
  bytes.shape.groups[0].view_bytes -= 1;
  bytes.ExpectRefused("slots' shape");
  Fitting views;
  views.shape.groups[0].views = 2;
  views.ExpectRefused("slots' shape");
  Fitting groups;
  groups.shape.groups.push_back({4 * 4 * 3});
  groups.ExpectRefused("slots' shape");
  Fitting labels;
  labels.shape.soft_label_classes = 7;
  labels.ExpectRefused("another length");
}

TEST_CASE("batches of several sizes") {
  Fitting fitting;
  const std::vector<uint8_t> numbers(static_cast<size_t>(fitting.plan.batches()), 1);
  fitting.plan.spec_of_batch = numbers;
  fitting.ExpectRefused("the plan names size 1 of 1");
  fitting.options.other_specs = {fitting.options.spec};
  CHECK_OK(fitting.Check());
  fitting.options.other_specs[0].groups[0].transform.size = {3, 4};
  CHECK_OK(fitting.Check());
  fitting.plan.spec_of_batch = std::span(numbers).subspan(1);
  fitting.ExpectRefused("sizes of " + std::to_string(numbers.size() - 1) + " batches for " +
                        std::to_string(numbers.size()));
  fitting.plan.spec_of_batch = numbers;
  fitting.options.other_specs[0].groups[0].transform.size = {5, 4};
  fitting.ExpectRefused("slots' shape");
  fitting.options.other_specs[0].groups[0].transform.size = {0, 4};
  CHECK(fitting.Check().code() == StatusCode::kInvalidArgument);
  for (const auto& change : {
           +[](ItemSpec& spec) { spec.groups[0].count = 2; },
           +[](ItemSpec& spec) { spec.options.format.dtype = DType::kFloat16; },
           +[](ItemSpec& spec) { spec.groups[0].erase = ErasingRule{}; },
           +[](ItemSpec& spec) { spec.record = true; },
       }) {
    fitting.options.other_specs = {fitting.options.spec};
    change(fitting.options.other_specs[0]);
    fitting.ExpectRefused("several sizes, and no others");
  }
}

TEST_CASE("erasing needs slots that have room for it") {
  Fitting fitting;
  fitting.options.spec.groups[0].erase = ErasingRule{.mode = EraseMode::kPixel, .count = 2};
  fitting.ExpectRefused("slots' shape");
  fitting.shape.erased_boxes = 2;
  fitting.ExpectRefused("slots' shape");  // rows of uint8 leave the noise to others
  fitting.shape.keeps_noise = true;
  CHECK_OK(fitting.Check());
  fitting.options.spec.groups[0].erase->count = 0;
  fitting.ExpectRefused("count of erasing");
}

TEST_CASE("lighting needs floats") {
  Fitting fitting;
  fitting.options.spec.groups[0].lighting = Lighting{};
  fitting.ExpectRefused("rows must be floats");
  fitting.options.spec.options.format.dtype = DType::kFloat16;
  fitting.shape.groups[0].view_bytes *= 2;
  fitting.ExpectRefused("slots are made for the other");
  fitting.shape.has_lighting = true;
  CHECK_OK(fitting.Check());
  fitting.options.spec.groups[0].lighting->std = -1;
  fitting.ExpectRefused("standard deviation of lighting");
}

TEST_CASE("soft labels that do not fit are refused") {
  Fitting fitting;
  const std::vector<uint64_t> no_bytes(9);
  const std::vector<int32_t> labels(9);
  const ItemTable empty =
      ItemTable::Make({{"maps.tar", nullptr}}, {}, no_bytes, no_bytes, {}).value();
  const SoftLabels maps = SoftLabels::Make(empty, labels, {1, 1, 1}, 4, MapAxes::kXY).value();
  fitting.options.soft_labels = &maps;
  fitting.shape.soft_label_classes = 4;
  fitting.ExpectRefused("label maps of 9 items for 10");
}

TEST_CASE("items of a stream are not replaced") {
  Fitting fitting;
  fitting.options.on_error = OnError::kReplace;
  CHECK_OK(fitting.Check());
  fitting.plan.numbers = fitting.column;
  fitting.ExpectRefused("items of a stream cannot be replaced");
}

TEST_CASE("rows of batches") {
  const std::vector<int64_t> order(10);
  const EpochPlan plan{.order = order, .batch_size = 4};
  CHECK_EQ(plan.batches(), 3);
  CHECK_EQ(plan.RowsOf(0), 4);
  CHECK_EQ(plan.RowsOf(2), 2);
  CHECK_EQ(plan.NumberOf(7), 7);
  CHECK_EQ(plan.LabelOf(7), kNoLabel);
  CHECK_EQ(plan.CopyAt(3), 0);
  const std::vector<uint16_t> copies = {0, 1, 2, 65535, 0, 0, 0, 0, 0, 0};
  const EpochPlan repeated{.order = order, .copies = copies};
  CHECK_EQ(repeated.CopyAt(3), 65535);
  const std::vector<int64_t> column = {5, 6};
  const EpochPlan named{.order = order, .batch_size = 5, .numbers = column, .labels = column};
  CHECK_EQ(named.batches(), 2);
  CHECK_EQ(named.RowsOf(1), 5);
  CHECK_EQ(named.NumberOf(1), 6);
  CHECK_EQ(named.LabelOf(0), 5);
}

}  // namespace
}  // namespace fastinet
