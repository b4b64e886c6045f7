#include "index/archive_index.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include "base/checked.h"
#include "index/json.h"

namespace fastinet {
namespace {

// fastinet/sidecars/column_file.py has the form in words.
constexpr std::string_view kMagic = "FASTINET";
constexpr uint32_t kFormatVersion = 2;
constexpr size_t kPreambleBytes = 64;
constexpr uint64_t kAlignment = 64;

static_assert(std::endian::native == std::endian::little, "columns are used as they are stored");

Status Damaged(const std::string& what) { return Corrupt("the index is damaged: " + what); }

uint32_t Crc32(Bytes bytes, uint32_t crc = 0) {
  return static_cast<uint32_t>(crc32_z(crc, bytes.data(), bytes.size()));
}

/// The header's text, whose checksum holds; behind it come the columns.
Result<std::string_view> HeaderOf(Bytes file) {
  if (file.size() < kPreambleBytes || !std::equal(kMagic.begin(), kMagic.end(), file.begin())) {
    return Damaged("or it is no index at all");
  }
  const uint32_t version = LoadLittleEndian32(&file[8]);
  if (version != kFormatVersion) {
    return Unsupported("the index has format version " + std::to_string(version) +
                       ", and this fastinet reads " + std::to_string(kFormatVersion));
  }
  const uint64_t text_bytes = LoadLittleEndian64(&file[16]);
  if (LoadLittleEndian64(&file[24]) != file.size() || text_bytes > file.size() - kPreambleBytes ||
      text_bytes % kAlignment != 0) {
    return Damaged("it has not the length that it states");
  }
  std::vector<uint8_t> preamble(file.begin(), file.begin() + kPreambleBytes);
  std::fill_n(preamble.begin() + 12, 4, uint8_t{0});
  const Bytes text = file.subspan(kPreambleBytes, text_bytes);
  if (Crc32(text, Crc32(preamble)) != LoadLittleEndian32(&file[12])) {
    return Damaged("the checksum of its header is wrong");
  }
  return std::string_view(reinterpret_cast<const char*>(text.data()), text.size());
}

/// Reads members of a JSON object, each of which must be there and of its kind.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  Result<const Json*> Get(std::string_view name, Json::Kind kind) const {
    const Json* const found = object_.Find(name);
    if (found == nullptr || found->kind != kind) {
      return Damaged("its header has no '" + std::string(name) + "' that is one");
    }
    return found;
  }
  Result<std::string> Text(std::string_view name) const {
    FASTINET_ASSIGN_OR_RETURN(const Json* const found, Get(name, Json::Kind::kText));
    return found->text;
  }
  Result<int64_t> Count(std::string_view name) const {
    FASTINET_ASSIGN_OR_RETURN(const Json* const found, Get(name, Json::Kind::kInteger));
    const auto count = found->Count();
    if (!count) return Damaged("its header has an impossible '" + std::string(name) + "'");
    return *count;
  }
  /// A text that versions before did not write: "" where there is none.
  Result<std::string> LaterText(std::string_view name) const {
    return object_.Find(name) == nullptr ? Result<std::string>(std::string()) : Text(name);
  }

 private:
  const Json& object_;
};

Result<Identity> IdentityOf(const Json& json) {
  const Fields fields(json);
  Identity identity;
  FASTINET_ASSIGN_OR_RETURN(identity.name, fields.Text("name"));
  FASTINET_ASSIGN_OR_RETURN(const int64_t size, fields.Count("size"));
  identity.size_bytes = static_cast<uint64_t>(size);
  FASTINET_ASSIGN_OR_RETURN(identity.probe, fields.Text("probe"));
  FASTINET_ASSIGN_OR_RETURN(identity.blocks, fields.LaterText("blocks"));
  FASTINET_ASSIGN_OR_RETURN(identity.names, fields.LaterText("names"));
  // It is put behind a folder's path, and is to stay in that folder.
  if (identity.name.empty() || identity.name == "." || identity.name == ".." ||
      identity.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    return Damaged("the name of an archive is none of a file");
  }
  return identity;
}

