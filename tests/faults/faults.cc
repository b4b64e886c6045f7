// Calls of the C library that fail when a test says so: a library that is loaded before the others
// with LD_PRELOAD (Linux), and that tests/faults/injection.py builds and steers.
//
// A fault is of one kind of call. Calls that are about files count only for files below a folder
// that the test names, and allocations only where fastinet's own libraries, or those that it links,
// ask for memory: so it is fastinet that meets the fault, and not the interpreter around it.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#define EXPORTED extern "C" [[gnu::visibility("default")]]

// The system's own function of the name that this library's stands before.
#define REAL(name) Real<decltype(&::name)>(#name)

namespace {

/// One bit for each kind of call; injection.py has the same.
enum Kind : unsigned {
  kMemory = 1 << 0,
  kThread = 1 << 1,
  kOpen = 1 << 2,
  kStat = 1 << 3,
  kRead = 1 << 4,
  kWrite = 1 << 5,
  kSync = 1 << 6,
  kTruncate = 1 << 7,
  kName = 1 << 8,
  kLock = 1 << 9,
  kMap = 1 << 10,
  kList = 1 << 11,
  kPipe = 1 << 12,
  kClose = 1 << 13,
};

/// What becomes of a call that is to fail.
enum Way : int {
  kFail = 0,       // an errno
  kShort = 1,      // reads and writes move some bytes of those asked for
  kAlternate = 2,  // every second call has the errno, so that who tries again succeeds
  kKill = 3,       // the process is killed, in the middle of a write
};

struct Fault {
  std::atomic<unsigned> kinds = 0;
  std::atomic<int> way = kFail, error = 0;
  std::atomic<long> first = 0, end = 0;
  std::atomic<long> calls = 0;
  std::atomic<bool> pauses = false;
  std::atomic<long> room = -1;  // bytes that the disk still takes; -1: any number
  std::atomic<uint64_t> bad_begin = 0, bad_end = 0;  // of files that end in `bad_name`
};

Fault fault;
char folder[4096];
char bad_name[256];

template <class Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

/// Whether this call is one that is to fail.
bool Hit(Kind kind) {
  if ((fault.kinds & kind) == 0 || fault.pauses) return false;
  const long number = fault.calls++;
  if (number < fault.first || number >= fault.end) return false;
  if (fault.way == kAlternate) return number % 2 == 0;
  if (fault.way == kKill && kind != kWrite) ::kill(::getpid(), SIGKILL);
  return true;
}

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

// ------------------------------------------------------------------------------------------ memory

struct Range {
  uintptr_t begin, end;
};

constexpr size_t kRanges = 64;
Range ranges[kRanges];
std::atomic<size_t> range_count = 0;

/// Of fastinet, or linked by it and by nothing else that a test loads.
bool IsOwnLibrary(const char* path) {
  if (std::strstr(path, "/_native/_") != nullptr) return true;
  if (std::strstr(path, ".libs/") != nullptr) return false;  // of another package's wheel
  for (const char* name : {"/libjpeg.so", "/libpng16.so", "/libz.so", "/libstdc++.so"}) {
    if (std::strstr(path, name) != nullptr) return true;
  }
  return false;
}

int NoteLibrary(dl_phdr_info* info, size_t /*size*/, void* /*data*/) {
  if (!IsOwnLibrary(info->dlpi_name)) return 0;
  for (int i = 0; i < info->dlpi_phnum && range_count < kRanges; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    ranges[range_count] = {begin, begin + segment.p_memsz};
    ++range_count;
  }
  return 0;
}

constexpr size_t kExempt = 64;
Range exempt[kExempt];
std::atomic<size_t> exempt_count = 0;

bool IsOwn(void* caller) {
  const auto at = reinterpret_cast<uintptr_t>(caller);
  for (size_t i = 0; i < exempt_count; ++i) {
    if (at >= exempt[i].begin && at < exempt[i].end) return false;
  }
  for (size_t i = 0; i < range_count; ++i) {
    if (at >= ranges[i].begin && at < ranges[i].end) return true;
  }
  return false;
}

/// The blocks that fastinet has and has not given back: a table of their addresses.
class Blocks {
 public:
  void Add(void* block) {
    if (block == nullptr) return;
    const Guard guard(lock_);
    if (count_ > kSlots / 2) return;
    size_t at = Home(block);
    while (slots_[at] != nullptr) at = (at + 1) % kSlots;
    slots_[at] = block;
    ++count_;
  }

