// Allocations that fail when a test says so, and the blocks that were not given back (see
// faults.cc).
//
// Only those count that fastinet's own libraries ask for, or those that it links.
#include <link.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "fault_state.h"

namespace {

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
    if (count_ > static_cast<long>(kSlots / 2)) return;
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

// As decltype has them, but without attributes, which arguments of templates do not keep.
using Malloc = void* (*)(size_t);
using Calloc = void* (*)(size_t, size_t);
using Free = void (*)(void*);
using Realloc = void* (*)(void*, size_t);
using PosixMemalign = int (*)(void**, size_t, size_t);
using AlignedAlloc = void* (*)(size_t, size_t);

#define CALLER __builtin_return_address(0)

EXPORTED void* malloc(size_t size) {
  static std::atomic<Malloc> known = nullptr;
  if (known == nullptr && inside > 0) return Early(size);
  const auto real = Resolved(known, "malloc");
  return Allocated(CALLER, [&] { return real(size); });
}

EXPORTED void* calloc(size_t count, size_t size) {
  static std::atomic<Calloc> known = nullptr;
  if (known == nullptr && inside > 0) return Early(count * size);  // it is zero
  const auto real = Resolved(known, "calloc");
  return Allocated(CALLER, [&] { return real(count, size); });
}

EXPORTED void free(void* block) {
  static std::atomic<Free> known = nullptr;
  if (block == nullptr || IsEarly(block)) return;
  blocks.Remove(block);
  Resolved(known, "free")(block);
}

EXPORTED void* realloc(void* block, size_t size) {
  static std::atomic<Realloc> known = nullptr;
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
  static std::atomic<PosixMemalign> known = nullptr;
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
  static std::atomic<AlignedAlloc> known = nullptr;
  const auto real = Resolved(known, "aligned_alloc");
  return Allocated(CALLER, [&] { return real(alignment, size); });
}

namespace {

void* New(void* caller, size_t size, size_t alignment) noexcept {
  static std::atomic<Malloc> known = nullptr;
  static std::atomic<AlignedAlloc> known_aligned = nullptr;
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

/// Allocations of the libraries count that are loaded now.
EXPORTED void faults_libraries() {
  range_count = 0;
  ::dl_iterate_phdr(&NoteLibrary, nullptr);
}

/// Allocations of the code from `begin` up to `end` do not count: of a library's within ours.
EXPORTED void faults_exempt(unsigned long begin, unsigned long end) {
  if (exempt_count < kExempt) exempt[exempt_count++] = {begin, end};
}

/// Blocks of memory that fastinet asked for and has not given back.
EXPORTED long faults_blocks() { return blocks.count(); }
