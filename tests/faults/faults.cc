// Calls of the C library that fail when a test says so: a library that is loaded before the others
// with LD_PRELOAD (Linux), and that tests/faults/injection.py builds and steers.
//
// A fault is of one kind of call. Calls that are about files count only for files below a folder
// that the test names, and allocations only where fastinet's own libraries, or those that it links,
// ask for memory (fault_memory.cc): so it is fastinet that meets the fault, and not the interpreter
// around it.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstring>

#include "fault_state.h"

Fault fault;

namespace {

/// What becomes of the world when its moment has come.
struct Change {
  char from[4096];  // a file that is renamed to `to`, or cut to `size` where that is empty
  char to[4096];
  long size;
  long clock_seconds;
};

Change change;

void MakeChange() {
  // By the system's own calls, which are not those that fail.
  if (change.to[0] != 0) {
    ::syscall(SYS_rename, change.from, change.to);
  } else if (change.from[0] != 0) {
    ::syscall(SYS_truncate, change.from, change.size);
  }
  fault.clock_seconds = change.clock_seconds;
}

void UndoChange() {
  if (change.to[0] != 0) ::syscall(SYS_rename, change.to, change.from);
  fault.clock_seconds = 0;
}

}  // namespace

bool Hit(Kind kind) {
  if ((fault.kinds & kind) == 0 || fault.pauses) return false;
  const long number = fault.calls++;
  if (fault.way == kChange) {
    if (number == fault.first) MakeChange();
    if (number == fault.end) UndoChange();
    return false;
  }
  if (number < fault.first || number >= fault.end) return false;
  if (fault.way == kAlternate) return number % 2 == 0;
  if (fault.way == kKill && kind != kWrite) ::kill(::getpid(), SIGKILL);
  return true;
}

namespace {

char folder[4096];
char bad_name[256];

bool Fails(Kind kind) {
  if (!Hit(kind)) return false;
  errno = fault.error;
  return true;
}

/// How many bytes a read or write that was hit moves.
size_t Cut(size_t count) {
  return count < 2 ? count : 1 + static_cast<size_t>(fault.calls) % 7 % (count - 1);
}

// ------------------------------------------------------------------------------------- descriptors

constexpr int kDescriptors = 1 << 16;
enum Watch : uint8_t { kOther = 0, kWatched = 1, kBad = 2 };
std::atomic<uint8_t> watch[kDescriptors];

Watch WatchOf(const char* path) {
  const size_t length = std::strlen(folder);
  if (length == 0 || path == nullptr || std::strncmp(path, folder, length) != 0) return kOther;
  const size_t name = std::strlen(bad_name), whole = std::strlen(path);
  const bool bad = name > 0 && whole >= name && std::strcmp(path + whole - name, bad_name) == 0;
  return bad ? kBad : kWatched;
}

bool IsWatched(int descriptor) {
  return descriptor >= 0 && descriptor < kDescriptors && watch[descriptor] != kOther;
}

int Watched(int descriptor, Watch as) {
  if (descriptor >= 0 && descriptor < kDescriptors) watch[descriptor] = as;
  return descriptor;
}

Watch Of(int descriptor) {
  return IsWatched(descriptor) ? static_cast<Watch>(watch[descriptor].load()) : kOther;
}

/// Whether a read of these bytes meets the bad ones of a disk.
bool MeetsBadBytes(int descriptor, uint64_t begin, size_t count) {
  if (Of(descriptor) != kBad || begin >= fault.bad_end || begin + count <= fault.bad_begin) {
    return false;
  }
  errno = EIO;
  return true;
}

}  // namespace

// ----------------------------------------------------------------------------------------- threads

EXPORTED int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                            void* (*function)(void*), void* argument) {
  static const auto real = REAL(pthread_create);
  if (Hit(kThread)) return EAGAIN;
  return real(thread, attributes, function, argument);
}

// ------------------------------------------------------------------------------------------- files