  void Remove(void* block) {
    if (block == nullptr || count_ == 0) return;
    const Guard guard(lock_);
    size_t at = Home(block);
    while (slots_[at] != block) {
      if (slots_[at] == nullptr) return;
      at = (at + 1) % kSlots;
    }
    --count_;
    // Those behind it come forward, where they may, so that every one is found from its home.
    for (size_t next = (at + 1) % kSlots; slots_[next] != nullptr; next = (next + 1) % kSlots) {
      const size_t home = Home(slots_[next]);
      const bool stays = at < next ? home > at && home <= next : home > at || home <= next;
      if (stays) continue;
      slots_[at] = slots_[next];
      at = next;
    }
    slots_[at] = nullptr;
  }

  long count() const { return count_; }

 private:
  struct Guard {
    explicit Guard(std::atomic_flag& flag) : flag_(flag) {
      while (flag_.test_and_set(std::memory_order_acquire)) {
      }
    }
    ~Guard() { flag_.clear(std::memory_order_release); }
    std::atomic_flag& flag_;
  };
  static constexpr size_t kSlots = size_t{1} << 20;
  static size_t Home(void* block) {
    return static_cast<size_t>((reinterpret_cast<uintptr_t>(block) >> 4) * 0x9E3779B97F4A7C15u >>
                               44);
  }

  std::atomic_flag lock_;
  std::atomic<long> count_ = 0;
  void* slots_[kSlots];
};

Blocks blocks;

// This thread is within an allocation of this library's: what that calls is not counted again.
[[gnu::tls_model("initial-exec")]] thread_local int inside = 0;

// dlsym may ask for memory before malloc is known.
alignas(16) char early[1 << 14];
std::atomic<size_t> early_used = 0;

void* Early(size_t size) {
  const size_t at = early_used.fetch_add((size + 15) / 16 * 16);
  return at + size <= sizeof(early) ? early + at : nullptr;
}

bool IsEarly(void* block) { return block >= early && block < early + sizeof(early); }

template <class Function>
Function Resolved(std::atomic<Function>& known, const char* name) {
  Function function = known;
  if (function == nullptr) {
    ++inside;
    known = function = Real<Function>(name);
    --inside;
  }
  return function;
}

/// What `allocate` gives, unless it is fastinet that asks and is to get nothing.
template <class Allocate>
void* Allocated(void* caller, Allocate allocate) {
  if (inside > 0 || !IsOwn(caller)) return allocate();
  if (Hit(kMemory)) {
    errno = ENOMEM;
    return nullptr;
  }
  ++inside;
  void* const block = allocate();
  --inside;
  blocks.Add(block);
  return block;
}

}  // namespace

#define CALLER __builtin_return_address(0)

EXPORTED void* malloc(size_t size) {
  static std::atomic<decltype(&::malloc)> known = nullptr;
  if (known == nullptr && inside > 0) return Early(size);
  const auto real = Resolved(known, "malloc");
  return Allocated(CALLER, [&] { return real(size); });
}

EXPORTED void* calloc(size_t count, size_t size) {
  static std::atomic<decltype(&::calloc)> known = nullptr;
  if (known == nullptr && inside > 0) return Early(count * size);  // it is zero
  const auto real = Resolved(known, "calloc");
  return Allocated(CALLER, [&] { return real(count, size); });
}

EXPORTED void free(void* block) {
  static std::atomic<decltype(&::free)> known = nullptr;
  if (block == nullptr || IsEarly(block)) return;
  blocks.Remove(block);
  Resolved(known, "free")(block);
}

EXPORTED void* realloc(void* block, size_t size) {
  static std::atomic<decltype(&::realloc)> known = nullptr;
  if (IsEarly(block)) {
    void* const moved = ::malloc(size);
    if (moved != nullptr) {
      const size_t there = static_cast<size_t>(early + sizeof(early) - static_cast<char*>(block));
      std::memcpy(moved, block, size < there ? size : there);
    }
    return moved;
  }
  const auto real = Resolved(known, "realloc");
  bool asked = false;
  void* const moved = Allocated(CALLER, [&] {
    asked = true;
    blocks.Remove(block);
    return real(block, size);
  });
  if (asked && moved == nullptr && size > 0) blocks.Add(block);
  return moved;
}

