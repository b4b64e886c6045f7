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
  const Source* records = nullptr;  // which have the item's record; null: there is none
  uint64_t record_start = 0;        // [bytes]
  uint32_t record_size = 0;         // [bytes]
  uint32_t header_bytes = 0;        // see ItemHints

  /// What is known of the item, its record in `buffer`. Nothing where there is no record, or it
  /// cannot be read: the item is decoded without.
  ItemHints ReadHints(std::vector<uint8_t>& buffer) const {
    if (records == nullptr) return {};
    buffer.resize(record_size);
    if (!records->ReadAt(record_start, buffer).ok()) return {};
    return {header_bytes, buffer};
  }

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

/// Entropy checkpoints by item id. Empty columns: none. Borrowed.
struct CheckpointColumns {
  std::span<const uint64_t> starts;  // item i's record: bytes [starts[i], starts[i] + sizes[i])
  std::span<const uint32_t> sizes;   // 0: no record
  std::span<const uint32_t> header_bytes;  // see ItemHints
  // What `starts` count bytes of: one an archive, or one for all of them. They are read record by
  // record: somebody may cut a file of them, which would end a process that has it mapped.
  std::vector<const Source*> records;
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
    ItemLocation location{.archive = &archives_[archive],
                          .offset_bytes = offsets_bytes_[i],
                          .size_bytes = sizes_bytes_[i]};
    AddRecord(i, archive, location);
    return location;
  }

 private:
  ItemTable() = default;

  void AddRecord(size_t i, size_t archive, ItemLocation& location) const {
    if (checkpoints_.sizes.empty() || checkpoints_.sizes[i] == 0) return;
    const Source& records = *checkpoints_.records[checkpoints_.records.size() == 1 ? 0 : archive];
    const uint64_t start = checkpoints_.starts[i], size = checkpoints_.sizes[i];
    if (size > kMaxRecordBytes || start > records.size_bytes() ||
        size > records.size_bytes() - start) {
      return;
    }
    location.records = &records;
    location.record_start = start;
    location.record_size = static_cast<uint32_t>(size);
    location.header_bytes = checkpoints_.header_bytes[i];
  }

  // Of ImageNet's records the mean is 350 bytes; those of the largest image within the pixel limit,
  // with a checkpoint after each MCU, would be smaller than this.
  static constexpr uint64_t kMaxRecordBytes = uint64_t{1} << 28;

  std::vector<OpenArchive> archives_;
  std::span<const int32_t> item_archive_;
  std::span<const uint64_t> offsets_bytes_;
  std::span<const uint64_t> sizes_bytes_;
  CheckpointColumns checkpoints_;
};

}  // namespace fastinet
