// What must hold for an index of any bytes whatever; shared by the fuzzer and its replay.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "fuzz/demand.h"
#include "index/archive_index.h"

namespace fastinet::fuzz {

/// Makes the file's length and the header's checksum right: a random change would otherwise end
/// there, and nothing behind would ever be tried.
inline void RepairHeader(std::vector<uint8_t>& file) {
  constexpr size_t kPreamble = 64, kChecksum = 12, kTextBytes = 16, kLength = 24;
  if (file.size() < kPreamble) return;
  StoreLittleEndian64(file.size(), &file[kLength]);
  const uint64_t text_bytes =
      std::min<uint64_t>(LoadLittleEndian64(&file[kTextBytes]), file.size() - kPreamble);
  std::fill_n(file.begin() + kChecksum, 4, uint8_t{0});
  const auto crc = crc32_z(0, file.data(), kPreamble + text_bytes);
  StoreLittleEndian32(static_cast<uint32_t>(crc), &file[kChecksum]);
}

/// Parses the file; whatever of it is taken can be used without a look.
inline void CheckIndex(Bytes file) {
  // Where the system would map it: at a multiple of 8 bytes, and with an end that is guarded.
  const std::vector<uint8_t> copy(file.begin(), file.end());
  const Result<ArchiveIndex> parsed = ArchiveIndex::Parse(copy);
  if (!parsed.ok()) {
    const StatusCode code = parsed.status().code();
    Demand(code == StatusCode::kCorrupt || code == StatusCode::kUnsupported,
           "what is no index is corrupt or unsupported");
    return;
  }
  const ArchiveIndex& index = parsed.value();
  Demand(!index.archives.empty() && !index.splits.empty(), "an index is of something");
  uint64_t key_bytes = 0;
  for (int64_t item = 0; item < index.items(); ++item) {
    const auto i = static_cast<size_t>(item);
    const std::string key(index.KeyOf(item));  // reads all of it
    key_bytes += key.size();
    const size_t archive =
        index.item_archive.empty() ? 0 : static_cast<size_t>(index.item_archive[i]);
    const size_t split = index.item_split.empty() ? 0 : static_cast<size_t>(index.item_split[i]);
    Demand(archive < index.archives.size() && split < index.splits.size(), "items lie somewhere");
    const auto classes = static_cast<int64_t>(index.splits[split].wnids.size());
    Demand(index.labels[i] >= -1 && index.labels[i] < classes, "labels are those of classes");
  }
  Demand(key_bytes == index.key_bytes.size(), "keys fill their column");
  for (const Identity& archive : index.archives) {
    Demand(archive.name.find('/') == std::string::npos, "archives stay in their folder");
  }
}

/// The file as it is, and with what a change has made wrong put right.
inline void CheckInput(Bytes file) {
  CheckIndex(file);
  std::vector<uint8_t> repaired(file.begin(), file.end());
  RepairHeader(repaired);
  CheckIndex(repaired);
}

}  // namespace fastinet::fuzz
