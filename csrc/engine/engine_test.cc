// Threads, slots and epochs without Python; meant to be run under the thread sanitizer too.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "engine/epoch_run.h"
#include "engine/item_check.h"
#include "rng/blocked_order.h"

namespace fastinet {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{20};

// ------------------------------------------------------------------------- a dataset in memory

/// A grey JPEG of `width` x `height` (1 to 8) pixels, all 128: one block without coefficients.
std::vector<uint8_t> GreyJpeg(uint8_t width, uint8_t height) {
  std::vector<uint8_t> jpeg = {0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
  jpeg.insert(jpeg.end(), 64, 1);  // quantisation steps
  const std::vector<uint8_t> frame = {0xFF, 0xC0, 0, 11, 8, 0, height, 0, width, 1, 1, 0x11, 0};
  jpeg.insert(jpeg.end(), frame.begin(), frame.end());
  for (const uint8_t table : {uint8_t{0x00}, uint8_t{0x10}}) {  // DC and AC: the code 0 means 0
    const std::vector<uint8_t> head = {0xFF, 0xC4, 0, 20, table, 1};
    jpeg.insert(jpeg.end(), head.begin(), head.end());
    jpeg.insert(jpeg.end(), 16, 0);
  }
  const std::vector<uint8_t> scan = {0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0x3F, 0xFF, 0xD9};
  jpeg.insert(jpeg.end(), scan.begin(), scan.end());
  return jpeg;
}

class MemorySource final : public Source {
 public:
  explicit MemorySource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  uint64_t size_bytes() const override { return bytes_.size(); }
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    ++reads;
    bytes_read += out.size();
    if (out.size() > longest_read) {
      return Status(StatusCode::kIo, "too long").AtOffset(static_cast<int64_t>(offset_bytes));
    }
    if (offset_bytes + out.size() > bytes_.size()) {
      return Status(StatusCode::kIo, "beyond the end").AtOffset(static_cast<int64_t>(offset_bytes));
    }
    std::memcpy(out.data(), bytes_.data() + offset_bytes, out.size());
    return {};
  }
  void Prefetch(uint64_t, uint64_t) const override {}

  mutable std::atomic<uint64_t> reads = 0, bytes_read = 0;
  std::atomic<uint64_t> longest_read = UINT64_MAX;  // longer ones fail

 private:
  std::vector<uint8_t> bytes_;
};

/// Items whose sizes tell which they are: item i has i % 8 + 1 by i / 8 % 8 + 1 pixels.
class Dataset {
 public:
  explicit Dataset(int64_t items, std::vector<int64_t> bad = {}) {
    std::vector<uint8_t> archive;
    for (int64_t i = 0; i < items; ++i) {
      const Size size = SizeOf(i);
      std::vector<uint8_t> jpeg =
          GreyJpeg(static_cast<uint8_t>(size.width), static_cast<uint8_t>(size.height));
      if (std::find(bad.begin(), bad.end(), i) != bad.end()) jpeg[0] = 'x';
      offsets_.push_back(archive.size());
      sizes_.push_back(jpeg.size());
      archive.insert(archive.end(), jpeg.begin(), jpeg.end());
    }
    source_ = std::make_shared<MemorySource>(std::move(archive));
    std::vector<OpenArchive> archives = {{"memory.tar", source_}};
    table_ = std::make_unique<ItemTable>(
        ItemTable::Make(std::move(archives), {}, offsets_, sizes_, {}).value());
  }

  static Size SizeOf(int64_t item) {
    return {static_cast<int32_t>(item % 8 + 1), static_cast<int32_t>(item / 8 % 8 + 1)};
  }
  const ItemTable& table() const { return *table_; }
  uint64_t offset_bytes(int64_t item) const { return offsets_[static_cast<size_t>(item)]; }
  MemorySource& source() const { return *source_; }

 private:
  std::shared_ptr<MemorySource> source_;
  std::vector<uint64_t> offsets_;
  std::vector<uint64_t> sizes_;
  std::unique_ptr<ItemTable> table_;
};

std::vector<int64_t> Shuffled(int64_t items) {
  std::vector<int64_t> order(static_cast<size_t>(items));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[(i * 7919) % i]);
  return order;
}

EpochOptions Options(int64_t prefetch, OnError on_error = OnError::kRaise) {
  EpochOptions options;
  options.spec.transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
  options.on_error = on_error;
  options.prefetch_batches = prefetch;
  return options;
}

