#include "tar/scan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/checked.h"
#include "base/packing.h"
#include "tar/member_name.h"

namespace fastinet {
namespace {

// PATH_MAX on Linux. Bounds what a global pax path or a long inner tar name can cost per member.
constexpr size_t kMaxNameBytes = 4096;

constexpr std::string_view kTarSuffix = ".tar";

/// Why an archive of another format is turned away, or an empty text when it is none we know.
std::string_view ForeignFormat(Bytes head) {
  const auto begins_with = [head](std::string_view magic) {
    return head.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), head.begin(),
                      [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
  };
  if (begins_with("\x1f\x8b")) {
    return "gzip-compressed archives are not read; decompress it first (gunzip)";
  }
  if (begins_with("PK\x03\x04") || begins_with("PK\x05\x06")) {
    return "zip archives are not read; repack it as a tar";
  }
  if (begins_with("\xfd\x37zXZ")) {
    return "xz-compressed archives are not read; decompress it first (unxz)";
  }
  if (begins_with("BZh")) {
    return "bzip2-compressed archives are not read; decompress it first (bunzip2)";
  }
  return {};
}

/// The refusal of a tar whose first block `head` is neither a header nor zeros.
Status NotATar(Bytes head, std::string_view otherwise) {
  const std::string_view foreign = ForeignFormat(head);
  if (!foreign.empty()) return Unsupported(std::string(foreign));
  std::string cause(otherwise);
  if (!head.empty() && head.front() == '<') {
    cause += "; it seems to be a web page: look at what the server answers";
  }
  return Corrupt(std::move(cause));
}

/// Whether the entry says something of a later one, and is none itself.
bool IsExtendedHeader(TarEntryType type) {
  return type == TarEntryType::kLongName || type == TarEntryType::kLongLink ||
         type == TarEntryType::kPaxLocal || type == TarEntryType::kPaxGlobal;
}

/// Whether the name promises a tar. macOS puts resource forks beside files as "._" + name.
bool IsNamedTar(std::string_view name) { return name.ends_with(kTarSuffix) && JunkEnd(name) == 0; }

}  // namespace

void TarMembers::Append(const TarMembers& later) {
  const uint64_t names_before = names.size();
  offsets.insert(offsets.end(), later.offsets.begin(), later.offsets.end());
  sizes.insert(sizes.end(), later.sizes.begin(), later.sizes.end());
  containers.insert(containers.end(), later.containers.begin(), later.containers.end());
  heads.insert(heads.end(), later.heads.begin(), later.heads.end());
  names += later.names;
  for (const uint64_t end : later.name_ends) name_ends.push_back(names_before + end);
  container_names.insert(container_names.end(), later.container_names.begin(),
                         later.container_names.end());
  passed.insert(passed.end(), later.passed.begin(), later.passed.end());
  notes.insert(notes.end(), later.notes.begin(), later.notes.end());
}

TarScanner::TarScanner(const Source& source, std::string_view folder, Concatenated concatenated,
                       EndMarker end_marker)
    : source_(source), concatenated_(concatenated), end_marker_(end_marker) {
  Level outer{.cursor = 0, .end = 0, .folder = std::string(folder)};
  if (!folder.empty()) outer.folder.push_back('/');
  levels_.push_back(std::move(outer));
}

Status TarScanner::Step(int64_t max_blocks) {
  if (!started_) FASTINET_RETURN_IF_ERROR(Start());
  for (; max_blocks > 0 && !levels_.empty(); --max_blocks) {
    step_start_ = level().cursor;
    if (searching_) {
      FASTINET_RETURN_IF_ERROR(Search());
    } else {
      // A padding that is less than a block is at the end, too.
      FASTINET_RETURN_IF_ERROR(Await(level().cursor, kTarBlockBytes));
      FASTINET_RETURN_IF_ERROR(level().marker_seen ? PassPadding() : Advance());
    }
  }
  return {};
}

void TarScanner::ForgetMembers() {
  members_.offsets.clear();
  members_.sizes.clear();
  members_.containers.clear();
  members_.heads.clear();
  members_.names.clear();
  members_.name_ends.clear();
  members_.passed.clear();
  members_.notes.clear();
}

void TarScanner::Recover() {
  if (levels_.empty()) return;
  Level& tar = level();
  tar.local = {};
  for (Level& each : levels_) each.last_size = 0;
  tar.reading.reset();
  tar.sparse.reset();
  tar.long_name.clear();
  tar.long_link.clear();
  tar.extended = false;
  if (tar.marker_seen) {  // concatenated tars: what follows the marker is walked too
    tar.marker_seen = false;
    return;
  }
  if (passed_tar_) {  // its first header is damaged, as it seems: those behind it may be sound
    InnerTar passed = *std::exchange(passed_tar_, std::nullopt);
    searching_ = ForeignFormat(passed.head).empty() &&
                 EnterInnerTar(std::move(passed.name), passed.data, passed.size).ok();
    return;
  }
  // An error in a member's content comes when the member has been passed.
  if (tar.cursor != step_start_ || EnterCutTar()) return;
  if (HasBlock(1)) tar.cursor += kTarBlockBytes;
  searching_ = true;
}

/// Descends into the inner tar whose header is next and whose end is missing, if that is so.
bool TarScanner::EnterCutTar() {
  if (levels_.size() >= kMaxTarLevels || !HasBlock(1)) return false;
  const uint64_t data = level().cursor + kTarBlockBytes;
  const Result<Bytes> block = Peek(level().cursor, kTarBlockBytes);
  if (!block.ok()) return false;
  Result<TarHeader> header = ParseTarHeader(block.value());
  if (!header.ok() || header.value().type != TarEntryType::kRegular) return false;
  std::string name = NormalName(header.value().name);
  if (!IsNamedTar(name) || header.value().size_bytes <= source_.size_bytes() - data) return false;
  level().cursor = source_.size_bytes();
  return EnterInnerTar(std::move(name), data, source_.size_bytes() - data).ok();
}

/// Takes one step towards the next header of the tar in which damage was found. In a tar of tars
/// that is an inner tar's: the headers within an inner tar whose own header is lost are not ours.
Status TarScanner::Search() {
  if (!HasBlock(1)) {
    searching_ = false;
    levels_.pop_back();
    return {};
  }
  FASTINET_ASSIGN_OR_RETURN(const Bytes block, Peek(level().cursor, kTarBlockBytes));
  if (IsTarHeader(block)) {
    const Result<TarHeader> header = ParseTarHeader(block);
    const bool holds_tars = levels_.size() == 1 && HasInnerTars();
    if (header.ok() && (!holds_tars || IsNamedTar(header.value().name))) {
      searching_ = false;
      return {};
    }
  }
  level().cursor += kTarBlockBytes;
  return {};
}

/// Tells a file that is no tar at all from a tar that is damaged further in.
Status TarScanner::Start() {
  started_ = true;
  FASTINET_RETURN_IF_ERROR(source_.Await(0, kTarBlockBytes));
  const uint64_t size = source_.size_bytes();
  if (size == 0) return LocatedAt(Corrupt("the file is empty"), {}, 0);
  FASTINET_ASSIGN_OR_RETURN(const Bytes head, Peek(0, std::min(size, kTarBlockBytes)));
  const bool short_file = size < kTarBlockBytes;
  if (short_file || (!IsZeroBlock(head) && !IsTarHeader(head))) {
    return LocatedAt(NotATar(head, short_file ? "not a tar: shorter than one header"
                                              : "not a tar: it does not begin with a tar header"),
                     {}, 0);
  }
  return {};
}

/// Takes the next header of the innermost tar, or its end-of-archive marker.
Status TarScanner::Advance() {
  if (!HasBlock(1)) {
    // Of the data of an extended header the last block may lack its fill.
    return level().reading && level().cursor < End() ? ReadExtendedHeader() : PassEnd();
  }
  if (level().reading) return ReadExtendedHeader();
  if (level().sparse) return ReadSparseMap();
  const uint64_t offset = level().cursor;
  FASTINET_ASSIGN_OR_RETURN(const Bytes block, Peek(offset, kTarBlockBytes));
  if (IsZeroBlock(block)) return PassMarker();
  Result<TarHeader> header = ParseTarHeader(block);
  if (!header.ok()) return LocatedAt(std::move(header).status(), {}, offset);
  Remember(block);
  return IsExtendedHeader(header.value().type) ? BeginExtendedHeader(header.value())
                                               : PassEntry(header.value());
}

Status TarScanner::BeginExtendedHeader(const TarHeader& header) {
  const uint64_t data = level().cursor + kTarBlockBytes;
  FASTINET_RETURN_IF_ERROR(EndOfData(header.name, data, header.size_bytes).status());
  level().extended = level().extended || header.type != TarEntryType::kPaxGlobal;
  level().cursor = data;
  level().reading.emplace(header.type, header.size_bytes);
  level().reading_name = header.name;
  level().reading_from = data;
  return header.size_bytes > 0 ? Status() : ReadExtendedHeader();
}

/// Takes the next block of an extended header's data.
Status TarScanner::ReadExtendedHeader() {
  ExtendedReader& reader = *level().reading;
  const uint64_t count = std::min(reader.left(), kTarBlockBytes);
  const bool global = reader.type() == TarEntryType::kPaxGlobal;
  if (count > 0) {
    FASTINET_ASSIGN_OR_RETURN(const Bytes data, Peek(level().cursor, count));
    Status status = reader.Take(data, global ? &level().global : &level().local);
    if (!status.ok()) {
      return LocatedAt(std::move(status), level().reading_name, level().reading_from);
    }
    level().cursor += kTarBlockBytes;
  }
  if (reader.left() > 0) return {};
  if (reader.type() == TarEntryType::kLongName) level().long_name = reader.TakeText();
  if (reader.type() == TarEntryType::kLongLink) level().long_link = reader.TakeText();
  level().reading.reset();
  return {};
}

/// Takes a block of the map of a sparse file.
Status TarScanner::ReadSparseMap() {
  SparseFile& file = *level().sparse;
  FASTINET_ASSIGN_OR_RETURN(const Bytes block, Peek(level().cursor, kTarBlockBytes));
  const bool continues = ParseSparseBlock(block, &file.map);
  level().cursor += kTarBlockBytes;
  if (continues) return {};
  SparseFile whole = std::move(file);
  level().sparse.reset();
  return PassSparse(std::move(whole.name), level().cursor, whole.stored_bytes, whole.map, 0,
                    whole.file_bytes);
}

/// Takes an entry in its own right, after any extended headers.
Status TarScanner::PassEntry(const TarHeader& header) {
  const uint64_t offset = level().cursor;
  const uint64_t data = offset + kTarBlockBytes;
  const PaxRecords local = std::exchange(level().local, {});
  const PaxRecords& global = level().global;
  const PaxRecords& sparse = local.sparse ? local : global;

  std::string name = header.name;
  if (const std::string long_name = std::exchange(level().long_name, {}); !long_name.empty()) {
    name = long_name;
  }
  if (local.path || global.path) name = local.path ? *local.path : *global.path;
  if (sparse.sparse && sparse.sparse_name) name = *sparse.sparse_name;
  name = NormalName(name);
  std::string link = header.link;
  if (const std::string long_link = std::exchange(level().long_link, {}); !long_link.empty()) {
    link = long_link;
  }
  if (local.link_path || global.link_path) {
    link = local.link_path ? *local.link_path : *global.link_path;
  }
  level().extended = false;
  if (std::max(name.size(), link.size()) + level().folder.size() > kMaxNameBytes) {
    return LocatedAt(
        TooLarge("member name of more than " + std::to_string(kMaxNameBytes) + " bytes"), {},
        offset);
  }

  switch (header.type) {
    case TarEntryType::kDirectory:
      level().cursor = data;
      return AddDirectory(name, offset);
    case TarEntryType::kHardLink:
      return PassHardLink(header, local, name, link);
    case TarEntryType::kSymbolicLink:
      level().cursor = data;
      AddPassed(PassedKind::kSymbolicLink, name, link, data);
      return {};
    case TarEntryType::kSpecial:
      level().cursor = data;
      AddPassed(PassedKind::kDevice, name, {}, data);
      return {};
    default:
      break;
  }
  uint64_t size = header.size_bytes;
  if (local.size_bytes || global.size_bytes) {
    size = local.size_bytes ? *local.size_bytes : *global.size_bytes;
  }
  if (header.type == TarEntryType::kSparse) {
    if (!header.map_continues) {
      return PassSparse(std::move(name), data, size, header.map, 0, header.file_bytes);
    }
    level().cursor = data;
    level().sparse = SparseFile{std::move(name), size, header.file_bytes, header.map};
    return {};
  }
  return PassFile(header.type, std::move(name), size, sparse);
}

/// Takes an entry with data, of which `sparse` has what pax records say if it is a sparse file.
Status TarScanner::PassFile(TarEntryType type, std::string name, uint64_t size,
                            const PaxRecords& sparse) {
  const uint64_t offset = level().cursor;
  const uint64_t data = offset + kTarBlockBytes;
  if (sparse.sparse && !sparse.map_in_data) {
    return PassSparse(std::move(name), data, size, sparse.map, 0, sparse.file_bytes);
  }
  FASTINET_ASSIGN_OR_RETURN(const uint64_t end, EndOfData(name, data, size));
  if (sparse.sparse) {
    // What follows a map of a block is all of the file, or it is one with holes.
    uint64_t map_bytes = 0;
    SparseMap map;
    if (size < kTarBlockBytes) {
      map.Spoil();
    } else {
      FASTINET_ASSIGN_OR_RETURN(const Bytes head, Peek(data, kTarBlockBytes));
      map = ParseSparseData(head, &map_bytes);
    }
    return PassSparse(std::move(name), data, size, map, map_bytes, sparse.file_bytes);
  }
  SkipTo(end);
  if (type == TarEntryType::kOther) {
    AddPassed(PassedKind::kVendorRecord, name, {}, data);
    return {};
  }
  if (type == TarEntryType::kMultiVolume) {
    AddPassed(PassedKind::kContinuation, name, {}, data);
    return {};
  }
  // V7 has no directory type: a trailing slash says it.
  if (name.ends_with('/')) return AddDirectory(name, offset);
  if (type == TarEntryType::kUnknown) {
    members_.notes.push_back({TarNoteKind::kUnknownType, level().folder + name, offset});
  }
  return AddRegular(std::move(name), data, size);
}

/// Takes a hard link, which names its target as the tar names members.
Status TarScanner::PassHardLink(const TarHeader& header, const PaxRecords& local,
                                std::string_view name, std::string_view link) {
  const uint64_t data = level().cursor + kTarBlockBytes;
  level().cursor = data;
  const uint64_t size = local.size_bytes.value_or(header.link_bytes);
  if (size > 0) {
    // POSIX lets links have the data once more, and older writers tell the size without them. What
    // follows says which it is.
    FASTINET_RETURN_IF_ERROR(Await(data, kTarBlockBytes));
    if (HasBlock(1)) {
      FASTINET_ASSIGN_OR_RETURN(const Bytes next, Peek(data, kTarBlockBytes));
      if (!IsZeroBlock(next) && !IsTarHeader(next)) {
        FASTINET_ASSIGN_OR_RETURN(const uint64_t end, EndOfData(name, data, size));
        SkipTo(end);
      }
    }
  }
  AddPassed(PassedKind::kHardLink, name, level().folder + NormalName(link), data);
  return {};
}

/// Takes a sparse file, whose `size` bytes begin with a map of `map_bytes`: as a member, where all
/// of it follows in one run.
Status TarScanner::PassSparse(std::string name, uint64_t data, uint64_t size, const SparseMap& map,
                              uint64_t map_bytes, uint64_t file_bytes) {
  FASTINET_ASSIGN_OR_RETURN(const uint64_t end, EndOfData(name, data, size));
  SkipTo(end);
  if (map.Covers(file_bytes) && file_bytes <= size - map_bytes) {
    return AddRegular(std::move(name), data + map_bytes, file_bytes);
  }
  AddPassed(PassedKind::kSparseFile, name, {}, data);
  return {};
}

/// Lists an entry that is no file of its own.
void TarScanner::AddPassed(PassedKind kind, std::string_view name, std::string_view target,
                           uint64_t data) {
  std::string path = level().folder;
  path.append(name);
  members_.passed.push_back({kind, std::move(path), std::string(target), data});
}

/// Files member `name`, or descends into it when it is a tar that counts.
Status TarScanner::AddRegular(std::string name, uint64_t data, uint64_t size) {
  FASTINET_ASSIGN_OR_RETURN(const Bytes head, PeekHead(data, size));
  const bool is_tar = head.size() == kTarBlockBytes && IsTarHeader(head) && JunkEnd(name) == 0;
  if (levels_.size() < kMaxTarLevels && (is_tar || IsNamedTar(name))) {
    if (!is_tar && !head.empty() && !IsZeroBlock(head)) {
      passed_tar_ = InnerTar{name, data, size, {head.begin(), head.end()}};
      return LocatedAt(NotATar(head, "named .tar, but it does not begin with a tar header"), name,
                       data);
    }
    return EnterInnerTar(std::move(name), data, size);
  }
  if (is_tar) {
    return LocatedAt(Unsupported("a tar within a tar within a tar is not read"), name, data);
  }

  TarMembers::Head first{};
  std::copy_n(head.begin(), std::min(head.size(), first.size()), first.begin());
  members_.offsets.push_back(data);
  members_.sizes.push_back(size);
  members_.containers.push_back(level().container);
  members_.heads.push_back(first);
  members_.names.append(level().folder).append(name);
  members_.name_ends.push_back(members_.names.size());
  return {};
}

/// Lists the directory `name`, with or without a slash at its end; not the archive's own top, ".".
Status TarScanner::AddDirectory(std::string_view name, uint64_t offset) {
  while (name.ends_with('/')) name.remove_suffix(1);
  if (name.empty() || name == ".") return {};
  if (JunkEnd(name) != 0) {
    AddPassed(PassedKind::kLeftoverFolder, std::string(name) + "/", {}, offset + kTarBlockBytes);
    return {};
  }
  std::string path;
  if (const int32_t tar = level().container; tar >= 0) {
    path.append(members_.container_names[static_cast<size_t>(tar)]).push_back('/');
  }
  path.append(name).push_back('/');
  return AddContainer(std::move(path), offset).status();
}

/// The row that `name` gets in container_names.
Result<int32_t> TarScanner::AddContainer(std::string name, uint64_t offset) {
  const size_t row = members_.container_names.size();
  if (row >= static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return LocatedAt(TooLarge("more inner tars and directories than an int32 can number"), name,
                     offset);
  }
  members_.container_names.push_back(std::move(name));
  return static_cast<int32_t>(row);
}

std::string_view TarScanner::inner_tar() const {
  if (levels_.empty() || levels_.back().container < 0) return {};
  return members_.container_names[static_cast<size_t>(levels_.back().container)];
}

bool TarScanner::HasInnerTars() const {
  return std::any_of(members_.container_names.begin(), members_.container_names.end(),
                     [](const std::string& name) { return !name.ends_with('/'); });
}

Status TarScanner::EnterInnerTar(std::string name, uint64_t data, uint64_t size) {
  std::string_view stem = name;
  if (stem.ends_with(kTarSuffix)) stem.remove_suffix(kTarSuffix.size());
  Level inner{.cursor = data, .end = data + size, .folder = level().folder, .begin = data};
  inner.folder.append(stem).push_back('/');
  FASTINET_ASSIGN_OR_RETURN(inner.container, AddContainer(std::move(name), data));
  levels_.push_back(std::move(inner));
  return {};
}

/// Where the innermost tar ends [bytes in the archive].
uint64_t TarScanner::End() const {
  return levels_.size() == 1 ? source_.size_bytes() : levels_.back().end;
}

bool TarScanner::HasBlock(uint64_t count) const {
  const uint64_t cursor = levels_.back().cursor, end = End();
  return cursor <= end && end - cursor >= count * kTarBlockBytes;
}

/// data + size, or the error of an entry whose bytes reach beyond its tar. Where the archive's end is
/// not known yet, CheckCut() tells when it has come.
Result<uint64_t> TarScanner::EndOfData(std::string_view name, uint64_t data, uint64_t size) {
  const std::optional<uint64_t> end = CheckedAdd(data, size);
  level().last_name = name;
  level().last_data = data;
  level().last_size = size;
  if (end && *end <= End()) return *end;
  if (!KnowsEnd() && levels_.size() == 1) return End();
  return LocatedAt(CutEntry(size, End() - data), name, End());
}

void TarScanner::SkipTo(uint64_t end_of_data) {
  // Tars begin on block boundaries of the archive, inner ones too, so rounding the absolute offset
  // is right. It cannot wrap: the data end within the archive, and file sizes fit an int64.
  level().cursor = CeilDiv(end_of_data, kTarBlockBytes) * kTarBlockBytes;
}

/// `length` bytes at `offset`, which must lie in the archive; valid until the next Peek.
Result<Bytes> TarScanner::Peek(uint64_t offset, uint64_t length) {
  if (offset < window_offset_ || offset + length > window_offset_ + window_length_) {
    window_length_ = 0;
    FASTINET_RETURN_IF_ERROR(Await(offset, length));
    // Of a source that is still arriving it is not known whether there is more than was asked for,
    // and so the member before may have been said to reach beyond what turns out to be the end.
    const uint64_t size = source_.size_bytes();
    const uint64_t wanted = size == Source::kUnknownSize
                                ? length
                                : std::min<uint64_t>(kWindowBytes, size - std::min(offset, size));
    if (wanted < length) return LocatedAt(Corrupt("truncated: the archive ends here"), {}, size);
    FASTINET_RETURN_IF_ERROR(source_.ReadAt(offset, MutableBytes(window_).first(wanted)));
    window_offset_ = offset;
    window_length_ = wanted;
  }
  return Bytes(window_).subspan(offset - window_offset_, length);
}

/// The first block of a member's content, or all of a shorter one.
Result<Bytes> TarScanner::PeekHead(uint64_t data, uint64_t size) {
  return Peek(data, std::min(size, kTarBlockBytes));
}

/// Adds where it is: the member as named in the innermost tar, or that tar itself.
Status TarScanner::LocatedAt(Status status, std::string_view name, uint64_t offset) const {
  const Level& tar = levels_.back();
  std::string member;
  if (!name.empty()) {
    member.append(tar.folder).append(name);
  } else if (tar.container >= 0) {
    member = members_.container_names[static_cast<size_t>(tar.container)];
  }
  return std::move(status).InMember(member).AtOffset(static_cast<int64_t>(offset));
}

}  // namespace fastinet
