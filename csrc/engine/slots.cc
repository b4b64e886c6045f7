#include "engine/slots.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
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

/// Size of a group's array [bytes]; nothing when it does not fit.
std::optional<size_t> GroupBytes(const SlotShape& shape, const GroupShape& group) {
  const auto views =
      CheckedMul<size_t>(static_cast<size_t>(shape.rows), static_cast<size_t>(group.views));
  return views ? CheckedMul<size_t>(*views, group.view_bytes) : std::nullopt;
}

/// Where in a slot's memory each group begins, and at last where it ends [bytes]; nothing when that
/// is no size, or there is nothing in a group.
std::optional<std::vector<size_t>> GroupOffsets(const SlotShape& shape) {
  if (shape.rows <= 0 || shape.groups.empty()) return std::nullopt;
  std::vector<size_t> offsets = {0};
  for (const GroupShape& group : shape.groups) {
    const auto start = CheckedRoundUp<size_t>(offsets.back(), kAlignment);
    const auto bytes = GroupBytes(shape, group);
    const auto end = start && bytes ? CheckedAdd<size_t>(*start, *bytes) : std::nullopt;
    if (!end || *bytes == 0 || *end > kMaxSlotBytes) return std::nullopt;
    offsets.back() = *start;
    offsets.push_back(*end);
  }
  return offsets;
}

/// That there is no room for the shape: more than there may be, or more than the system has.
Status NoMemory(StatusCode code, const SlotShape& shape) {
  std::string bytes;
  for (const GroupShape& group : shape.groups) {
    bytes += (bytes.empty() ? "" : " + ") + std::to_string(group.row_bytes());
  }
  return {code, "no memory for a batch of " + std::to_string(shape.rows) + " rows of " + bytes +
                    " bytes; use a smaller batch_size, size or prefetch"};
}

}  // namespace

int64_t SlotShape::views() const {
  return std::accumulate(groups.begin(), groups.end(), int64_t{0},
                         [](int64_t sum, const GroupShape& group) { return sum + group.views; });
}

bool SlotShape::HasRoomFor(const SlotShape& other) const {
  return std::ranges::equal(groups, other.groups, [](const GroupShape& a, const GroupShape& b) {
    return a.views == b.views && a.view_bytes >= b.view_bytes;
  });
}

Slot::Slot(const SlotShape& shape) : shape_(shape) {
  const auto rows = static_cast<size_t>(shape.rows);
  items.resize(rows);
  copies.resize(rows);
  labels.resize(rows);
  valid.resize(rows);
  image_sizes.resize(rows);
  const size_t views = rows * static_cast<size_t>(shape.views());
  boxes.resize(views);
  flips.resize(views);
  vflips.resize(views);
  windows.resize(views);
  interpolations.resize(views);
  soft_labels.resize(views * static_cast<size_t>(shape.soft_label_classes));
  erased.resize(views * static_cast<size_t>(shape.erased_boxes));
  if (shape.keeps_noise) noise.resize(views);
  if (shape.has_steps) steps.resize(views);
  if (shape.has_lighting) colour_shifts.resize(views);
  pixels_.reserve(shape.groups.size());
}

Slot::~Slot() { std::free(memory_); }

void Slot::SetViewBytes(const SlotShape& shape) {
  for (size_t group = 0; group < shape_.groups.size(); ++group) {
    shape_.groups[group].view_bytes = shape.groups[group].view_bytes;
  }
}

void Slot::ViewsOfRow(int64_t j, std::vector<MutableBytes>& views) {
  views.clear();
  for (size_t group = 0; group < shape_.groups.size(); ++group) {
    const MutableBytes row = Row(group, j);
    const size_t view_bytes = shape_.groups[group].view_bytes;
    for (size_t start = 0; start < row.size(); start += view_bytes) {
      views.push_back(row.subspan(start, view_bytes));
    }
  }
}

Result<std::unique_ptr<Slot>> Slot::Allocate(const SlotShape& shape) {
  try {
    const auto offsets = GroupOffsets(shape);
    if (!offsets) return NoMemory(StatusCode::kTooLarge, shape);
    std::unique_ptr<Slot> slot(new Slot(shape));
    slot->memory_ = AllocatePixels(offsets->back());
    if (slot->memory_ == nullptr) return NoMemory(StatusCode::kOutOfMemory, shape);
    for (size_t group = 0; group < shape.groups.size(); ++group) {
      slot->pixels_.push_back(slot->memory_ + (*offsets)[group]);
    }
    return slot;
  } catch (const std::bad_alloc&) {
    return NoMemory(StatusCode::kOutOfMemory, shape);
  }
}

Result<std::unique_ptr<Slot>> Slot::Wrap(const SlotShape& shape, ExternalRows rows) {
  if (rows.groups.size() != shape.groups.size()) {
    return InvalidArgument(std::to_string(rows.groups.size()) + " buffers for the " +
                           std::to_string(shape.groups.size()) + " groups of views");
  }
  std::unique_ptr<Slot> slot(new Slot(shape));
  for (size_t group = 0; group < shape.groups.size(); ++group) {
    const MutableBytes buffer = rows.groups[group];
    const auto size_bytes = GroupBytes(shape, shape.groups[group]);
    if (!size_bytes || buffer.size() < *size_bytes) {
      return InvalidArgument("a buffer of " + std::to_string(buffer.size()) +
                             " bytes is too small for a batch of " + std::to_string(shape.rows) +
                             " rows of " + std::to_string(shape.groups[group].row_bytes()) +
                             " bytes");
    }
    slot->pixels_.push_back(buffer.data());
  }
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

Result<std::shared_ptr<Slot>> SlotPool::Lease(const SlotShape& shape) {
  if (!shape_.HasRoomFor(shape)) return InvalidArgument("the slots' rows are too short");
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
  slot->SetViewBytes(shape);
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
  {
    const std::lock_guard lock(mutex_);
    if (static_cast<int64_t>(free_.size()) < kept_slots_) {
      free_.push_back(std::move(slot));
      return;
    }
  }
  --allocated_;
  // The slot ends here, and not under the lock: whoever owns its memory may come back to the pool.
}

}  // namespace fastinet
