#include "columns/item_table.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "base/checked.h"

namespace fastinet {
namespace {

constexpr auto kMaxOffsetBytes = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

}  // namespace

Result<ItemTable> ItemTable::Make(std::vector<OpenArchive> archives,
                                  std::span<const int32_t> item_archive,
                                  std::span<const uint64_t> offsets_bytes,
                                  std::span<const uint64_t> sizes_bytes,
                                  CheckpointColumns checkpoints) {
  if (offsets_bytes.size() != sizes_bytes.size() ||
      (!item_archive.empty() && item_archive.size() != sizes_bytes.size())) {
    return InvalidArgument(
        "the item columns differ in length: " + std::to_string(item_archive.size()) +
        " archives, " + std::to_string(offsets_bytes.size()) + " offsets, " +
        std::to_string(sizes_bytes.size()) + " sizes");
  }
  const size_t records = checkpoints.sizes.size();
  if ((records != 0 && records != sizes_bytes.size()) || checkpoints.starts.size() != records ||
      checkpoints.header_bytes.size() != records) {
    return InvalidArgument("the checkpoint columns do not fit the items");
  }
  if (records != 0 && checkpoints.records.size() != 1 &&
      checkpoints.records.size() != archives.size()) {
    return InvalidArgument("checkpoints of " + std::to_string(checkpoints.records.size()) +
                           " archives, of " + std::to_string(archives.size()));
  }
  if (archives.empty() && !sizes_bytes.empty()) return InvalidArgument("items without an archive");
  for (const int32_t archive : item_archive) {
    if (archive < 0 || static_cast<size_t>(archive) >= archives.size()) {
      return InvalidArgument("item in archive " + std::to_string(archive) + " of " +
                             std::to_string(archives.size()));
    }
  }
  for (size_t item = 0; item < sizes_bytes.size(); ++item) {
    // Checked once here, so that whoever reads an item may add the two.
    const auto end_bytes = CheckedAdd(offsets_bytes[item], sizes_bytes[item]);
    if (end_bytes && *end_bytes <= kMaxOffsetBytes) continue;
    return InvalidArgument("item " + std::to_string(item) + " begins at byte " +
                           std::to_string(offsets_bytes[item]) + " and has " +
                           std::to_string(sizes_bytes[item]) +
                           " bytes, so it would end beyond the largest file offset");
  }
  ItemTable table;
  table.archives_ = std::move(archives);
  table.item_archive_ = item_archive;
  table.offsets_bytes_ = offsets_bytes;
  table.sizes_bytes_ = sizes_bytes;
  table.checkpoints_ = std::move(checkpoints);
  return table;
}

}  // namespace fastinet
