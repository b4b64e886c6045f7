// The checks of a plan: what does not fit together is refused, each with its own reason.
#include "engine/plan.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/test.h"
#include "columns/test_dataset.h"

namespace fastinet {
namespace {

using test::Dataset;

/// A plan over ten items that fits in all respects; a test breaks one of them.
struct Fitting {
  Fitting() {
    options.spec.transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
    plan = {.order = order, .batch_size = 4};
  }

  Status Check() const { return CheckEpoch(plan, options, data.table(), shape); }
  void ExpectRefused(std::string_view why) const {
    const Status status = Check();
    EXPECT(status.code() == StatusCode::kInvalidArgument, why);
    EXPECT(status.cause().find(why) != std::string_view::npos, status.cause(), " for ", why);
  }

  Dataset data{10};
  std::vector<int64_t> order = {3, 1, 9, 0, kPaddingItem};
  std::vector<int64_t> column = std::vector<int64_t>(10, 5);
  EpochPlan plan;
  EpochOptions options;
  SlotShape shape{.rows = 4, .row_bytes = 4 * 4 * 3};
};

void TestWhatFitsIsTaken() {
  EXPECT_OK(Fitting().Check());
  Fitting empty;
  empty.plan.order = {};
  EXPECT_OK(empty.Check());
  Fitting full;
  full.plan.blocks = std::span(full.column).first(5);
  full.plan.labels = full.column;
  EXPECT_OK(full.Check());
  Fitting roomy;  // a slot may have room for more rows, and for longer ones
  roomy.shape = {.rows = 100, .row_bytes = 1000};
  EXPECT_OK(roomy.Check());
  Fitting short_plan;  // or for fewer than batch_size, when no batch has as many
  short_plan.plan.batch_size = 50;
  short_plan.shape.rows = 5;
  EXPECT_OK(short_plan.Check());
}

void TestPlansThatNameNoItemAreRefused() {
  for (const int64_t item : {int64_t{10}, int64_t{-2}, INT64_MAX, INT64_MIN}) {
    Fitting bad;
    bad.order.back() = item;
    bad.ExpectRefused("the plan names item " + std::to_string(item) + " of 10");
  }
}

void TestColumnsOfOtherLengthsAreRefused() {
  Fitting blocks;
  blocks.plan.blocks = std::span(blocks.column).first(4);
  blocks.ExpectRefused("4 blocks for 5 positions");
  Fitting labels;
  labels.plan.labels = std::span(labels.column).first(9);
  labels.ExpectRefused("labels of 9 items for 10");
  Fitting objects;
  const std::vector<int64_t> starts(10);
  objects.options.objects = ObjectTable::Make(starts, {}).value();
  objects.ExpectRefused("boxes of 9 items for 10");
}

void TestSizesThatMakeNoSenseAreRefused() {
  for (const int64_t count : {0, -1}) {
    Fitting batch;
    batch.plan.batch_size = count;
    batch.ExpectRefused("batch_size is " + std::to_string(count));
    Fitting prefetch;
    prefetch.options.prefetch_batches = count;
    prefetch.ExpectRefused("prefetch is " + std::to_string(count));
  }
  Fitting transform;
  transform.options.spec.transform.size = {0, 4};
  EXPECT(transform.Check().code() == StatusCode::kInvalidArgument);
}

void TestSlotsThatDoNotFitAreRefused() {
  Fitting rows;
  rows.shape.rows = 3;
  rows.ExpectRefused("slots' shape");
  Fitting bytes;
  bytes.shape.row_bytes -= 1;
  bytes.ExpectRefused("slots' shape");
  Fitting views;
  views.shape.views = 2;
  views.ExpectRefused("slots' shape");
  Fitting labels;
  labels.shape.soft_label_classes = 7;
  labels.ExpectRefused("another length");
}

void TestSoftLabelsThatDoNotFitAreRefused() {
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

void TestRowsOfBatches() {
  const std::vector<int64_t> order(10);
  const EpochPlan plan{.order = order, .batch_size = 4};
  EXPECT_EQ(plan.batches(), 3);
  EXPECT_EQ(plan.RowsOf(0), 4);
  EXPECT_EQ(plan.RowsOf(2), 2);
  EXPECT_EQ(plan.NumberOf(7), 7);
  EXPECT_EQ(plan.LabelOf(7), kNoLabel);
  const std::vector<int64_t> column = {5, 6};
  const EpochPlan named{.order = order, .batch_size = 5, .numbers = column, .labels = column};
  EXPECT_EQ(named.batches(), 2);
  EXPECT_EQ(named.RowsOf(1), 5);
  EXPECT_EQ(named.NumberOf(1), 6);
  EXPECT_EQ(named.LabelOf(0), 5);
}

}  // namespace
}  // namespace fastinet

int main() {
  fastinet::TestWhatFitsIsTaken();
  fastinet::TestPlansThatNameNoItemAreRefused();
  fastinet::TestColumnsOfOtherLengthsAreRefused();
  fastinet::TestSizesThatMakeNoSenseAreRefused();
  fastinet::TestSlotsThatDoNotFitAreRefused();
  fastinet::TestSoftLabelsThatDoNotFitAreRefused();
  fastinet::TestRowsOfBatches();
  return fastinet::test::Verdict();
}
