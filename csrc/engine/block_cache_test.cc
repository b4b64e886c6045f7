// Blocked epochs: each block is read once, given up where it cannot be read, and freed in the end.
#include "engine/block_cache.h"

#include <memory>
#include <vector>

#include "engine/test_epochs.h"
#include "rng/blocked_order.h"

namespace fastinet {
namespace {

using test::Dataset, test::ExpectRowsOf, test::NextOf, test::Options, test::Pool, test::SlotsFor;

/// A blocked order of `items`: blocks of five neighbours, windows of four blocks.
std::vector<int64_t> BlockedOrderOf(int64_t items) {
  std::vector<int64_t> starts;
  for (int64_t start = 0; start <= items; start += 5) starts.push_back(start);
  return BlockedOrder{.seed = 3, .window_blocks = 4}.Draw(starts);
}

std::vector<int64_t> BlocksOf(const std::vector<int64_t>& order) {
  std::vector<int64_t> blocks;
  blocks.reserve(order.size());
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
    for (int64_t batch = 0; batch < turn; ++batch) ExpectRowsOf(NextOf(*run), order, batch * 10);
  }
  REQUIRE(stats->block_bytes == 0);
}

TEST_CASE("blocks are read once") {
  for (const int threads : {1, 2, 5}) {
    CAPTURE(threads);
    TestBlocksAreReadOnce(threads);
  }
}

}  // namespace
}  // namespace fastinet