std::shared_ptr<SlotPool> SlotsFor(int64_t rows, int64_t prefetch) {
  return SlotPool::Make({rows, 4 * 4 * 3}, prefetch + 2);
}

std::shared_ptr<WorkerPool> Pool(int threads) { return WorkerPool::Start(threads).value(); }

Delivery NextOf(EpochRun& run) {
  for (;;) {
    Delivery delivery = run.Next(kPatience);
    if (delivery.kind != Delivery::Kind::kNotYet) return delivery;
  }
}

void ExpectRowsOf(const Delivery& batch, const std::vector<int64_t>& order, int64_t first) {
  REQUIRE(batch.kind == Delivery::Kind::kBatch);
  for (int64_t row = 0; row < batch.rows; ++row) {
    const auto j = static_cast<size_t>(row);
    const int64_t item = order[static_cast<size_t>(first + row)];
    REQUIRE(batch.slot->items[j] == item);
    REQUIRE(batch.slot->valid[j] == 1);
    const Size size = Dataset::SizeOf(item);
    REQUIRE((batch.slot->boxes[j] == Box{0, 0, size.width, size.height}));
    for (const uint8_t value : batch.slot->Row(row)) REQUIRE(value == 128);
  }
}

// ---------------------------------------------------------------------------------- the pool

class CountedWork final : public WorkSource {
 public:
  explicit CountedWork(int64_t items) : left_(items) {}
  bool HasWork() const override { return left_ > 0; }
  bool RunOne(Worker&) override {
    ++inside_;
    const bool had_one = left_.fetch_sub(1) > 0;
    if (had_one) ++done_;
    --inside_;
    return had_one;
  }
  std::atomic<int64_t> left_;
  std::atomic<int64_t> done_ = 0;
  std::atomic<int64_t> inside_ = 0;
};

TEST_CASE("one pool serves many sources of work") {
  const auto pool = Pool(4);
  std::vector<std::unique_ptr<CountedWork>> sources;
  for (int i = 0; i < 20; ++i) {
    sources.push_back(std::make_unique<CountedWork>(500));
    pool->Add(*sources.back());
  }
  for (const auto& source : sources) {
    while (source->done_ < 500) std::this_thread::yield();
  }
  sources[3]->left_ = 300;  // new work wakes those who sleep
  pool->Wake();
  while (sources[3]->done_ < 800) std::this_thread::yield();
  for (const auto& source : sources) pool->Remove(*source);
}

/// Every item waits until each worker has one.
class JointWork final : public WorkSource {
 public:
  explicit JointWork(int workers) : workers_(workers), together_(workers + 1) {}
  /// Returns when each worker has an item.
  void DoOneEach(WorkerPool& pool) {
    left_ = workers_;
    pool.Wake();
    together_.arrive_and_wait();
  }
  bool HasWork() const override { return left_ > 0; }
  bool RunOne(Worker&) override {
    int left = left_;
    do {
      if (left == 0) return false;
    } while (!left_.compare_exchange_weak(left, left - 1));
    together_.arrive_and_wait();
    return true;
  }

 private:
  const int workers_;
  std::barrier<> together_;
  std::atomic<int> left_ = 0;
};

