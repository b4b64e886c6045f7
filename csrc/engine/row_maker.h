// From a position of the plan to a finished row of a slot: read, render, label; or say why not.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "columns/item_table.h"
#include "engine/block_cache.h"
#include "engine/plan.h"
#include "engine/slots.h"
#include "engine/stats.h"
#include "engine/worker.h"
#include "item/item_bytes.h"

namespace fastinet {

/// What became of a position of the plan.
struct MadeRow {
  Status failure;                        // of the plan's item; ok where the row shows that
  int64_t replacement = kNoReplacement;  // id of the item that the row shows in its place
};

/// Makes the rows of one epoch, for any number of workers at once and in any order. It knows
/// neither batches nor who waits for them.
class RowMaker {
 public:
  /// All four are borrowed, and must have passed CheckEpoch. Fails like a constructor, by
  /// std::bad_alloc.
  RowMaker(const ItemTable& table, const EpochPlan& plan, const EpochOptions& options,
           EngineStats& stats);
  RowMaker(const ItemTable& table, const EpochPlan& plan, EpochOptions&& options,
           EngineStats& stats) = delete;  // they would be gone with the statement

  /// Makes the row of the item at `position`: images, label, soft labels, and all else that the
  /// slot has of it. Where there is no item the row is padding, which cannot fail.
  ///
  /// Where the item gives no row, the failure has archive and offset; running out of memory is such
  /// a failure too. With kReplace the row is then, all of it, the one that another item has in this
  /// epoch. Without, or where none was found, it is zero, not valid and without label.
  MadeRow MakeRow(Worker& worker, int64_t position, Slot& slot, int64_t row) const noexcept;

  /// Hints at the items that will be needed some positions after `position`, so that they are in
  /// memory by then. To be called once for each position, in about their order. Where there is no
  /// memory for it, the hint is left out.
  void ReadAhead(int64_t position) const noexcept;

  /// Lets go of the blocks that are in memory. No row can be made afterwards.
  void DropBlocks() { blocks_.reset(); }

 private:
  static constexpr int64_t kNoPosition = -1;

  /// What a row shows.
  struct Shown {
    int64_t item = kPaddingItem;
    int32_t copy = 0;
    size_t spec = 0;                 // number of the EpochOptions::Spec that its batch has
    int64_t position = kNoPosition;  // in the plan, where the item lies in a block; or kNoPosition
  };

  void PrefetchItem(int64_t item) const;
  Status MakeRowOf(Worker& worker, const Shown& shown, Slot& slot, int64_t row) const noexcept;
  MadeRow Replace(Worker& worker, const Shown& bad, Status failure, Slot& slot,
                  int64_t row) const noexcept;
  Result<Size> MakeImages(Worker& worker, const Shown& shown, const ItemLocation& location,
                          const DrawnViews& drawn) const;
  Result<Size> RenderCounted(Worker& worker, ItemBytes& bytes, const ItemHints& hints,
                             const Shown& shown, const DrawnViews& drawn) const;
  WorkerCounters& CountersOf(const Worker& worker) const { return stats_.Of(worker.number); }

  const ItemTable& table_;
  const EpochPlan& plan_;
  const EpochOptions& options_;
  EngineStats& stats_;
  std::unique_ptr<BlockCache> blocks_;  // when the plan has blocks
};

}  // namespace fastinet
