#include "engine/block_cache.h"

#include <algorithm>
#include <new>
#include <utility>

namespace fastinet {
namespace {

// Positions that a block is read before the pace would have it there just in time: as many items as
// are in hand at once on a large machine.
constexpr int64_t kMargin = 64;

}  // namespace

BlockCache::BlockCache(const ItemTable& table, const BlockUses& uses, EngineStats& stats)
    : stats_(stats) {
  NumberBlocks(table, uses);
  FindLead();
}

BlockCache::~BlockCache() { stats_.block_bytes -= held_bytes_; }

/// Numbers the blocks by first use, and finds the bytes that the plan needs of each.
void BlockCache::NumberBlocks(const ItemTable& table, const BlockUses& uses) {
  of_position_.assign(uses.order.size(), kNoBlock);
  const auto most = uses.blocks.empty() ? int64_t{-1} : *std::ranges::max_element(uses.blocks);
  std::vector<int32_t> numbers(static_cast<size_t>(std::max<int64_t>(most, -1) + 1), kNoBlock);
  for (size_t position = 0; position < uses.blocks.size(); ++position) {
    if (uses.blocks[position] < 0 || uses.order[position] < 0) continue;
    const ItemLocation location = table.LocationOf(uses.order[position]);
    if (location.size_bytes > uses.max_item_bytes) continue;
    int32_t& number = numbers[static_cast<size_t>(uses.blocks[position])];
    if (number == kNoBlock) {
      number = static_cast<int32_t>(blocks_.size());
      Block& block = blocks_.emplace_back();
      block.source = location.archive->source.get();
      block.begin = location.offset_bytes;
      block.first_use = static_cast<int64_t>(position);
    }
    Block& block = blocks_[static_cast<size_t>(number)];
    block.begin = std::min(block.begin, location.offset_bytes);
    block.end = std::max(block.end, location.offset_bytes + location.size_bytes);
    ++block.uses_left;
    of_position_[position] = number;
  }
}

/// First uses crowd at the beginning of a window, since every block has several items in it.
/// Reading on an even pace instead, `lead` positions earlier, has every block there in time, and
/// keeps no more than half a window in reserve: with five items a block, the largest distance
/// between the share of blocks met (1 - (1 - y)^5) and the share y of the window passed is 0.54.
void BlockCache::FindLead() {
  for (size_t number = 0; number < blocks_.size(); ++number) {
    lead_ = std::max(lead_, PacedPosition(number) - blocks_[number].first_use);
  }
  lead_ += kMargin;
}

/// Where block `number` would be read on an even pace that ends with the plan, and leads by lead_.
int64_t BlockCache::PacedPosition(size_t number) const {
  const double share = static_cast<double>(number) / static_cast<double>(blocks_.size());
  return static_cast<int64_t>(share * static_cast<double>(of_position_.size())) - lead_;
}

BlockCache::Use::Use(BlockCache* cache, int64_t position) : cache_(cache) {
  has_block_ = cache != nullptr && cache->Enter(position, &number_);
}

BlockCache::Use::~Use() {
  if (has_block_) cache_->Leave(number_);
}

std::optional<Bytes> BlockCache::Use::Find(const ItemLocation& location) const {
  if (!has_block_) return std::nullopt;
  const Block& block = cache_->blocks_[number_];
  if (block.state != State::kRead) return std::nullopt;  // settled since Enter: no lock needed
  return Bytes(block.bytes.get(), block.size_bytes())
      .subspan(static_cast<size_t>(location.offset_bytes - block.begin),
               static_cast<size_t>(location.size_bytes));
}

bool BlockCache::Enter(int64_t position, size_t* number) {
  const int32_t found = of_position_[static_cast<size_t>(position)];
  if (found == kNoBlock) return false;
  *number = static_cast<size_t>(found);
  Block& block = blocks_[*number];
  bool absent = false;
  {
    std::unique_lock lock(mutex_);
    absent = block.state == State::kAbsent;
    if (absent) block.state = State::kReading;
    read_.wait(lock, [&] { return absent || block.state != State::kReading; });
  }
  // Reading ahead is for those who have the time: when an epoch begins, nobody has.
  if (absent) {
    Read(block);
  } else {
    ReadAhead(position);
  }
  return true;
}

void BlockCache::Leave(size_t number) {
  std::unique_ptr<uint8_t[]> freed;
  const std::lock_guard lock(mutex_);
  Block& block = blocks_[number];
  if (--block.uses_left > 0 || block.state != State::kRead) return;
  freed = std::move(block.bytes);
  held_bytes_ -= block.size_bytes();
  stats_.block_bytes -= block.size_bytes();
}

/// Reads one block ahead, if the pace has it due at `position`.
void BlockCache::ReadAhead(int64_t position) {
  Block* block = nullptr;
  {
    const std::lock_guard lock(mutex_);
    while (next_ahead_ < blocks_.size() && blocks_[next_ahead_].state != State::kAbsent) {
      ++next_ahead_;
    }
    if (next_ahead_ == blocks_.size() || PacedPosition(next_ahead_) > position) return;
    block = &blocks_[next_ahead_++];
    block->state = State::kReading;
  }
  Read(*block);
}

void BlockCache::Read(Block& block) {
  std::unique_ptr<uint8_t[]> bytes;
  bool good = false;
  try {
    bytes = std::make_unique_for_overwrite<uint8_t[]>(block.size_bytes());
    good = block.source->ReadAt(block.begin, {bytes.get(), block.size_bytes()}).ok();
    Count(stats_.Of(0).bytes_read, block.size_bytes());
  } catch (const std::bad_alloc&) {
    // Its items are read one by one, and their reader says so if that too is too much.
  }
  {
    const std::lock_guard lock(mutex_);
    block.state = good ? State::kRead : State::kUnreadable;
    if (good) {
      block.bytes = std::move(bytes);
      held_bytes_ += block.size_bytes();
      const uint64_t now = stats_.block_bytes += block.size_bytes();
      RaiseTo(stats_.block_bytes_peak, now);
    }
  }
  read_.notify_all();
}

}  // namespace fastinet
