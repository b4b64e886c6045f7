// Every allocation of a row, an epoch and a stream fails in turn, alone or with all that follow:
// each time there is a row or a status, and the process lives.
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "base/test_shortage.h"
#include "columns/test_dataset.h"
#include "engine/epoch_run.h"
#include "engine/stream_run.h"
#include "engine/test_epochs.h"
#include "gzip/test_gzip.h"
#include "jpeg/test_jpegs.h"
#include "stream/descriptor_input.h"
#include "tar/test_tars.h"

namespace fastinet {
namespace {

using test::CountingSource, test::ForEveryShortage, test::NextOf, test::Shortage;

constexpr int32_t kClasses = 3;

/// One item for each way through the decoders, and one that is no image.
std::vector<std::vector<uint8_t>> Images() {
  test::JpegRecipe subsampled, progressive, incomplete, restarts;
  subsampled.sampling[0] = {2, 2};
  progressive.progressive = incomplete.progressive = true;
  incomplete.scans = 2;
  restarts.restart_interval = 2;
  std::vector<uint8_t> damaged = test::MakeJpeg(subsampled);
  damaged.resize(damaged.size() * 2 / 3);  // both decoders see it, one after the other
  std::vector<uint8_t> no_image(100, uint8_t{'x'});
  return {test::MakeJpeg(subsampled),
          test::MakeJpeg(progressive),
          test::MakeJpeg(incomplete),
          test::MakeJpeg(restarts),
          test::Gzip(test::MakeJpeg(subsampled), 6),
          std::move(damaged),
          std::move(no_image)};
}

constexpr size_t kGoodImages = 5;  // the first ones of these

Operation StepOf(StepOp op, const std::vector<double>& arguments,
                 Sampling sampling = Sampling::kNearest) {
  Operation operation{.kind = Operation::Kind::kStep, .op = op, .sampling = sampling};
  for (const double each : arguments) operation.arguments.push_back(Amount::Constant(each));
  return operation;
}

/// Operations with memory of their own: all blurs, all ways to move pixels, and a mixture.
std::vector<Operation> Operations() {
  Operation jitter{.kind = Operation::Kind::kJitter};
  jitter.jitter.bounds[0] = {0.5, 1.5};
  Operation mixture{.kind = Operation::Kind::kMix};
  mixture.parts = {StepOf(StepOp::kRotate, {20}, Sampling::kBicubic),
                   StepOf(StepOp::kAffine, {1, 0.3, 0, 0, 1, 0}, Sampling::kBilinear),
                   StepOf(StepOp::kAffine, {1, 0, 0, 0.3, 1, 0}, Sampling::kBicubic)};
  Operation choice{.kind = Operation::Kind::kChoice};
  choice.parts = {StepOf(StepOp::kAffine, {1, 0.3, 0, 0.3, 1, 0}),
                  StepOf(StepOp::kAffine, {1.5, 0, 0, 0, 1.5, 0}),
                  StepOf(StepOp::kAffine, {1, 0, 0, 0.3, 1, 0}), StepOf(StepOp::kSharpness, {2})};
  choice.count = 3;
  choice.replacement = false;
  return {std::move(jitter), StepOf(StepOp::kGaussianBlur, {1}),
          StepOf(StepOp::kKernelBlur, {3, 1}), std::move(mixture), std::move(choice)};
}

/// An epoch of these items with colour adjustments and other operations, two groups of views and
/// soft labels; read one by one, or as one block.
struct Fixture {
  explicit Fixture(bool blocked) {
    std::vector<uint8_t> archive;
    for (const std::vector<uint8_t>& image : Images()) {
      order.push_back(static_cast<int64_t>(order.size()));
      offsets.push_back(archive.size());
      sizes.push_back(image.size());
      archive.insert(archive.end(), image.begin(), image.end());
    }
    const size_t items = order.size();
    const std::vector<float> map = {5, 2};  // score, class
    std::vector<uint8_t> map_bytes(map.size() * sizeof(float));
    std::memcpy(map_bytes.data(), map.data(), map_bytes.size());
    map_offsets.resize(items);
    map_sizes.resize(items, map_bytes.size());
    labels.resize(items, 1);
    // Names that are too long to be kept without an allocation.
    table =
        MakeTable("an-archive-of-images-with-a-long-name.tar", std::move(archive), offsets, sizes);
    maps = MakeTable("an-archive-of-maps-with-a-long-name.tar", std::move(map_bytes), map_offsets,
                     map_sizes);
    soft_labels = std::make_unique<SoftLabels>(
        SoftLabels::Make(*maps, labels, {.ranks = 1, .rows = 1, .columns = 1}, kClasses,
                         MapAxes::kXY)
            .value());
    if (blocked) blocks.resize(items);
    plan = {.order = order, .blocks = blocks, .batch_size = 4};
    options.spec.groups.resize(2);
    for (ViewSpec& group : options.spec.groups) {
      group.transform = {.kind = Transform::Kind::kRandomResizedCrop, .size = {8, 8}};
    }
    options.spec.groups[0].policy = Policy::Make(Operations(), {8, 8}).value();
    options.spec.groups[0].erase = ErasingRule{.probability = 1, .mode = EraseMode::kPixel};
    options.spec.groups[0].count = 2;
    options.spec.groups[1].transform = {.kind = Transform::Kind::kRandomCrop,
                                        .size = {5, 4},
                                        .resize = 6,
                                        .padding = {3, 3, 3, 3},
                                        .border = {.mode = PaddingMode::kReflect}};
    options.spec.record = true;
    options.on_error = OnError::kMask;
    options.soft_labels = soft_labels.get();
    REQUIRE(CheckEpoch(plan, options, *table, shape).ok());
  }

