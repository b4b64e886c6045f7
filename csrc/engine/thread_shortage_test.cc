// The system refuses the n-th thread that is asked for: a status or fewer helpers come of it, and
// the process lives. This program's own pthread_create stands before the system's.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "engine/stream_run.h"
#include "passes/parallel.h"
#include "stream/descriptor_input.h"

namespace {

std::atomic<int> asked = 0;
std::atomic<int> refused = -1;  // which one; -1: none

using CreateThread = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

}  // namespace

// Its parameters have names of ours and not the underscored ones of <pthread.h>.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
extern "C" [[gnu::visibility("default")]] int pthread_create(pthread_t* thread,
                                                             const pthread_attr_t* attributes,
                                                             void* (*function)(void*),
                                                             void* argument) {
  static const auto real = reinterpret_cast<CreateThread>(::dlsym(RTLD_NEXT, "pthread_create"));
  return asked++ == refused ? EAGAIN : real(thread, attributes, function, argument);
}

namespace fastinet {
namespace {

/// While it lives, the `number`-th thread from now on is refused.
class Refusal {
 public:
  explicit Refusal(int number) {
    asked = 0;
    refused = number;
  }
  ~Refusal() { refused = -1; }
  Refusal(const Refusal&) = delete;
  Refusal& operator=(const Refusal&) = delete;
};

TEST_CASE("a worker thread is refused") {
  for (int number = 0; number < 3; ++number) {
    const Refusal refusal(number);
    const auto pool = WorkerPool::Start(3, {});
    REQUIRE(!pool.ok());
    CHECK(pool.status().code() == StatusCode::kIo);
  }
  CHECK(WorkerPool::Start(3, {}).ok());
}

TEST_CASE("the thread that reads a stream is refused") {
  const auto pool = WorkerPool::Start(1, {});
  REQUIRE(pool.ok());
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  EpochOptions options;
  options.spec.groups[0].transform = {.kind = Transform::Kind::kResize, .size = {4, 4}};
  options.prefetch_batches = 2;
  const StreamPlan plan{.batch_size = 4, .window = 1};
  auto input = DescriptorInput::Make(ends[0], "a pipe");
  REQUIRE(input.ok());
  {
    const Refusal refusal(0);
    const auto run =
        StreamRun::Start(pool.value(), std::move(input).value(), plan, options,
                         SlotPool::Make({4, {{4 * 4 * 3}}}, 4), std::make_shared<EngineStats>());
    REQUIRE(!run.ok());
    CHECK(run.status().code() == StatusCode::kIo);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("helpers of a pass are refused: the others do the work") {
  for (int number = 0; number < 4; ++number) {
    const Refusal refusal(number);
    std::vector<int> visits(1000);
    ForEachInParallel(visits.size(), 4, [&] { return [&](size_t i) { ++visits[i]; }; });
    CHECK(visits == std::vector<int>(1000, 1));
  }
}

}  // namespace
}  // namespace fastinet
