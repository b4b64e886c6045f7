// Streams without Python: a pipe, who writes to it, who takes batches, and who stops it all; meant
// to be run under the thread sanitizer too. The items are no images, so that every row is masked.
#include "engine/stream_run.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "stream/descriptor_input.h"
#include "tar/test_tars.h"

namespace fastinet {
namespace {

using std::chrono::milliseconds;

std::string Archive(int items) {
  std::string tar;
  for (int i = 0; i < items; ++i) {
    test::AppendEntry(tar, std::to_string(i) + ".jpg",
                      std::string(static_cast<size_t>(i * 997 % 40'000), 'x'));
  }
  return tar + test::TarEnd();
}

/// A pipe that a thread writes to, in pieces.
class Writer {
 public:
  Writer(const std::string& data, size_t piece) {
    (void)::signal(SIGPIPE, SIG_IGN);  // a write after the reader is gone fails instead
    REQUIRE(::pipe(ends_.data()) == 0);
    thread_ = std::thread([this, &data, piece] {
      for (size_t at = 0; at < data.size();) {
        const size_t most = std::min(piece, data.size() - at);
        const ssize_t count = ::write(ends_[1], data.data() + at, most);
        if (count <= 0) break;
        at += static_cast<size_t>(count);
      }
      ::close(ends_[1]);
    });
  }
  ~Writer() {
    ::close(ends_[0]);  // the writer's next write fails
    thread_.join();
  }

  int outlet() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{};
  std::thread thread_;
};

struct Setting {
  int threads = 3;
  int64_t batch_size = 4;
  int64_t prefetch = 2;
  int64_t window = 1;
  int64_t repeats = 1;
  int64_t start = 0;
  int64_t rank = 0;
  int64_t world = 1;
};

std::unique_ptr<StreamRun> Begin(int descriptor, const Setting& setting,
                                 std::shared_ptr<SlotPool> slots = nullptr) {
  EpochOptions options;
  options.spec.groups[0].transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
  options.on_error = OnError::kMask;
  options.prefetch_batches = setting.prefetch;
  const StreamPlan plan{.batch_size = setting.batch_size,
                        .window = setting.window,
                        .repeats = setting.repeats,
                        .seed = 1,
                        .start = setting.start,
                        .rank = setting.rank,
                        .world = setting.world};
  if (!slots) slots = SlotPool::Make({setting.batch_size, {{4 * 4 * 3}}}, setting.prefetch + 2);
  return StreamRun::Start(WorkerPool::Start(setting.threads).value(),
                          DescriptorInput::Make(descriptor, "pipe").value(), plan, options,
                          std::move(slots), std::make_shared<EngineStats>())
      .value();
}

/// Takes batches until something else comes; the keys of their rows.
std::vector<std::string> Drain(StreamRun& run, Delivery::Kind* last, int64_t most = INT64_MAX) {
  std::vector<std::string> keys;
  *last = Delivery::Kind::kBatch;
  while (most-- > 0) {
    StreamDelivery next = run.Next(milliseconds(50));
    while (next.delivery.kind == Delivery::Kind::kNotYet) next = run.Next(milliseconds(50));
    *last = next.delivery.kind;
    if (*last != Delivery::Kind::kBatch) break;
    CHECK_EQ(static_cast<int64_t>(next.items.size()), next.delivery.rows);
    for (const StreamItem& item : next.items) keys.push_back(item.key);
  }
  return keys;
}

TEST_CASE("items come in the order of the stream") {
  const std::string tar = Archive(101);
  for (const size_t piece : {size_t{313}, size_t{1} << 20}) {
    for (const Setting setting : {Setting{}, Setting{1, 1, 1, 1}, Setting{5, 200, 3, 1}}) {
      const Writer writer(tar, piece);
      const std::unique_ptr<StreamRun> run = Begin(writer.outlet(), setting);
      Delivery::Kind last{};
      const std::vector<std::string> keys = Drain(*run, &last);
      CHECK(last == Delivery::Kind::kEnd);
      CHECK_EQ(keys.size(), size_t{101});
      for (size_t i = 0; i < keys.size(); ++i) CHECK_EQ(keys[i], std::to_string(i) + ".jpg");
    }
  }
}

/// An item's copies have positions one after another; batches, ranks and starts may part them.
TEST_CASE("copies of the items of a stream") {
  const std::string tar = Archive(23);
  for (const int64_t world : {1, 2, 3, 5}) {
    for (const int64_t start : {0, 1, 7, 68, 69}) {
      for (int64_t rank = 0; rank < world; ++rank) {
        const Writer writer(tar, 5000);
        const std::unique_ptr<StreamRun> run =
            Begin(writer.outlet(), {.repeats = 3, .start = start, .rank = rank, .world = world});
        int64_t position = start + (rank - start % world + world) % world;
        StreamDelivery next;
        while (next = run->Next(milliseconds(50)), next.delivery.kind != Delivery::Kind::kEnd) {
          if (next.delivery.kind == Delivery::Kind::kNotYet) continue;
          REQUIRE(next.delivery.kind == Delivery::Kind::kBatch);
          for (int64_t row = 0; row < next.delivery.rows; ++row, position += world) {
            const auto j = static_cast<size_t>(row);
            CHECK_EQ(next.delivery.slot->items[j], position / 3);
            CHECK_EQ(next.delivery.slot->copies[j], position % 3);
            CHECK_EQ(next.items[j].key, std::to_string(position / 3) + ".jpg");
          }
        }
        CHECK(position >= 23 * 3);
        CHECK(position < 23 * 3 + world);
      }
    }
  }
}

/// At any moment, by another thread than the one that waits for a batch.
TEST_CASE("a run stops at any moment, from another thread than the consumer's") {
  const std::string tar = Archive(60);
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    const Writer writer(tar, 1 + random() % 20'000);
    const Setting setting{3, 1 + static_cast<int64_t>(random() % 7), 1 + round % 3,
                          1 + round % 5 * 10};
    const std::unique_ptr<StreamRun> run = Begin(writer.outlet(), setting);
    std::thread consumer([&] {
      Delivery::Kind last{};
      (void)Drain(*run, &last);
      CHECK((last == Delivery::Kind::kEnd || last == Delivery::Kind::kFailed));
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    run->Stop();
    run->Stop();
    consumer.join();
  }
}

TEST_CASE("a run stops while the pipe is idle") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  for (int round = 0; round < 20; ++round) {
    const std::unique_ptr<StreamRun> run = Begin(ends[0], {});
    CHECK(run->Next(milliseconds(1)).delivery.kind == Delivery::Kind::kNotYet);
    run->Stop();
    CHECK(run->Next(milliseconds(1)).delivery.kind == Delivery::Kind::kFailed);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

/// Three slots, one of them held by the consumer: no later batch takes what an earlier one needs.
TEST_CASE("no later batch takes the slot that an earlier one needs") {
  const std::string tar = Archive(80);
  std::array<std::vector<uint8_t>, 3> memory;
  for (const int64_t prefetch : {1, 2, 6}) {
    std::vector<ExternalRows> rows;
    for (std::vector<uint8_t>& bytes : memory) {
      bytes.resize(2 * 4 * 4 * 3);
      rows.push_back({{bytes}, std::make_shared<int>(0)});
    }
    const Writer writer(tar, 5000);
    const std::unique_ptr<StreamRun> run =
        Begin(writer.outlet(), {3, 2, prefetch, 1},
              SlotPool::Wrap({2, {{4 * 4 * 3}}}, std::move(rows)).value());
    StreamDelivery held;
    int batches = 0;
    for (;;) {
      StreamDelivery next = run->Next(milliseconds(50));
      if (next.delivery.kind == Delivery::Kind::kNotYet) continue;
      if (next.delivery.kind != Delivery::Kind::kBatch) {
        CHECK(next.delivery.kind == Delivery::Kind::kEnd);
        break;
      }
      held = std::move(next);
      ++batches;
    }
    CHECK_EQ(batches, 40);
  }
}

TEST_CASE("a stream that is cut short delivers what came, and fails") {
  const std::string tar = Archive(30);
  for (size_t cut = 0; cut < tar.size(); cut += 9'973) {
    const std::string head = tar.substr(0, cut);
    std::vector<std::string> in_order;
    for (const int64_t window : {1, 7, 100}) {
      const Writer writer(head, 4096);
      const std::unique_ptr<StreamRun> run = Begin(writer.outlet(), {.window = window});
      Delivery::Kind last{};
      std::vector<std::string> keys = Drain(*run, &last);
      CHECK(keys.size() < 30);
      CHECK(last == Delivery::Kind::kFailed);
      CHECK(run->Next(milliseconds(1)).delivery.kind == Delivery::Kind::kEnd);
      // Whatever the window holds has come before.
      std::sort(keys.begin(), keys.end());
      if (window == 1) in_order = keys;
      CHECK(keys == in_order);
    }
  }
}

}  // namespace
}  // namespace fastinet
