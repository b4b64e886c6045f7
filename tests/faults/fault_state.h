// What the files of the library of faults share: which calls are to fail now (see faults.cc).
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <cstdint>

#define EXPORTED extern "C" [[gnu::visibility("default")]]

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
  kOpenToWrite = 1 << 14,  // opens that are no kOpen's where that is asked for, too
};

/// What becomes of a call that is to fail.
enum Way : int {
  kFail = 0,       // an errno
  kShort = 1,      // reads and writes move some bytes of those asked for
  kAlternate = 2,  // every second call has the errno, so that who tries again succeeds
  kKill = 3,       // the process is killed, in the middle of a write
  kChange = 4,     // none fails: at the first, the world around changes (faults_change)
};

struct Fault {
  std::atomic<unsigned> kinds = 0;
  std::atomic<int> way = kFail, error = 0;
  std::atomic<long> first = 0, end = 0;
  std::atomic<long> calls = 0;
  std::atomic<bool> pauses = false;
  std::atomic<long> room = -1;             // bytes that the disk still takes; -1: any number
  std::atomic<int64_t> clock_seconds = 0;  // by which the clock of the day is wrong
  std::atomic<uint64_t> bad_begin = 0, bad_end = 0;  // of files that end in `bad_name`
};

extern Fault fault;

template <class Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// The system's own function of the name that this library's stands before.
#define REAL(name) Real<decltype(&::name)>(#name)

/// Whether this call is one that is to fail.
bool Hit(Kind kind);
