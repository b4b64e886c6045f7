// The level of a signal's descriptor, and that nothing raised is lost.
#include "engine/ready_signal.h"

#include <fcntl.h>
#include <poll.h>

#include <thread>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// Whether `descriptor` is readable within `milliseconds`.
bool IsReadable(int descriptor, int milliseconds = 0) {
  pollfd waited{.fd = descriptor, .events = POLLIN, .revents = 0};
  return poll(&waited, 1, milliseconds) == 1;
}

TEST_CASE("The descriptor is readable from a raise to a clear") {
  ReadySignal signal;
  signal.Raise();  // before anybody asked for a descriptor
  signal.Clear();
  const int descriptor = signal.Descriptor().value();
  CHECK(signal.Descriptor().value() == descriptor);
  CHECK(IsReadable(descriptor));  // nobody knows what came before
  signal.Clear();
  CHECK_FALSE(IsReadable(descriptor));
  for (int i = 0; i < 100'000; ++i) signal.Raise();  // more than a pipe holds
  CHECK(IsReadable(descriptor));
  signal.Clear();
  CHECK_FALSE(IsReadable(descriptor));
  signal.Clear();
  signal.Raise();
  CHECK(IsReadable(descriptor));
}

TEST_CASE("The descriptor is closed in programs that this one starts, and never waits") {
  ReadySignal signal;
  const int descriptor = signal.Descriptor().value();
  CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("What is raised after a clear is heard, whoever clears in between") {
  ReadySignal signal;
  const int descriptor = signal.Descriptor().value();
  for (int round = 0; round < 200; ++round) {
    signal.Clear();
    std::vector<std::thread> threads;
    threads.reserve(2);
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { signal.Raise(); });
    REQUIRE(IsReadable(descriptor, 10'000));
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace fastinet