Result<Split> SplitOf(const Json& json) {
  const auto& pair = json.elements;
  if (json.kind != Json::Kind::kArray || pair.size() != 2 || pair[0].kind != Json::Kind::kText ||
      pair[1].kind != Json::Kind::kArray) {
    return Damaged("a split is no name with classes");
  }
  Split split{.name = pair[0].text, .wnids = {}};
  for (const Json& wnid : pair[1].elements) {
    if (wnid.kind != Json::Kind::kText) return Damaged("a class has no name");
    split.wnids.push_back(wnid.text);
  }
  return split;
}

/// The columns behind the header, each checked as a run of bytes.
class Columns {
 public:
  Columns(const Json& table, Bytes bytes) : table_(table), bytes_(bytes) {}

  /// The column of this name and type; empty where there is none, which `needed` makes an error.
  template <class T>
  Result<std::span<const T>> Get(const std::string& name, std::string_view dtype,
                                 bool needed) const {
    const Json* const entry = table_.Find(name);
    if (entry == nullptr && !needed) return std::span<const T>();
    if (entry == nullptr) return Damaged("it lacks column '" + name + "'");
    const Fields fields(*entry);
    FASTINET_ASSIGN_OR_RETURN(const std::string type, fields.Text("dtype"));
    if (type != dtype) return Damaged("column '" + name + "' is of another type");
    FASTINET_ASSIGN_OR_RETURN(const int64_t rows, fields.Count("rows"));
    FASTINET_ASSIGN_OR_RETURN(const int64_t offset, fields.Count("offset"));
    FASTINET_ASSIGN_OR_RETURN(const int64_t crc, fields.Count("crc32"));
    const auto start = static_cast<uint64_t>(offset);
    const auto size = CheckedMul<uint64_t>(static_cast<uint64_t>(rows), sizeof(T));
    const auto stored = CheckedRoundUp<uint64_t>(size.value_or(UINT64_MAX), kAlignment);
    if (!size || !stored || start % kAlignment != 0 || start > bytes_.size() ||
        *stored > bytes_.size() - start) {
      return Damaged("column '" + name + "' lies beyond its end or askew");
    }
    const Bytes column = bytes_.subspan(start, *stored);
    if (Crc32(column) != static_cast<uint64_t>(crc)) {
      return Damaged("the checksum of column '" + name + "' is wrong");
    }
    return std::span(reinterpret_cast<const T*>(column.data()), static_cast<size_t>(rows));
  }

 private:
  const Json& table_;
  Bytes bytes_;
};

/// [number of the archive, kind, name, offset], as fastinet/items/index.py writes it.
Result<ArchiveIndex::Unmarked> UnmarkedOf(const Json& json) {
  const std::vector<Json>& parts = json.elements;
  const bool fits = json.kind == Json::Kind::kArray && parts.size() == 4 &&
                    parts[0].kind == Json::Kind::kInteger && parts[1].kind == Json::Kind::kText &&
                    parts[2].kind == Json::Kind::kText && parts[3].kind == Json::Kind::kInteger;
  const auto archive = fits ? parts[0].Count() : std::nullopt;
  const auto offset = fits ? parts[3].Count() : std::nullopt;
  if (!archive || !offset) return Damaged("its header has an impossible 'unmarked'");
  return ArchiveIndex::Unmarked{*archive, parts[2].text, *offset};
}

/// Checks that the columns fit one another and the header: checksums hold, but whoever can write
/// beside an archive can make a checksum.
Status CheckColumns(const ArchiveIndex& index) {
  const size_t items = index.offsets.size();
  const auto fits = [&](size_t length) { return length == items; };
  if (!fits(index.sizes.size()) || !fits(index.labels.size()) ||
      index.key_ends.size() != items + 1 ||
      !(index.item_archive.empty() || fits(index.item_archive.size())) ||
      !(index.item_split.empty() || fits(index.item_split.size()))) {
    return Damaged("its columns differ in length");
  }
  if (index.key_ends.front() != 0 || index.key_ends.back() != index.key_bytes.size() ||
      !std::is_sorted(index.key_ends.begin(), index.key_ends.end())) {
    return Damaged("its keys do not fill their column");
  }
  const auto archives = static_cast<int64_t>(index.archives.size());
  const auto splits = static_cast<int64_t>(index.splits.size());
  for (size_t i = 0; i < items; ++i) {
    const int64_t archive = index.item_archive.empty() ? 0 : index.item_archive[i];
    const int64_t split = index.item_split.empty() ? 0 : index.item_split[i];
    if (archive < 0 || archive >= archives || split < 0 || split >= splits) {
      return Damaged("an item is in no archive or split");
    }
    const auto classes =
        static_cast<int64_t>(index.splits[static_cast<size_t>(split)].wnids.size());
    if (index.labels[i] < -1 || index.labels[i] >= classes) {
      return Damaged("a label is that of no class");
    }
    const auto end = CheckedAdd<uint64_t>(index.offsets[i], index.sizes[i]);
    if (!end || *end > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Damaged("an item ends beyond the largest file offset");
    }
  }
  return {};
}

}  // namespace