namespace {

template <class Call>
int Opened(const char* path, int flags, Call call) {
  const Watch as = WatchOf(path);
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  if (as != kOther && (Fails(kOpen) || (writes && Fails(kOpenToWrite)))) return -1;
  return Watched(call(), as);
}

mode_t ModeOf(int flags, va_list& arguments) {
  const bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return has_mode ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define OPEN(name)                                                       \
  EXPORTED int name(const char* path, int flags, ...) {                  \
    static const auto real = REAL(name);                                 \
    va_list arguments;                                                   \
    va_start(arguments, flags);                                          \
    const mode_t mode = ModeOf(flags, arguments);                        \
    va_end(arguments);                                                   \
    return Opened(path, flags, [&] { return real(path, flags, mode); }); \
  }
#define OPENAT(name)                                                         \
  EXPORTED int name(int at, const char* path, int flags, ...) {              \
    static const auto real = REAL(name);                                     \
    va_list arguments;                                                       \
    va_start(arguments, flags);                                              \
    const mode_t mode = ModeOf(flags, arguments);                            \
    va_end(arguments);                                                       \
    return Opened(path, flags, [&] { return real(at, path, flags, mode); }); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

// A call that gives -1 and errno where it fails, and is about a path or a descriptor.
#define OF_PATH(kind, result, name, parameters, path, arguments) \
  EXPORTED result name parameters noexcept {                     \
    static const auto real = REAL(name);                         \
    if (WatchOf(path) != kOther && Fails(kind)) return -1;       \
    return real arguments;                                       \
  }
#define OF_FILE(kind, result, name, parameters, descriptor, arguments, ...) \
  EXPORTED result name parameters __VA_ARGS__ {                             \
    static const auto real = REAL(name);                                    \
    if (IsWatched(descriptor) && Fails(kind)) return -1;                    \
    return real arguments;                                                  \
  }

OF_PATH(kStat, int, stat, (const char* path, struct stat* out), path, (path, out))
OF_PATH(kStat, int, stat64, (const char* path, struct stat64* out), path, (path, out))
OF_PATH(kStat, int, lstat, (const char* path, struct stat* out), path, (path, out))
OF_PATH(kStat, int, lstat64, (const char* path, struct stat64* out), path, (path, out))
OF_PATH(kStat, int, fstatat, (int at, const char* path, struct stat* out, int flags), path,
        (at, path, out, flags))
OF_PATH(kStat, int, fstatat64, (int at, const char* path, struct stat64* out, int flags), path,
        (at, path, out, flags))
OF_FILE(kStat, int, fstat, (int file, struct stat* out), file, (file, out), noexcept)
OF_FILE(kStat, int, fstat64, (int file, struct stat64* out), file, (file, out), noexcept)
OF_PATH(kStat, ssize_t, readlink, (const char* path, char* out, size_t size), path,
        (path, out, size))
OF_FILE(kSync, int, fsync, (int file), file, (file))
OF_FILE(kSync, int, fdatasync, (int file), file, (file))
OF_FILE(kTruncate, int, ftruncate, (int file, off_t size), file, (file, size), noexcept)
OF_FILE(kTruncate, int, ftruncate64, (int file, off64_t size), file, (file, size), noexcept)
OF_FILE(kName, int, fchmod, (int file, mode_t mode), file, (file, mode), noexcept)
OF_PATH(kName, int, rename, (const char* from, const char* to), to, (from, to))
OF_PATH(kName, int, link, (const char* from, const char* to), to, (from, to))
OF_PATH(kName, int, unlink, (const char* path), path, (path))
OF_PATH(kName, int, mkdir, (const char* path, mode_t mode), path, (path, mode))
OF_FILE(kLock, int, flock, (int file, int operation), file, (file, operation), noexcept)

namespace {

template <class Call>
ssize_t ReadBy(int file, size_t size, Call call) {
  if (IsWatched(file) && Hit(kRead)) {
    if (fault.way != kShort) {
      errno = fault.error;
      return -1;
    }
    size = Cut(size);
  }
  return call(size);
}

/// `call(size)` writes so many bytes.
template <class Call>
ssize_t WriteBy(int file, size_t size, Call call) {
  if (!IsWatched(file)) return call(size);
  if (fault.room >= 0) {
    const long room = fault.room;
    if (room == 0 && size > 0) {
      errno = ENOSPC;
      return -1;
    }
    size = size < static_cast<size_t>(room) ? size : static_cast<size_t>(room);
    fault.room = room - static_cast<long>(size);
  }
  if (Hit(kWrite)) {
    if (fault.way == kKill) {
      (void)call(size / 2);
      ::kill(::getpid(), SIGKILL);
    }
    if (fault.way != kShort) {
      errno = fault.error;
      return -1;
    }
    size = Cut(size);
  }
  return call(size);
}

}  // namespace

EXPORTED ssize_t read(int file, void* out, size_t size) {
  static const auto real = REAL(read);
  if (Of(file) == kBad &&
      MeetsBadBytes(file, static_cast<uint64_t>(::lseek(file, 0, SEEK_CUR)), size)) {
    return -1;
  }
  return ReadBy(file, size, [&](size_t count) { return real(file, out, count); });
}

#define PREAD(name, offset_type)                                                             \
  EXPORTED ssize_t name(int file, void* out, size_t size, offset_type offset) {              \
    static const auto real = REAL(name);                                                     \
    if (MeetsBadBytes(file, static_cast<uint64_t>(offset), size)) return -1;                 \
    return ReadBy(file, size, [&](size_t count) { return real(file, out, count, offset); }); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

EXPORTED ssize_t write(int file, const void* from, size_t size) {
  static const auto real = REAL(write);
  return WriteBy(file, size, [&](size_t count) { return real(file, from, count); });
}

#define PWRITE(name, offset_type)                                                              \
  EXPORTED ssize_t name(int file, const void* from, size_t size, offset_type offset) {         \
    static const auto real = REAL(name);                                                       \
    return WriteBy(file, size, [&](size_t count) { return real(file, from, count, offset); }); \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define MMAP(name, offset_type)                                               \
  EXPORTED void* name(void* at, size_t size, int rights, int flags, int file, \
                      offset_type offset) noexcept {                          \
    static const auto real = REAL(name);                                      \
    if (IsWatched(file) && Fails(kMap)) return MAP_FAILED;                    \
    return real(at, size, rights, flags, file, offset);                       \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

// --------------------------------------------------------------------------- folders, descriptors

EXPORTED DIR* opendir(const char* path) {
  static const auto real = REAL(opendir);
  const Watch as = WatchOf(path);
  if (as != kOther && Fails(kList)) return nullptr;
  DIR* const opened = real(path);
  if (opened != nullptr) Watched(::dirfd(opened), as);
  return opened;
}

EXPORTED dirent64* readdir64(DIR* opened) {
  static const auto real = REAL(readdir64);
  if (IsWatched(::dirfd(opened)) && Fails(kList)) return nullptr;
  return real(opened);
}

EXPORTED int closedir(DIR* opened) {
  static const auto real = REAL(closedir);
  Watched(::dirfd(opened), kOther);
  return real(opened);
}

EXPORTED int close(int file) {
  static const auto real = REAL(close);
  const bool watched = IsWatched(file);
  Watched(file, kOther);
  const int result = real(file);
  if (watched && result == 0 && Fails(kClose)) return -1;  // it is closed all the same
  return result;
}

namespace {

template <class Call>
int Controlled(int file, int command, void* argument, Call call) {
  if (IsWatched(file)) {
    const bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    const bool locks = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK;
    if (duplicates && Fails(kPipe)) return -1;
    if (locks && Fails(kLock)) return -1;
    const int result = call(argument);
    return duplicates ? Watched(result, Of(file)) : result;
  }
  return call(argument);
}

}  // namespace

#define FCNTL(name)                                                                                \
  EXPORTED int name(int file, int command, ...) {                                                  \
    static const auto real = REAL(name);                                                           \
    va_list arguments;                                                                             \
    va_start(arguments, command);                                                                  \
    void* const argument = va_arg(arguments, void*);                                               \
    va_end(arguments);                                                                             \
    return Controlled(file, command, argument, [&](void* it) { return real(file, command, it); }); \
  }
FCNTL(fcntl)
FCNTL(fcntl64)

EXPORTED int pipe(int* ends) noexcept {
  static const auto real = REAL(pipe);
  return Fails(kPipe) ? -1 : real(ends);
}

EXPORTED int pipe2(int* ends, int flags) noexcept {
  static const auto real = REAL(pipe2);
  return Fails(kPipe) ? -1 : real(ends, flags);
}

EXPORTED int poll(pollfd* watched, nfds_t count, int patience) {
  static const auto real = REAL(poll);
  for (nfds_t i = 0; i < count; ++i) {
    if (IsWatched(watched[i].fd) && Fails(kPipe)) return -1;
  }
  return real(watched, count, patience);
}

// ------------------------------------------------------------------------------- the clock of the
// day

EXPORTED int clock_gettime(clockid_t clock, timespec* out) noexcept {
  static const auto real = REAL(clock_gettime);
  const int result = real(clock, out);
  if (result == 0 && clock == CLOCK_REALTIME) out->tv_sec += fault.clock_seconds;
  return result;
}

EXPORTED time_t time(time_t* out) noexcept {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

// ----------------------------------------------------------------------------- what tests ask for

/// Calls count that are about files below `path`, an absolute path.
EXPORTED void faults_folder(const char* path) { std::strncpy(folder, path, sizeof(folder) - 1); }

/// Calls about this descriptor count, too.
EXPORTED void faults_watch(int descriptor) { Watched(descriptor, kWatched); }

/// The calls of these kinds with the numbers from `first` up to `end`, counted from now, fail.
EXPORTED void faults_begin(unsigned kinds, long first, long end, int way, int error) {
  fault.kinds = 0;
  fault.calls = 0;
  fault.first = first;
  fault.end = end;
  fault.way = way;
  fault.error = error;
  fault.kinds = kinds;
}

/// No call fails any more. How many calls of the kinds there were.
EXPORTED long faults_end() {
  fault.kinds = 0;
  return fault.calls;
}

/// Whether calls neither fail nor count for a while: those of the test itself.
EXPORTED void faults_pause(int pauses) { fault.pauses = pauses != 0; }

/// The disk takes so many more bytes; -1: any number.
EXPORTED void faults_room(long bytes) { fault.room = bytes; }
EXPORTED long faults_room_left() { return fault.room; }

/// Reads of these bytes fail, of files whose path ends in `name`.
EXPORTED void faults_bad_bytes(const char* name, unsigned long begin, unsigned long end) {
  std::strncpy(bad_name, name, sizeof(bad_name) - 1);
  fault.bad_begin = begin;
  fault.bad_end = end;
}

/// At the first call of a kChange `from` is renamed to `to`, or cut to `size` bytes where `to` is
/// "", and the clock of the day jumps; at the last it is renamed back, and the clock jumps back.
/// From this call on until then the clock is right.
EXPORTED void faults_change(const char* from, const char* to, long size, long clock_seconds) {
  std::strncpy(change.from, from, sizeof(change.from) - 1);
  std::strncpy(change.to, to, sizeof(change.to) - 1);
  change.size = size;
  change.clock_seconds = clock_seconds;
  fault.clock_seconds = 0;
}