  static std::unique_ptr<ItemTable> MakeTable(std::string name, std::vector<uint8_t> bytes,
                                              const std::vector<uint64_t>& item_offsets,
                                              const std::vector<uint64_t>& item_sizes) {
    std::vector<OpenArchive> archives;
    archives.push_back({std::move(name), std::make_shared<CountingSource>(std::move(bytes))});
    return std::make_unique<ItemTable>(
        ItemTable::Make(std::move(archives), {}, item_offsets, item_sizes, {}).value());
  }

  const SlotShape shape{.rows = 4,
                        .groups = {{8 * 8 * 3, 2}, {5 * 4 * 3}},
                        .soft_label_classes = kClasses,
                        .erased_boxes = 1,
                        .keeps_noise = true,
                        .has_steps = true};
  std::vector<int64_t> order, blocks;
  std::vector<uint64_t> offsets, sizes, map_offsets, map_sizes;
  std::vector<int32_t> labels;
  std::unique_ptr<ItemTable> table, maps;
  std::unique_ptr<SoftLabels> soft_labels;
  EpochPlan plan;
  EpochOptions options;
};

/// What a row may fail with that fails for a lack of memory alone.
bool IsOutOfMemory(const Status& status) { return status.code() == StatusCode::kOutOfMemory; }

std::vector<uint8_t> PixelsOf(Slot& slot, int64_t row) {
  std::vector<uint8_t> pixels;
  for (size_t group = 0; group < slot.shape().groups.size(); ++group) {
    pixels.insert(pixels.end(), slot.Row(group, row).begin(), slot.Row(group, row).end());
  }
  return pixels;
}

/// A worker that has made nothing before allocates the most.
TEST_CASE("a row") {
  for (const bool blocked : {false, true}) {
    Fixture fixture(blocked);
    for (int64_t position = 0; position < fixture.plan.size(); ++position) {
      CAPTURE(blocked);
      CAPTURE(position);
      EngineStats stats;
      std::unique_ptr<Slot> slot = Slot::Allocate(fixture.shape).value();
      Worker undisturbed;
      const Status sound = RowMaker(*fixture.table, fixture.plan, fixture.options, stats)
                               .MakeRow(undisturbed, position, *slot, 0)
                               .failure;
      CHECK(sound.ok() == (position < static_cast<int64_t>(kGoodImages)));
      const std::vector<uint8_t> pixels = PixelsOf(*slot, 0);
      ForEveryShortage([&](int64_t n, bool lasts) {
        const RowMaker maker(*fixture.table, fixture.plan, fixture.options, stats);
        Worker worker;
        Status status;
        bool happened = false;
        {
          const Shortage shortage(n, lasts);
          maker.ReadAhead(position);
          status = maker.MakeRow(worker, position, *slot, 0).failure;
          happened = test::allocations > n;
        }
        // A shortage that passes may leave no trace, as in reading ahead; the row is right then.
        if (status.ok()) {
          CHECK(PixelsOf(*slot, 0) == pixels);
        } else {
          CHECK((IsOutOfMemory(status) || status.code() == sound.code()));
          CHECK_EQ(slot->valid[0], 0);
        }
        // Nor has the worker taken harm.
        CHECK(maker.MakeRow(worker, position, *slot, 1).failure.code() == sound.code());
        CHECK(PixelsOf(*slot, 1) == pixels);
        return happened;
      });
    }
  }
}

/// The rows of an epoch whose workers have no memory, and whose consumer has.
TEST_CASE("an epoch") {
  test::has_memory = true;
  for (const OnError on_error : {OnError::kMask, OnError::kRaise, OnError::kReplace}) {
    Fixture fixture(false);
    fixture.options.on_error = on_error;
    const std::shared_ptr<SlotPool> slots = SlotPool::Make(fixture.shape, 4);
    ForEveryShortage([&](int64_t n, bool lasts) {
      const std::shared_ptr<WorkerPool> pool = test::Pool(2);
      const Shortage shortage(n, lasts);
      const auto run = EpochRun::Start(pool, *fixture.table, fixture.plan, fixture.options, slots,
                                       std::make_shared<EngineStats>())
                           .value();
      Delivery delivery = NextOf(*run);
      int64_t rows = 0;
      for (; delivery.kind == Delivery::Kind::kBatch; delivery = NextOf(*run)) {
        rows += delivery.rows;
        for (const RowFailure& failure : delivery.failures) {
          CHECK((IsOutOfMemory(failure.status) || failure.item >= int64_t{kGoodImages}));
        }
      }
      if (on_error == OnError::kReplace && delivery.kind == Delivery::Kind::kEnd) {
        CHECK_EQ(rows, fixture.plan.size());  // there was memory for another item
      } else if (on_error == OnError::kMask) {
        CHECK(delivery.kind == Delivery::Kind::kEnd);
        CHECK_EQ(rows, fixture.plan.size());
      } else {
        CHECK(delivery.kind == Delivery::Kind::kFailed);
        CHECK((IsOutOfMemory(delivery.error) || delivery.failed_item >= int64_t{kGoodImages}));
      }
      return test::allocations > n;
    });
  }
  test::has_memory = false;
}

/// Batches for which the consumer's thread has no memory.
TEST_CASE("a batch that cannot be begun") {
  Fixture fixture(false);
  const std::shared_ptr<WorkerPool> pool = test::Pool(1);
  ForEveryShortage([&](int64_t n, bool lasts) {
    const std::shared_ptr<SlotPool> slots = SlotPool::Make(fixture.shape, 4);
    const auto stats = std::make_shared<EngineStats>();
    Status status;
    bool threw = false, happened = false;
    {
      const Shortage shortage(n, lasts);
      try {
        status = EpochRun::Start(pool, *fixture.table, fixture.plan, fixture.options, slots, stats)
                     .status();
      } catch (const std::bad_alloc&) {
        threw = true;  // as its constructor may
      }
      happened = test::allocations > n;
    }
    CHECK((threw || status.ok() || IsOutOfMemory(status)));
    CHECK_EQ(slots->leased(), 0);
    return happened;
  });
}

/// A tar of `images`.
std::string TarOf(const std::vector<std::vector<uint8_t>>& images) {
  std::string tar;
  for (size_t i = 0; i < images.size(); ++i) {
    test::AppendEntry(tar, "an-image-with-a-long-name-" + std::to_string(i) + ".jpg",
                      {reinterpret_cast<const char*>(images[i].data()), images[i].size()});
  }
  return tar + test::TarEnd();
}

/// A stream whose feeder and workers have no memory, and whose consumer has.
TEST_CASE("a stream") {
  test::has_memory = true;
  const std::vector<std::vector<uint8_t>> images = Images();
  const std::string tar = TarOf(images);
  REQUIRE(tar.size() < 60'000);  // it fits into a pipe
  EpochOptions options;
  options.spec.groups[0].transform = {.kind = Transform::Kind::kResize, .size = {8, 8}};
  options.on_error = OnError::kMask;
  const StreamPlan plan{.batch_size = 4, .window = 2, .seed = 1};
  const std::shared_ptr<SlotPool> slots = SlotPool::Make({.rows = 4, .groups = {{8 * 8 * 3}}}, 4);
  ForEveryShortage([&](int64_t n, bool lasts) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], tar.data(), tar.size()) == static_cast<ssize_t>(tar.size()));
    ::close(ends[1]);
    auto input = DescriptorInput::Make(ends[0], "a-pipe-with-a-name-that-is-long").value();
    const std::shared_ptr<WorkerPool> pool = test::Pool(1);
    bool happened = false;
    {
      const Shortage shortage(n, lasts);
      const auto run = StreamRun::Start(pool, std::move(input), plan, options, slots,
                                        std::make_shared<EngineStats>())
                           .value();
      StreamDelivery answer;
      int64_t rows = 0;
      do {
        answer = run->Next(test::kPatience);
        rows += answer.delivery.rows;
      } while (answer.delivery.kind == Delivery::Kind::kBatch ||
               answer.delivery.kind == Delivery::Kind::kNotYet);
      if (answer.delivery.kind == Delivery::Kind::kFailed) {
        CHECK(IsOutOfMemory(answer.delivery.error));
      } else {
        CHECK_EQ(rows, std::ssize(images));
      }
      happened = test::allocations > n;
    }
    ::close(ends[0]);
    return happened;
  });
  test::has_memory = false;
}

}  // namespace
}  // namespace fastinet