Result<ArchiveIndex> ArchiveIndex::Parse(Bytes file) {
  FASTINET_ASSIGN_OR_RETURN(const std::string_view text, HeaderOf(file));
  FASTINET_ASSIGN_OR_RETURN(const Json header, Json::Parse(text));
  const Fields fields(header);
  ArchiveIndex index;
  // Versions before had no such number, and their rules were the first.
  int64_t rules = 1;
  if (header.Find("rules") != nullptr) {
    FASTINET_ASSIGN_OR_RETURN(rules, fields.Count("rules"));
  }
  if (rules != kRulesVersion) {
    return Unsupported("the index was made by other rules for items, labels and splits (" +
                       std::to_string(rules) + ", these are " + std::to_string(kRulesVersion) +
                       "): `fastinet index` of this version makes it anew");
  }
  FASTINET_ASSIGN_OR_RETURN(index.family, fields.Text("family"));
  FASTINET_ASSIGN_OR_RETURN(const Json* const archives, fields.Get("archives", Json::Kind::kArray));
  for (const Json& archive : archives->elements) {
    FASTINET_ASSIGN_OR_RETURN(Identity identity, IdentityOf(archive));
    index.archives.push_back(std::move(identity));
  }
  FASTINET_ASSIGN_OR_RETURN(const Json* const splits, fields.Get("splits", Json::Kind::kArray));
  for (const Json& split : splits->elements) {
    FASTINET_ASSIGN_OR_RETURN(Split taken, SplitOf(split));
    index.splits.push_back(std::move(taken));
  }
  if (header.Find("unmarked") != nullptr) {
    FASTINET_ASSIGN_OR_RETURN(const Json* const found, fields.Get("unmarked", Json::Kind::kArray));
    if (!found->elements.empty()) {
      FASTINET_ASSIGN_OR_RETURN(index.unmarked, UnmarkedOf(found->elements.front()));
    }
  }
  if (index.archives.empty() || index.splits.empty()) {
    return Damaged("it is of no archive, or has no split");
  }
  FASTINET_ASSIGN_OR_RETURN(const Json* const table, fields.Get("columns", Json::Kind::kObject));
  const Columns columns(*table, file.subspan(kPreambleBytes + text.size()));
  FASTINET_ASSIGN_OR_RETURN(index.offsets, columns.Get<uint64_t>("offsets", "<u8", true));
  FASTINET_ASSIGN_OR_RETURN(index.sizes, columns.Get<uint64_t>("sizes", "<u8", true));
  FASTINET_ASSIGN_OR_RETURN(index.labels, columns.Get<int64_t>("labels", "<i8", true));
  FASTINET_ASSIGN_OR_RETURN(index.key_ends, columns.Get<uint64_t>("key_offsets", "<u8", true));
  FASTINET_ASSIGN_OR_RETURN(index.key_bytes, columns.Get<uint8_t>("key_bytes", "|u1", true));
  FASTINET_ASSIGN_OR_RETURN(index.item_archive, columns.Get<int32_t>("item_archive", "<i4", false));
  FASTINET_ASSIGN_OR_RETURN(index.item_split, columns.Get<int8_t>("item_split", "|i1", false));
  FASTINET_RETURN_IF_ERROR(CheckColumns(index));
  return index;
}

}  // namespace fastinet
