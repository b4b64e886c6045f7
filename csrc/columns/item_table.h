// Where the bytes of every item of a dataset are, and its entropy checkpoints where there are some.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/source.h"
#include "base/status.h"
#include "item/item_bytes.h"

namespace fastinet {

/// An archive that is open for reading, and its name for messages.
struct OpenArchive {
  std::string name;
  std::shared_ptr<const Source> source;
};

/// Where one item is: its byte range in an archive. And what a checkpoint file knows of it.
struct ItemLocation {
  const OpenArchive* archive = nullptr;
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  ItemHints hints;

  /// Fills `out` with the item's bytes from `begin` on. An error's offset is one within the item.
  Status Read(uint64_t begin, MutableBytes out) const {
    return archive->source->ReadAt(offset_bytes + begin, out)
        .AtOffset(static_cast<int64_t>(offset_bytes + begin))
        .ShiftOffset(-static_cast<int64_t>(offset_bytes));
  }

  /// `status` with the offset in the archive in place of the one within the item, and the archive's
  /// name.
  Status Located(Status status) const noexcept {
    return std::move(status)
        .ShiftOffset(static_cast<int64_t>(archive->source->OffsetInFile(offset_bytes)))
        .InArchive(archive->name);
  }
};

/// Entropy checkpoints by item id, as checkpoint files are mapped into memory. Empty columns: none.
/// Borrowed.
struct CheckpointColumns {
  std::span<const uint64_t> starts;  // item i's record: bytes [starts[i], starts[i] + sizes[i])
  std::span<const uint32_t> sizes;   // 0: no record
  std::span<const uint32_t> header_bytes;  // see ItemHints
  // What `starts` count bytes of: one span an archive, or one for all of them.
  std::vector<Bytes> records;
};

/// A dataset as the engine sees it: columns over item ids. The columns are borrowed, so that an
/// index of a million items is used where it is mapped; they must outlive the table.
class ItemTable {
 public:
  /// `item_archive` may be empty: then all items are in the first archive. Fails with
  /// kInvalidArgument when the columns disagree, name an archive that is not there, or an item that
  /// ends beyond the largest file offset.
  static Result<ItemTable> Make(std::vector<OpenArchive> archives,
                                std::span<const int32_t> item_archive,
                                std::span<const uint64_t> offsets_bytes,
                                std::span<const uint64_t> sizes_bytes,
                                CheckpointColumns checkpoints);

  int64_t size() const { return static_cast<int64_t>(sizes_bytes_.size()); }

  /// Where `item` is: it, which must be in 0 .. size() - 1.
  ItemLocation LocationOf(int64_t item) const {
    const auto i = static_cast<size_t>(item);
    const size_t archive = item_archive_.empty() ? 0 : static_cast<size_t>(item_archive_[i]);
    return {&archives_[archive], offsets_bytes_[i], sizes_bytes_[i], HintsFor(i, archive)};
  }

 private:
  ItemTable() = default;

  ItemHints HintsFor(size_t i, size_t archive) const {
    if (checkpoints_.sizes.empty() || checkpoints_.sizes[i] == 0) return {};
    const Bytes records = checkpoints_.records[checkpoints_.records.size() == 1 ? 0 : archive];
    const uint64_t start = checkpoints_.starts[i], size = checkpoints_.sizes[i];
    if (start > records.size() || size > records.size() - start) return {};
    return {checkpoints_.header_bytes[i], records.subspan(start, size)};
  }

  std::vector<OpenArchive> archives_;
  std::span<const int32_t> item_archive_;
  std::span<const uint64_t> offsets_bytes_;
  std::span<const uint64_t> sizes_bytes_;
  CheckpointColumns checkpoints_;
};

}  // namespace fastinet
