// What an epoch is to do: which items in which order, how they become rows, and whether that fits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/checked.h"
#include "base/status.h"
#include "columns/item_table.h"
#include "columns/object_table.h"
#include "columns/soft_labels.h"
#include "engine/ready_signal.h"
#include "engine/slots.h"
#include "item/item.h"

namespace fastinet {

/// What to do with an item that gives no row.
enum class OnError : uint8_t {
  kRaise,    // Next() fails in place of the batch
  kMask,     // the row is zero and not valid, and has no label; the batch says why
  kReplace,  // the row is that of another item, see Replacements; the batch says which, and why
};

/// How many items are tried in the place of one that gives no row. Where a tenth of all is damaged,
/// none of so many gives a row once in 10^32 times; where none gives one, more is wrong than a few
/// items.
inline constexpr uint64_t kMostReplacements = 32;

/// Stands where a row shows the item of the plan, or none at all.
inline constexpr int64_t kNoReplacement = -1;

/// Stands in a plan where there is no item: its row is zero, not valid, and no failure. So the last
/// batch can have as many rows as the others.
inline constexpr int64_t kPaddingItem = -1;

/// The copy of a row that shows no item.
inline constexpr int32_t kPaddingCopy = -1;

/// The label of an item that has none, and of a row that shows no item.
inline constexpr int64_t kNoLabel = -1;

/// Which items, in which order, under which random numbers. The columns are borrowed.
///
/// An item's *plan position* is its index in `order`, and position for short in this folder.
/// Position p is row p % batch_size of batch p / batch_size. It counts this rank's rows from the
/// start of this run. It is not the epoch position of Python's states, an index into the order of
/// all ranks: `Loader._order` has picked this rank's share, and `EpochTracker` translates back.
struct EpochPlan {
  std::span<const int64_t> order;  // items of the table, or kPaddingItem
  // Which block each position's item lies in, see BlockUses; empty: items are read one by one.
  std::span<const int64_t> blocks = {};
  // Which copy of its item each position shows, from 0 on: copies differ in all that is drawn.
  // Empty: all show the first.
  std::span<const uint16_t> copies = {};
  int64_t batch_size = 0;
  uint64_t seed = 0;
  /// Tells runs apart that show the same items and are to draw other boxes, flips and steps for
  /// them: all that is drawn for a row is drawn under seed ^ draws, which item is shown under seed.
  uint64_t draws = 0;
  uint32_t epoch = 0;
  /// numbers[i] is the item id that Python sees for item i of the table, in batches and in
  /// augmentation keys. They differ in streams, whose table holds one batch. Empty: i itself.
  std::span<const int64_t> numbers = {};
  /// The label of each item of the table, passed on to the batches. Empty: none has one.
  std::span<const int64_t> labels = {};
  /// Which EpochOptions::Spec each batch has, so that one batch can have larger rows than another.
  /// Empty: all have number 0.
  std::span<const uint8_t> spec_of_batch = {};

  int64_t size() const { return static_cast<int64_t>(order.size()); }
  int64_t batches() const { return CeilDiv(size(), batch_size); }
  /// The item at `position`, or kPaddingItem.
  int64_t ItemAt(int64_t position) const { return order[static_cast<size_t>(position)]; }
  /// Which copy of it.
  int32_t CopyAt(int64_t position) const {
    return copies.empty() ? 0 : copies[static_cast<size_t>(position)];
  }
  int64_t NumberOf(int64_t item) const {
    return numbers.empty() ? item : numbers[static_cast<size_t>(item)];
  }
  int64_t LabelOf(int64_t item) const {
    return labels.empty() ? kNoLabel : labels[static_cast<size_t>(item)];
  }
  size_t SpecOf(int64_t batch) const {
    return spec_of_batch.empty() ? 0 : spec_of_batch[static_cast<size_t>(batch)];
  }
  /// Rows of batch `batch`: all but the last are full.
  int64_t RowsOf(int64_t batch) const { return std::min(batch_size, size() - batch * batch_size); }
};

/// How the items of a plan become rows, and how far ahead of the consumer.
struct EpochOptions {
  ItemSpec spec;
  OnError on_error = OnError::kRaise;
  int64_t prefetch_batches = 2;  // how many batches may be under way or ready
  // False for the epoch runs inside a StreamRun, which counts the waiting itself.
  bool count_waiting = true;
  ObjectTable objects = {};  // in the items' images; empty where nothing is annotated
  const SoftLabels* soft_labels = nullptr;  // to be made beside the images; borrowed
  std::vector<ItemSpec> other_specs = {};   // which differ from `spec` in the sizes of rows alone

  /// `spec` is number 0, `other_specs` are the next ones.
  const ItemSpec& Spec(size_t number) const { return number == 0 ? spec : other_specs[number - 1]; }
  // Of the StreamRun that an epoch run is inside; others have one of their own.
  std::shared_ptr<ReadySignal> ready_signal = nullptr;
};

/// The shape of slots for batches of up to `rows` items under `spec`; nothing when a view's size is
/// none.
[[nodiscard]] std::optional<SlotShape> ShapeOf(const ItemSpec& spec, int64_t rows,
                                               int64_t soft_label_classes);

/// Fails with kInvalidArgument unless all of it fits together: the plan names items of `table`, the
/// annotations are of as many items, and `shape` is that of slots which have room for the batches.
Status CheckEpoch(const EpochPlan& plan, const EpochOptions& options, const ItemTable& table,
                  const SlotShape& shape);

}  // namespace fastinet
