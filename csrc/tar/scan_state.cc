#include <algorithm>
#include <utility>

#include "base/packing.h"
#include "tar/scan.h"

namespace fastinet {
namespace {

// Of a saved state: twice this stands before the rest, together with whether the scan has started.
// States from before the targets of links were kept are of form 0, and those from before extended
// headers were read in parts of form 1.
constexpr uint64_t kStateForm = 2;

}  // namespace

TarMembers TarScanner::TakeMembers() {
  TarMembers taken = std::exchange(members_, {});
  // Later members and messages refer to all of them.
  members_.container_names = taken.container_names;
  const auto old_names = taken.container_names.begin();
  taken.container_names.erase(old_names, old_names + static_cast<ptrdiff_t>(containers_taken_));
  containers_taken_ = members_.container_names.size();
  return taken;
}

std::vector<uint8_t> TarScanner::Save() const {
  const auto put_map = [](Packer& packer, const SparseMap& map) {
    packer.Put(map.end());
    packer.Put(uint64_t{map.has_holes()});
  };
  const auto put_records = [put_map](Packer& packer, const PaxRecords& records) {
    packer.Put(uint64_t{records.path.has_value()});
    packer.Put(records.path.value_or(""));
    packer.Put(uint64_t{records.size_bytes.has_value()});
    packer.Put(records.size_bytes.value_or(0));
    packer.Put(uint64_t{records.sparse});
    packer.Put(uint64_t{records.link_path.has_value()});
    packer.Put(records.link_path.value_or(""));
    packer.Put(uint64_t{records.sparse_name.has_value()});
    packer.Put(records.sparse_name.value_or(""));
    packer.Put(records.file_bytes);
    packer.Put(uint64_t{records.part.has_value()});
    packer.Put(records.part.value_or(0));
    put_map(packer, records.map);
    packer.Put(uint64_t{records.map_in_data});
  };
  Packer packer;
  packer.Put(2 * kStateForm + uint64_t{started_});
  packer.Put(uint64_t{levels_.size()});
  for (const Level& tar : levels_) {
    packer.Put(tar.cursor);
    packer.Put(tar.end);
    packer.Put(tar.folder);
    packer.Put(static_cast<uint64_t>(int64_t{tar.container}));
    packer.Put(uint64_t{tar.marker_seen});
    put_records(packer, tar.global);
    put_records(packer, tar.local);
    packer.Put(tar.long_name);
    packer.Put(tar.long_link);
    packer.Put(uint64_t{tar.extended});
    packer.Put(uint64_t{tar.lone_zeros});
    packer.Put(tar.begin);
    packer.Put(tar.last_name);
    packer.Put(tar.last_data);
    packer.Put(tar.last_size);
    packer.Put(uint64_t{tar.reading.has_value()});
    if (tar.reading) {
      const ExtendedReader::State reading = tar.reading->Save();
      packer.Put(reading.letter);
      packer.Put(reading.left);
      packer.Put(reading.length);
      packer.Put(reading.taken);
      packer.Put(uint64_t{reading.over});
      packer.Put(uint64_t{reading.skips});
      packer.Put(reading.text);
      packer.Put(tar.reading_name);
      packer.Put(tar.reading_from);
    }
    packer.Put(uint64_t{tar.sparse.has_value()});
    if (tar.sparse) {
      packer.Put(tar.sparse->name);
      packer.Put(tar.sparse->stored_bytes);
      packer.Put(tar.sparse->file_bytes);
      put_map(packer, tar.sparse->map);
    }
  }
  packer.Put(uint64_t{recent_.size()});
  for (const uint64_t hash : recent_) packer.Put(hash);
  return packer.Take();
}

Status TarScanner::Restore(Bytes saved, std::vector<std::string> container_names) {
  Unpacker unpacker(saved);
  const uint64_t first = unpacker.Number();
  const uint64_t form = first / 2;
  const auto read_map = [&unpacker] {
    SparseMap map;
    map.Add(0, unpacker.Number());
    if (unpacker.Number() != 0) map.Spoil();
    return map;
  };
  const auto read_records = [&unpacker, &read_map, form] {
    PaxRecords records;
    const bool has_path = unpacker.Number() != 0;
    std::string path = unpacker.Text();
    if (has_path) records.path = std::move(path);
    const bool has_size = unpacker.Number() != 0;
    const uint64_t size = unpacker.Number();
    if (has_size) records.size_bytes = size;
    records.sparse = unpacker.Number() != 0;
    if (form == 0) return records;
    const bool has_link = unpacker.Number() != 0;
    std::string link = unpacker.Text();
    if (has_link) records.link_path = std::move(link);
    if (form == 1) return records;
    const bool has_name = unpacker.Number() != 0;
    std::string name = unpacker.Text();
    if (has_name) records.sparse_name = std::move(name);
    records.file_bytes = unpacker.Number();
    const bool has_part = unpacker.Number() != 0;
    const uint64_t part = unpacker.Number();
    if (has_part) records.part = part;
    records.map = read_map();
    records.map_in_data = unpacker.Number() != 0;
    return records;
  };
  bool fits = true;
  started_ = first % 2 != 0;
  levels_.clear();
  members_ = {};
  members_.container_names = std::move(container_names);
  containers_taken_ = members_.container_names.size();
  window_length_ = 0;
  for (uint64_t left = unpacker.Number(); left > 0 && unpacker.whole(); --left) {
    Level tar{.cursor = unpacker.Number(), .end = unpacker.Number(), .folder = unpacker.Text()};
    tar.container = static_cast<int32_t>(unpacker.Number());
    tar.marker_seen = unpacker.Number() != 0;
    tar.global = read_records();
    tar.local = read_records();
    tar.long_name = unpacker.Text();
    if (form > 0) tar.long_link = unpacker.Text();
    tar.extended = unpacker.Number() != 0;
    tar.begin = levels_.empty() ? 0 : tar.cursor;
    if (form > 1) {
      tar.lone_zeros = unpacker.Number() != 0;
      tar.begin = unpacker.Number();
      tar.last_name = unpacker.Text();
      tar.last_data = unpacker.Number();
      tar.last_size = unpacker.Number();
      if (unpacker.Number() != 0) {
        ExtendedReader::State reading{.letter = unpacker.Number(),
                                      .left = unpacker.Number(),
                                      .length = unpacker.Number(),
                                      .taken = unpacker.Number(),
                                      .over = unpacker.Number() != 0,
                                      .skips = unpacker.Number() != 0,
                                      .text = unpacker.Text()};
        fits = fits && reading.taken <= std::max<uint64_t>(reading.length, kTarBlockBytes);
        tar.reading = ExtendedReader::Restore(std::move(reading));
        tar.reading_name = unpacker.Text();
        tar.reading_from = unpacker.Number();
      }
      if (unpacker.Number() != 0) {
        tar.sparse.emplace();
        tar.sparse->name = unpacker.Text();
        tar.sparse->stored_bytes = unpacker.Number();
        tar.sparse->file_bytes = unpacker.Number();
        tar.sparse->map = read_map();
      }
    }
    levels_.push_back(std::move(tar));
  }
  recent_.clear();
  next_recent_ = 0;
  if (form > 1) {
    for (uint64_t left = unpacker.Number(); left > 0 && unpacker.whole(); --left) {
      recent_.push_back(unpacker.Number());
    }
  }
  fits = fits && recent_.size() <= kRecentHeaders;
  fits = fits && form <= kStateForm && unpacker.at_end() && levels_.size() <= kMaxTarLevels;
  for (const Level& tar : levels_) {
    fits = fits && tar.container >= -1 && tar.container < std::ssize(members_.container_names);
  }
  if (!fits) return Corrupt("the saved state of the scan is damaged");
  return {};
}

}  // namespace fastinet
