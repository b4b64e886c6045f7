#include "engine/slots.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "base/checked.h"

namespace fastinet {
namespace {

// A cache line, and what the widest vector stores want.
constexpr size_t kAlignment = 64;
// Pages of 2 MiB, where the system has them, make a slot's first use some 500 times fewer faults.
constexpr size_t kHugePage = size_t{2} << 20;

// More than any machine has, and as much as the sanitizers' allocators can be asked for.
constexpr size_t kMaxSlotBytes = size_t{1} << 40;

uint8_t* AllocatePixels(size_t size_bytes) {
  const size_t alignment = size_bytes >= kHugePage ? kHugePage : kAlignment;
  const auto padded = CheckedRoundUp<size_t>(size_bytes, alignment);
  if (!padded) return nullptr;
  void* memory = std::aligned_alloc(alignment, *padded);
#ifdef __linux__
  if (memory != nullptr && alignment == kHugePage) {
    (void)::madvise(memory, *padded, MADV_HUGEPAGE);  // a hint; without it all is well too
  }
#endif
  return static_cast<uint8_t*>(memory);
}

Status NoMemory(const SlotShape& shape) {
  return TooLarge("no memory for a batch of " + std::to_string(shape.rows) + " rows of " +
                  std::to_string(shape.row_bytes) +
                  " bytes; use a smaller batch_size, size or prefetch");
}

}  // namespace

Slot::Slot(const SlotShape& shape) : shape_(shape) {
  const auto rows = static_cast<size_t>(shape.rows);
  items.resize(rows);
  labels.resize(rows);
  valid.resize(rows);
  image_sizes.resize(rows);
  boxes.resize(rows * static_cast<size_t>(shape.views));
  flips.resize(rows * static_cast<size_t>(shape.views));
  soft_labels.resize(rows * static_cast<size_t>(shape.views * shape.soft_label_classes));
}

Slot::~Slot() {
  if (owner_ == nullptr) std::free(pixels_);
}

Result<std::unique_ptr<Slot>> Slot::Allocate(const SlotShape& shape) {
  const auto size_bytes = CheckedMul<size_t>(static_cast<size_t>(shape.rows), shape.row_bytes);
  if (shape.rows <= 0 || shape.row_bytes == 0 || !size_bytes || *size_bytes > kMaxSlotBytes) {
    return NoMemory(shape);
  }
  try {
    std::unique_ptr<Slot> slot(new Slot(shape));
    slot->pixels_ = AllocatePixels(*size_bytes);
    if (slot->pixels_ == nullptr) return NoMemory(shape);
    return slot;
  } catch (const std::bad_alloc&) {
    return NoMemory(shape);
  }
}

Result<std::unique_ptr<Slot>> Slot::Wrap(const SlotShape& shape, ExternalRows rows) {
  const auto size_bytes = CheckedMul<size_t>(static_cast<size_t>(shape.rows), shape.row_bytes);
  if (!size_bytes || rows.bytes.size() < *size_bytes) {
    return InvalidArgument("a buffer of " + std::to_string(rows.bytes.size()) +
                           " bytes is too small for a batch of " + std::to_string(shape.rows) +
                           " rows of " + std::to_string(shape.row_bytes) + " bytes");
  }
  std::unique_ptr<Slot> slot(new Slot(shape));
  slot->pixels_ = rows.bytes.data();
  slot->owner_ = std::move(rows.owner);
  return slot;
}

SlotPool::SlotPool(const SlotShape& shape, int64_t kept_slots)
    : shape_(shape), kept_slots_(kept_slots), owner_process_(getpid()) {
  free_.reserve(static_cast<size_t>(kept_slots));  // so that Return cannot fail
}

std::shared_ptr<SlotPool> SlotPool::Make(const SlotShape& shape, int64_t kept_slots) {
  return std::shared_ptr<SlotPool>(new SlotPool(shape, kept_slots));
}

Result<std::shared_ptr<SlotPool>> SlotPool::Wrap(const SlotShape& shape,
                                                 std::vector<ExternalRows> rows) {
  const auto count = static_cast<int64_t>(rows.size());
  std::shared_ptr<SlotPool> pool = Make(shape, count);
  pool->fixed_ = true;
  pool->allocated_ = count;
  for (ExternalRows& external : rows) {
    FASTINET_ASSIGN_OR_RETURN(std::unique_ptr<Slot> slot, Slot::Wrap(shape, std::move(external)));
    pool->free_.push_back(std::move(slot));
  }
  return pool;
}

Result<std::shared_ptr<Slot>> SlotPool::Lease(size_t row_bytes) {
  if (row_bytes > shape_.row_bytes) return InvalidArgument("the slots' rows are too short");
  std::unique_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      slot = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (slot == nullptr && fixed_) {
    return TooLarge("all " + std::to_string(kept_slots_) +
                    " buffers of out= are in use; bring more, or let go of batches sooner");
  }
  if (slot == nullptr) {
    FASTINET_ASSIGN_OR_RETURN(slot, Slot::Allocate(shape_));
    if (++allocated_ > kept_slots_) ++extra_;
  }
  slot->SetRowBytes(row_bytes);
  ++leased_;
  return std::shared_ptr<Slot>(slot.release(), [pool = shared_from_this()](Slot* returned) {
    pool->Return(std::unique_ptr<Slot>(returned));
  });
}

void SlotPool::Return(std::unique_ptr<Slot> slot) {
  // A forked child has its own copy of the slot, but perhaps a lock that a thread of its parent
  // held at the fork and that nobody will open: it frees the slot instead.
  if (getpid() != owner_process_) return;
  --leased_;
  const std::lock_guard lock(mutex_);
  if (static_cast<int64_t>(free_.size()) < kept_slots_) {
    free_.push_back(std::move(slot));
  } else {
    --allocated_;
  }
}

}  // namespace fastinet
