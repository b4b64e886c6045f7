#include "engine/ready_signal.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "io/pipe.h"

namespace fastinet {

ReadySignal::~ReadySignal() {
  if (read_end_ >= 0) close(read_end_);
  if (write_end_ >= 0) close(write_end_);
}

Result<int> ReadySignal::Descriptor() {
  const std::lock_guard lock(mutex_);
  if (read_end_ >= 0) return read_end_;
  std::array<int, 2> ends{};
  if (!OpenPipe(ends)) {
    return Status(StatusCode::kIo,
                  "the system has no pipe to wait with: " + std::generic_category().message(errno));
  }
  read_end_ = ends[0];
  write_end_ = ends[1];
  // What came before has nobody told of, and who waits without a look is to hear of it.
  const char token = 1;
  raised_ = write(write_end_, &token, 1) == 1;
  return read_end_;
}

void ReadySignal::Raise() noexcept {
  const std::lock_guard lock(mutex_);
  if (write_end_ < 0 || raised_) return;
  // An empty pipe takes a byte at once, and there is never a second one in it.
  const char token = 1;
  raised_ = write(write_end_, &token, 1) == 1;
}

void ReadySignal::Clear() noexcept {
  const std::lock_guard lock(mutex_);
  if (!raised_) return;
  char token = 0;
  // It never waits. NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
  raised_ = read(read_end_, &token, 1) != 1;
}

}  // namespace fastinet