TEST_CASE("waking reaches as many workers as there is work for") {
  const auto pool = Pool(6);
  JointWork work(6);
  pool->Add(work);
  for (int turn = 0; turn < 100; ++turn) {
    if (turn % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // all asleep
    work.DoOneEach(*pool);
  }
  pool->Remove(work);
}

TEST_CASE("removing a source waits for the workers in it") {
  const auto pool = Pool(4);
  for (int turn = 0; turn < 200; ++turn) {
    auto source = std::make_unique<CountedWork>(1'000'000);
    pool->Add(*source);
    while (source->done_ == 0) std::this_thread::yield();
    source->left_ = 0;
    pool->Remove(*source);
    REQUIRE(source->inside_ == 0);
  }
}

// --------------------------------------------------------------------------------- the slots

TEST_CASE("slots are used again, and never shared") {
  const auto pool = SlotPool::Make({3, 100}, 2);
  std::vector<std::shared_ptr<Slot>> leases;
  for (int i = 0; i < 5; ++i) leases.push_back(pool->Lease().value());
  REQUIRE(pool->allocated() == 5);
  REQUIRE(pool->leased() == 5);
  REQUIRE(pool->extra() == 3);
  for (size_t i = 0; i < leases.size(); ++i) {
    REQUIRE(reinterpret_cast<uintptr_t>(leases[i]->pixels()) % 64 == 0);
    for (size_t j = 0; j < i; ++j) REQUIRE(leases[i]->pixels() != leases[j]->pixels());
  }
  const uint8_t* const last = leases[4]->pixels();
  const std::shared_ptr<Slot> copy = leases[0];
  leases.clear();
  REQUIRE(pool->allocated() == 3);
  REQUIRE(pool->leased() == 1);  // two free ones are kept
  REQUIRE(copy->pixels() != last);
  REQUIRE(pool->Lease().value()->pixels() != copy->pixels());
}

TEST_CASE("a leased slot outlives its pool") {
  std::shared_ptr<Slot> slot = SlotPool::Make({3, 100}, 2)->Lease().value();
  std::memset(slot->Row(2).data(), 7, slot->Row(2).size());
  REQUIRE(slot->Row(2)[99] == 7);
}

TEST_CASE("impossible slots are refused") {
  for (const SlotShape& shape :
       {SlotShape{int64_t{1} << 40, size_t{1} << 40}, SlotShape{int64_t{1} << 30, size_t{1} << 30},
        SlotShape{0, 1}, SlotShape{1, 0}}) {
    const auto slot = SlotPool::Make(shape, 2)->Lease();
    REQUIRE(!slot.ok());
    REQUIRE(slot.status().code() == StatusCode::kTooLarge);
  }
}

// --------------------------------------------------------------------------------- the epochs

void TestBatchesComeInPlanOrder(int threads, int64_t batch_size, int64_t prefetch) {
  const Dataset data(150);
  const std::vector<int64_t> order = Shuffled(150);
  const auto stats = std::make_shared<EngineStats>();
  const auto slots = SlotsFor(batch_size, prefetch);
  const auto run =
      EpochRun::Start(Pool(threads), data.table(), {.order = order, .batch_size = batch_size},
                      Options(prefetch), slots, stats)
          .value();
  int64_t rows = 0;
  while (rows < 150) {
    const Delivery batch = NextOf(*run);
    ExpectRowsOf(batch, order, rows);
    REQUIRE(batch.rows == std::min<int64_t>(batch_size, 150 - rows));
    rows += batch.rows;
    REQUIRE(slots->leased() <= prefetch + 1);
  }
  REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  REQUIRE(stats->Sum(&WorkerCounters::items) == 150);
  REQUIRE(run->ReadyBatches() == 0);
  REQUIRE(stats->batches == static_cast<uint64_t>(CeilDiv<int64_t>(150, batch_size)));
  REQUIRE(slots->extra() == 0);
}

TEST_CASE("the first bad item of a batch is the one reported") {
  const Dataset data(60, {41, 42, 44, 55});
  std::vector<int64_t> order(60);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[42], order[44]);  // 44 now comes before 42, but after 41
  std::swap(order[40], order[41]);
  for (int turn = 0; turn < 30; ++turn) {
    const auto run = EpochRun::Start(Pool(4), data.table(), {.order = order, .batch_size = 20},
                                     Options(3), SlotsFor(20, 3), std::make_shared<EngineStats>())
                         .value();
    ExpectRowsOf(NextOf(*run), order, 0);
    ExpectRowsOf(NextOf(*run), order, 20);
    const Delivery failed = NextOf(*run);
    REQUIRE(failed.kind == Delivery::Kind::kFailed);
    REQUIRE(failed.failed_item == 41);
    REQUIRE(failed.error.archive() == "memory.tar");
    REQUIRE(failed.error.offset_bytes() == static_cast<int64_t>(data.offset_bytes(41)));
    REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  }
}

TEST_CASE("masked rows are zero, in used slots too") {
  const Dataset data(20, {3, 17});
  const std::vector<int64_t> order = Shuffled(20);
  const auto stats = std::make_shared<EngineStats>();
  const auto slots = SlotsFor(20, 1);
  for (int turn = 0; turn < 2; ++turn) {  // the second in a used slot
    const auto run = EpochRun::Start(Pool(3), data.table(), {.order = order, .batch_size = 20},
                                     Options(1, OnError::kMask), slots, stats)
                         .value();
    const Delivery batch = NextOf(*run);
    REQUIRE(batch.failures.size() == 2);
    REQUIRE(batch.failures[0].row < batch.failures[1].row);
    for (const RowFailure& failure : batch.failures) {
      REQUIRE((failure.item == 3 || failure.item == 17));
      REQUIRE(order[static_cast<size_t>(failure.row)] == failure.item);
      REQUIRE(batch.slot->valid[static_cast<size_t>(failure.row)] == 0);
      for (const uint8_t value : batch.slot->Row(failure.row)) REQUIRE(value == 0);
    }
  }
  const uint64_t failures = stats->Sum([](const WorkerCounters& worker) {
    return std::accumulate(worker.failures.begin(), worker.failures.end(), uint64_t{0});
  });
  REQUIRE(failures == 4);
}