EXPORTED int posix_memalign(void** block, size_t alignment, size_t size) {
  static std::atomic<decltype(&::posix_memalign)> known = nullptr;
  const auto real = Resolved(known, "posix_memalign");
  int error = 0;
  void* const made = Allocated(CALLER, [&]() -> void* {
    void* out = nullptr;
    error = real(&out, alignment, size);
    return error == 0 ? out : nullptr;
  });
  if (made == nullptr) return error != 0 ? error : ENOMEM;
  *block = made;
  return 0;
}

EXPORTED void* aligned_alloc(size_t alignment, size_t size) {
  static std::atomic<decltype(&::aligned_alloc)> known = nullptr;
  const auto real = Resolved(known, "aligned_alloc");
  return Allocated(CALLER, [&] { return real(alignment, size); });
}

namespace {

void* New(void* caller, size_t size, size_t alignment) noexcept {
  static std::atomic<decltype(&::malloc)> known = nullptr;
  static std::atomic<decltype(&::aligned_alloc)> known_aligned = nullptr;
  const size_t wanted = size == 0 ? 1 : size;
  return Allocated(caller, [&] {
    if (alignment == 0) return Resolved(known, "malloc")(wanted);
    const size_t rounded = (wanted + alignment - 1) / alignment * alignment;
    return Resolved(known_aligned, "aligned_alloc")(alignment, rounded);
  });
}

void* OrThrow(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

#define REPLACEMENT [[gnu::visibility("default"), gnu::noinline]] void*

REPLACEMENT operator new(size_t size) { return OrThrow(New(CALLER, size, 0)); }
REPLACEMENT operator new[](size_t size) { return OrThrow(New(CALLER, size, 0)); }
REPLACEMENT operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return New(CALLER, size, 0);
}
REPLACEMENT operator new[](size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return New(CALLER, size, 0);
}
REPLACEMENT operator new(size_t size, std::align_val_t alignment) {
  return OrThrow(New(CALLER, size, static_cast<size_t>(alignment)));
}
REPLACEMENT operator new[](size_t size, std::align_val_t alignment) {
  return OrThrow(New(CALLER, size, static_cast<size_t>(alignment)));
}
REPLACEMENT operator new(size_t size, std::align_val_t a, const std::nothrow_t& /*tag*/) noexcept {
  return New(CALLER, size, static_cast<size_t>(a));
}
REPLACEMENT operator new[](size_t size, std::align_val_t a,
                           const std::nothrow_t& /*tag*/) noexcept {
  return New(CALLER, size, static_cast<size_t>(a));
}

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
int Opened(const char* path, Call call) {
  const Watch as = WatchOf(path);
  if (as != kOther && Fails(kOpen)) return -1;
  return Watched(call(), as);
}

mode_t ModeOf(int flags, va_list& arguments) {
  const bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return has_mode ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define OPEN(name)                                                \
  EXPORTED int name(const char* path, int flags, ...) {           \
    static const auto real = REAL(name);                          \
    va_list arguments;                                            \
    va_start(arguments, flags);                                   \
    const mode_t mode = ModeOf(flags, arguments);                 \
    va_end(arguments);                                            \
    return Opened(path, [&] { return real(path, flags, mode); }); \
  }
#define OPENAT(name)                                                  \
  EXPORTED int name(int at, const char* path, int flags, ...) {       \
    static const auto real = REAL(name);                              \
    va_list arguments;                                                \
    va_start(arguments, flags);                                       \
    const mode_t mode = ModeOf(flags, arguments);                     \
    va_end(arguments);                                                \
    return Opened(path, [&] { return real(at, path, flags, mode); }); \
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

// ----------------------------------------------------------------------------- folders,
// descriptors

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

// ------------------------------------------------------------------------------- what tests ask
// for

/// Calls count that are about files below `path`, an absolute path.
EXPORTED void faults_folder(const char* path) {
  std::strncpy(folder, path, sizeof(folder) - 1);
  range_count = 0;
  ::dl_iterate_phdr(&NoteLibrary, nullptr);
}

/// Allocations of the code from `begin` up to `end` do not count: of a library's within ours.
EXPORTED void faults_exempt(unsigned long begin, unsigned long end) {
  if (exempt_count < kExempt) exempt[exempt_count++] = {begin, end};
}

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

/// Blocks of memory that fastinet asked for and has not given back.
EXPORTED long faults_blocks() { return blocks.count(); }
