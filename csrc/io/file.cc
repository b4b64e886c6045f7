#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <system_error>

#include "base/checked.h"

namespace fastinet {
namespace {

// Linux moves at most 0x7ffff000 bytes a call and macOS refuses more than INT_MAX.
constexpr size_t kMaxBytesPerRead = size_t{1} << 30;

// Linux counts file times in ticks of 1 to 10 ms (CONFIG_HZ), and finer only since 6.13.
constexpr int64_t kTickNs = 20'000'000;

std::string SystemMessage(int error_number) {
  return std::generic_category().message(error_number);
}

int64_t Nanoseconds(const struct timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp StampOf(const struct stat& info) {
#ifdef __APPLE__
  const struct timespec &modified = info.st_mtimespec, &changed = info.st_ctimespec;
#else
  const struct timespec &modified = info.st_mtim, &changed = info.st_ctim;
#endif
  return {.device = static_cast<uint64_t>(info.st_dev),
          .inode = static_cast<uint64_t>(info.st_ino),
          .size_bytes = static_cast<uint64_t>(info.st_size),
          .modified_ns = Nanoseconds(modified),
          .changed_ns = Nanoseconds(changed)};
}

}  // namespace

bool FileStamp::IsSettled() const {
  using std::chrono::nanoseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t age = std::chrono::duration_cast<nanoseconds>(now).count() - changed_ns;
  // The clock of a file server may be ahead of this machine's.
  return age < -kTickNs || age > kTickNs;
}

Result<std::unique_ptr<File>> File::Open(std::string path) {
  // Before it is opened, since running out of memory would leave the descriptor to nobody.
  std::unique_ptr<File> file(new File(std::move(path)));
  // O_NONBLOCK changes nothing for a regular file; without it, opening a FIFO would wait for a
  // writer for ever.
  do {
    file->descriptor_ = ::open(file->path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file->descriptor_ < 0 && errno == EINTR);
  if (file->descriptor_ < 0) {
    const int error_number = errno;
    const bool missing = error_number == ENOENT || error_number == ENOTDIR;
    return Status(missing ? StatusCode::kMissing : StatusCode::kIo,
                  "cannot open: " + SystemMessage(error_number))
        .InArchive(file->path_);
  }
  return Examined(std::move(file));
}

Result<std::unique_ptr<File>> File::OfDescriptor(int descriptor, std::string path) {
  std::unique_ptr<File> file(new File(std::move(path)));
  file->descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (file->descriptor_ < 0) {
    return Status(StatusCode::kIo, "cannot open: " + SystemMessage(errno)).InArchive(file->path_);
  }
  return Examined(std::move(file));
}

/// The file, whose descriptor is open, if it is a regular one, with its stamp.
Result<std::unique_ptr<File>> File::Examined(std::unique_ptr<File> file) {
  struct stat info;
  if (::fstat(file->descriptor_, &info) != 0) {
    return Status(StatusCode::kIo, "cannot stat: " + SystemMessage(errno)).InArchive(file->path_);
  }
  if (!S_ISREG(info.st_mode)) {
    return Unsupported("not a regular file").InArchive(file->path_);
  }
  file->stamp_ = StampOf(info);
  return file;
}

File::~File() {
  if (descriptor_ >= 0) (void)::close(descriptor_);
}

Result<FileStamp> File::StampNow() const {
  struct stat info;
  if (::fstat(descriptor_, &info) != 0) {
    return Status(StatusCode::kIo, "cannot stat: " + SystemMessage(errno)).InArchive(path_);
  }
  return StampOf(info);
}

Status File::ReadAt(uint64_t offset_bytes, MutableBytes out) const {
  const auto end_bytes = CheckedAdd<uint64_t>(offset_bytes, out.size());
  if (!end_bytes || *end_bytes > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) {
    return ReadError(offset_bytes, "read beyond the largest file offset");
  }
  while (!out.empty()) {
    const size_t wanted = std::min(out.size(), kMaxBytesPerRead);
    const ssize_t got = ::pread(descriptor_, out.data(), wanted, static_cast<off_t>(offset_bytes));
    if (got < 0) {
      if (errno == EINTR) continue;
      return ReadError(offset_bytes, "cannot read: " + SystemMessage(errno));
    }
    if (got == 0) {
      return ReadError(offset_bytes, "the file ends here, " + std::to_string(out.size()) +
                                         " bytes before the end of the read; it had " +
                                         std::to_string(size_bytes()) + " bytes when opened");
    }
    out = out.subspan(static_cast<size_t>(got));
    offset_bytes += static_cast<uint64_t>(got);
  }
  return {};
}

void File::Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const {
  if (offset_bytes >= size_bytes()) return;
  length_bytes = std::min(length_bytes, size_bytes() - offset_bytes);
#ifdef POSIX_FADV_WILLNEED
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset_bytes),
                        static_cast<off_t>(length_bytes), POSIX_FADV_WILLNEED);
#elif defined(F_RDADVISE)
  struct radvisory advice;
  advice.ra_offset = static_cast<off_t>(offset_bytes);
  advice.ra_count =
      static_cast<int>(std::min<uint64_t>(length_bytes, std::numeric_limits<int>::max()));
  (void)::fcntl(descriptor_, F_RDADVISE, &advice);
#endif
}

Status File::ReadError(uint64_t offset_bytes, std::string cause) const {
  return Status(StatusCode::kIo, std::move(cause))
      .InArchive(path_)
      .AtOffset(static_cast<int64_t>(
          std::min<uint64_t>(offset_bytes, std::numeric_limits<int64_t>::max())));
}

}  // namespace fastinet
