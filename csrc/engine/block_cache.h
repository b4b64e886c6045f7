// Blocks of a blocked epoch in memory: read once, as wholes, before their items are needed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "columns/item_table.h"
#include "engine/stats.h"

namespace fastinet {

/// What the cache has to know of an epoch. Borrowed, and used at construction only.
struct BlockUses {
  std::span<const int64_t> order;   // item ids, or negative where there is none
  std::span<const int64_t> blocks;  // which block position p's item lies in; negative: in none
  uint64_t max_item_bytes = 0;      // larger items are refused by the reader anyway
};

/// Turns the many small reads of an epoch whose neighbours come close together into one large read
/// for each block: sequential for a disk, one pass for a decompressor.
///
/// A block is read when the first of its items is needed, or before: a worker whose block is
/// already in memory reads one block ahead if that block is due (see FindLead: blocks are read
/// evenly over the epoch). It is freed with the last item that the plan has in it. With windows of
/// W bytes at most two of them are in memory: what is left of one, and what is already there of the
/// next.
class BlockCache {
 public:
  /// `table` and `stats` must outlive the cache; the blocks of an order lie in one archive each.
  BlockCache(const ItemTable& table, const BlockUses& uses, EngineStats& stats);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// While it lives, the block of a position is in memory, if it could be read at all. There must
  /// be one for every position, and only one.
  class Use {
   public:
    /// Reads the block, or waits while another worker reads it. `cache` may be null: then Find
    /// returns nothing.
    Use(BlockCache* cache, int64_t position);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    /// The item's bytes, or nothing: then read them from the archive, which knows what is wrong.
    [[nodiscard]] std::optional<Bytes> Find(const ItemLocation& location) const;

   private:
    BlockCache* cache_;
    size_t number_ = 0;
    bool has_block_ = false;
  };

 private:
  enum class State : uint8_t { kAbsent, kReading, kRead, kUnreadable };

  struct Block {
    const Source* source = nullptr;
    uint64_t begin = 0, end = 0;  // in the archive [bytes]
    int64_t first_use = 0;        // position
    // Guarded by mutex_:
    int64_t uses_left = 0;
    State state = State::kAbsent;
    std::unique_ptr<uint8_t[]> bytes;

    size_t size_bytes() const { return static_cast<size_t>(end - begin); }
  };

  static constexpr int32_t kNoBlock = -1;

  void NumberBlocks(const ItemTable& table, const BlockUses& uses);
  void FindLead();
  int64_t PacedPosition(size_t number) const;

  [[nodiscard]] bool Enter(int64_t position, size_t* number);
  void Leave(size_t number);
  void ReadAhead(int64_t position);
  void Read(Block& block);

  EngineStats& stats_;
  std::vector<int32_t> of_position_;  // index into blocks_, or kNoBlock
  std::vector<Block> blocks_;         // by first use
  int64_t lead_ = 0;                  // [positions]; see FindLead

  std::mutex mutex_;
  std::condition_variable read_;  // a block has been read
  size_t next_ahead_ = 0;         // guarded by mutex_: blocks before have been begun
  uint64_t held_bytes_ = 0;       // guarded by mutex_
};

}  // namespace fastinet
