#include "io/descriptor_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "io/pipe.h"

namespace fastinet {
namespace {

constexpr size_t kMaxBytesPerRead = size_t{1} << 20;

// The most that Linux gives a pipe of an ordinary user: /proc/sys/fs/pipe-max-size.
constexpr int kPipeBytes = 1 << 20;

/// Makes a pipe larger, so that the writer and this process wake each other less often. A wish:
/// what is no pipe, or may not grow, stays as it is.
void AskForRoom([[maybe_unused]] int descriptor) {
#ifdef F_SETPIPE_SZ
  (void)::fcntl(descriptor, F_SETPIPE_SZ, kPipeBytes);
#endif
}

void Close(int descriptor) {
  if (descriptor >= 0) (void)::close(descriptor);
}

}  // namespace

Result<std::unique_ptr<DescriptorStream>> DescriptorStream::Open(int descriptor, std::string name) {
  std::unique_ptr<DescriptorStream> stream(new DescriptorStream(std::move(name)));
  stream->descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (stream->descriptor_ < 0) return stream->SystemError("cannot open");
  // poll(2) would wait for bytes to read from it forever.
  if ((::fcntl(stream->descriptor_, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    return InvalidArgument("the descriptor is open for writing only").InArchive(stream->name_);
  }
  AskForRoom(stream->descriptor_);
  if (!OpenPipe(stream->wake_)) return stream->SystemError("cannot open");
  return stream;
}

DescriptorStream::~DescriptorStream() {
  Close(descriptor_);
  Close(wake_[0]);
  Close(wake_[1]);
}

void DescriptorStream::Interrupt() {
  const char byte = 0;
  while (::write(wake_[1], &byte, 1) < 0 && errno == EINTR) {
  }
}

Result<size_t> DescriptorStream::Read(MutableBytes out) {
  for (;;) {
    FASTINET_RETURN_IF_ERROR(WaitForBytes());
    const ssize_t count = ::read(descriptor_, out.data(), std::min(out.size(), kMaxBytesPerRead));
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR && errno != EAGAIN) return SystemError("cannot read");
  }
}

Status DescriptorStream::WaitForBytes() const {
  std::array<pollfd, 2> watched = {{{.fd = wake_[0], .events = POLLIN, .revents = 0},
                                    {.fd = descriptor_, .events = POLLIN, .revents = 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0) {
    if (errno != EINTR) return SystemError("cannot wait for bytes");
  }
  if (watched[0].revents == 0) return {};
  return Status(StatusCode::kCancelled, "reading the stream was stopped").InArchive(name_);
}

Status DescriptorStream::SystemError(const char* what) const {
  return Status(StatusCode::kIo, std::string(what) + ": " + std::generic_category().message(errno))
      .InArchive(name_);
}

}  // namespace fastinet