TEST_CASE("runs share a pool and stop anywhere") {
  const Dataset data(400);
  const std::vector<int64_t> order = Shuffled(400);
  const auto pool = Pool(4);
  const auto slots = SlotsFor(10, 3);
  const auto stats = std::make_shared<EngineStats>();
  for (int turn = 0; turn < 40; ++turn) {
    std::vector<std::unique_ptr<EpochRun>> runs;
    for (int i = 0; i < 3; ++i) {
      runs.push_back(EpochRun::Start(pool, data.table(), {.order = order, .batch_size = 10},
                                     Options(3), slots, stats)
                         .value());
    }
    for (int batch = 0; batch < turn % 5; ++batch) {
      for (const auto& run : runs) ExpectRowsOf(NextOf(*run), order, batch * 10);
    }
  }
  REQUIRE(slots->leased() == 0);
}

TEST_CASE("stopping wakes the consumer") {
  const Dataset data(64);
  const std::vector<int64_t> order = Shuffled(64);
  for (int turn = 0; turn < 50; ++turn) {
    const auto run = EpochRun::Start(Pool(2), data.table(), {.order = order, .batch_size = 4},
                                     Options(2), SlotsFor(4, 2), std::make_shared<EngineStats>())
                         .value();
    std::thread consumer([&] {
      for (;;) {
        const Delivery delivery = run->Next(milliseconds(100'000));
        if (delivery.kind == Delivery::Kind::kBatch) continue;
        REQUIRE((delivery.kind == Delivery::Kind::kEnd ||
                 delivery.error.code() == StatusCode::kCancelled));
        return;
      }
    });
    for (int i = 0; i < turn * 20; ++i) std::this_thread::yield();
    run->Stop();
    consumer.join();
  }
}

void TestEveryBadItemIsFound(int threads, CheckDepth depth) {
  const Dataset dataset(40, {3, 17, 39});
  const ItemChecks all = CheckItems(dataset.table(), 0, 40, depth, threads);
  REQUIRE(all.failures.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    const int64_t item = std::array<int64_t, 3>{3, 17, 39}[i];
    REQUIRE(all.failures[i].item == item);
    REQUIRE(all.failures[i].status.code() == StatusCode::kUnsupported);
    REQUIRE(all.failures[i].status.archive() == "memory.tar");
    REQUIRE(all.failures[i].status.offset_bytes() ==
            static_cast<int64_t>(dataset.offset_bytes(item)));
    REQUIRE(all.components[static_cast<size_t>(item)] == 0);
  }
  REQUIRE(std::count(all.components.begin(), all.components.end(), 1) == 37);
  const ItemChecks some = CheckItems(dataset.table(), 10, 10, depth, threads);
  REQUIRE(some.components.size() == 10);
  REQUIRE(some.failures.size() == 1);
  REQUIRE(some.failures[0].item == 17);
  REQUIRE(CheckItems(dataset.table(), 40, 0, depth, threads).components.empty());
}

/// A blocked order of `items`: blocks of five neighbours, windows of four blocks.
std::vector<int64_t> BlockedOrderOf(int64_t items) {
  std::vector<int64_t> starts;
  for (int64_t start = 0; start <= items; start += 5) starts.push_back(start);
  return BlockedOrder{.seed = 3, .window_blocks = 4}.Draw(starts);
}

std::vector<int64_t> BlocksOf(const std::vector<int64_t>& order) {
  std::vector<int64_t> blocks;
  for (const int64_t item : order) blocks.push_back(item / 5);
  return blocks;
}

void TestBlocksAreReadOnce(int threads) {
  const Dataset data(400);
  const std::vector<int64_t> order = BlockedOrderOf(400), blocks = BlocksOf(order);
  const auto stats = std::make_shared<EngineStats>();
  const auto run = EpochRun::Start(Pool(threads), data.table(),
                                   {.order = order, .blocks = blocks, .batch_size = 10}, Options(2),
                                   SlotsFor(10, 2), stats)
                       .value();
  for (int64_t rows = 0; rows < 400; rows += 10) ExpectRowsOf(NextOf(*run), order, rows);
  REQUIRE(NextOf(*run).kind == Delivery::Kind::kEnd);
  REQUIRE(data.source().reads == 80);
  REQUIRE(data.source().bytes_read == data.source().size_bytes());
  REQUIRE(stats->Sum(&WorkerCounters::bytes_read) == data.source().size_bytes());
  REQUIRE(stats->block_bytes == 0);
  // Two windows; the margin of the lead is another three.
  REQUIRE(stats->block_bytes_peak <= data.source().size_bytes() / 20 * 5);
}

TEST_CASE("items of a block that cannot be read are read one by one") {
  const Dataset data(100, {41});
  data.source().longest_read = 300;  // an item, but no block
  const std::vector<int64_t> order = BlockedOrderOf(100), blocks = BlocksOf(order);
  const auto stats = std::make_shared<EngineStats>();
  const auto run =
      EpochRun::Start(Pool(3), data.table(), {.order = order, .blocks = blocks, .batch_size = 100},
                      Options(1, OnError::kMask), SlotsFor(100, 1), stats)
          .value();
  const Delivery batch = NextOf(*run);
  REQUIRE(batch.failures.size() == 1);
  REQUIRE(batch.failures[0].item == 41);
  const Status& status = batch.failures[0].status;
  REQUIRE(status.offset_bytes() == static_cast<int64_t>(data.offset_bytes(41)));
  REQUIRE(stats->block_bytes_peak == 0);
}

TEST_CASE("the blocks of an epoch that is left are freed") {
  const Dataset data(400);
  const std::vector<int64_t> order = BlockedOrderOf(400), blocks = BlocksOf(order);
  const auto stats = std::make_shared<EngineStats>();
  for (int turn = 0; turn < 40; ++turn) {
    const auto run =
        EpochRun::Start(Pool(3), data.table(), {.order = order, .blocks = blocks, .batch_size = 10},
                        Options(2), SlotsFor(10, 2), stats)
            .value();
    for (int batch = 0; batch < turn; ++batch) ExpectRowsOf(NextOf(*run), order, batch * 10);
  }
  REQUIRE(stats->block_bytes == 0);
}

TEST_CASE("padding makes zero rows that are not valid") {
  const Dataset data(10);
  std::vector<int64_t> order = Shuffled(10);
  order.resize(16, kPadding);
  std::vector<int64_t> blocks(10, 0);
  blocks.resize(16, 7);  // padding lies in no block, whatever the plan says
  const auto run =
      EpochRun::Start(Pool(2), data.table(), {.order = order, .blocks = blocks, .batch_size = 16},
                      Options(1), SlotsFor(16, 1), std::make_shared<EngineStats>())
          .value();
  const Delivery batch = NextOf(*run);
  REQUIRE(batch.rows == 16);
  REQUIRE(batch.failures.empty());
  for (size_t j = 10; j < 16; ++j) {
    REQUIRE(batch.slot->items[j] == kPadding);
    REQUIRE(batch.slot->valid[j] == 0);
    for (const uint8_t value : batch.slot->Row(static_cast<int64_t>(j))) REQUIRE(value == 0);
  }
}

TEST_CASE("batches outlive their run") {
  const Dataset data(40);
  const std::vector<int64_t> order = Shuffled(40);
  std::vector<Delivery> kept;
  {
    const auto run = EpochRun::Start(Pool(3), data.table(), {.order = order, .batch_size = 4},
                                     Options(2), SlotsFor(4, 2), std::make_shared<EngineStats>())
                         .value();
    for (int i = 0; i < 10; ++i) kept.push_back(NextOf(*run));
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    ExpectRowsOf(kept[i], order, static_cast<int64_t>(i) * 4);
  }
}

TEST_CASE("batches come in plan order") {
  for (const int threads : {1, 2, 5}) {
    for (const int64_t batch_size : {1, 16, 200}) {
      for (const int64_t prefetch : {1, 4}) {
        CAPTURE(threads);
        CAPTURE(batch_size);
        CAPTURE(prefetch);
        TestBatchesComeInPlanOrder(threads, batch_size, prefetch);
      }
    }
  }
}

TEST_CASE("every bad item is found") {
  for (const int threads : {1, 4}) {
    CAPTURE(threads);
    TestEveryBadItemIsFound(threads, CheckDepth::kHeader);
    TestEveryBadItemIsFound(threads, CheckDepth::kPixels);
  }
}

TEST_CASE("blocks are read once") {
  for (const int threads : {1, 2, 5}) {
    CAPTURE(threads);
    TestBlocksAreReadOnce(threads);
  }
}

}  // namespace
}  // namespace fastinet
