// Where a tar ends: at its marker, before it, or with something behind it.
#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "tar/scan.h"

namespace fastinet {
namespace {

/// A number that blocks share by chance once in 2^64 times, some 20 ns away.
uint64_t HashOfBlock(Bytes block) {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;  // odd, and without pattern
  std::array<uint64_t, 4> lanes = {1, 2, 3, 4};
  for (size_t at = 0; at < kTarBlockBytes; at += 8 * lanes.size()) {
    for (size_t i = 0; i < lanes.size(); ++i) {
      const uint64_t mixed = (lanes[i] ^ LoadLittleEndian64(block.data() + at + 8 * i)) * kFactor;
      lanes[i] = mixed ^ (mixed >> 32);
    }
  }
  uint64_t hash = 0;
  for (const uint64_t lane : lanes) hash = (hash ^ lane) * kFactor ^ (hash >> 29);
  return hash;
}

bool IsZeros(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

/// Whether a walk from the header at `rest`'s start comes to an end-of-archive marker.
bool IsWholeTar(Bytes rest) {
  while (rest.size() >= kTarBlockBytes) {
    const Bytes block = rest.first(kTarBlockBytes);
    if (IsZeroBlock(block)) {
      return rest.size() >= 2 * kTarBlockBytes &&
             IsZeroBlock(rest.subspan(kTarBlockBytes, kTarBlockBytes));
    }
    const Result<TarHeader> header = ParseTarHeader(block);
    if (!header.ok()) return false;
    const uint64_t data = header.value().size_bytes;
    if (data > rest.size()) return false;
    rest = rest.subspan(std::min<uint64_t>(
        rest.size(), (1 + CeilDiv(data, kTarBlockBytes)) * kTarBlockBytes));
  }
  return false;
}

}  // namespace

void TarScanner::Note(TarNoteKind kind, uint64_t offset) {
  members_.notes.push_back({kind, std::string(inner_tar()), offset});
}

/// Keeps the header in mind, so that padding can be told that has it once more.
void TarScanner::Remember(Bytes header) {
  const uint64_t hash = HashOfBlock(header);
  if (recent_.size() < kRecentHeaders) {
    recent_.push_back(hash);
    return;
  }
  recent_[next_recent_] = hash;
  next_recent_ = (next_recent_ + 1) % kRecentHeaders;
}

/// Takes the end of a tar without a whole block of zeros: part of one shows that all members were
/// written; without any, the tar may have been cut behind any of them.
Status TarScanner::PassEnd() {
  const uint64_t end = End();
  const bool is_empty = level().cursor == level().begin;
  bool in_marker = false, in_header = false;
  if (level().cursor < end) {
    FASTINET_ASSIGN_OR_RETURN(const Bytes rest, Peek(level().cursor, end - level().cursor));
    in_marker = IsZeros(rest);
    in_header = !in_marker;
  }
  const bool unsaid = !in_marker && end_marker_ == EndMarker::kRequired;
  if (unsaid || in_header || is_empty || level().extended || level().sparse) {
    return LocatedAt(Corrupt("truncated: the tar ends without its end-of-archive marker"), {},
                     end);
  }
  Note(in_marker ? TarNoteKind::kCutMarker : TarNoteKind::kNoMarker, end);
  levels_.pop_back();
  return {};
}

/// The marker is two blocks of zeros (POSIX.1-2017, pax). Some programs write one, and none has a
/// file that begins with zeros: what was cut behind the first block has lost no member.
Status TarScanner::PassMarker() {
  const uint64_t first = level().cursor;
  const uint64_t second = first + kTarBlockBytes;
  if (level().extended) {
    return LocatedAt(Corrupt("an extended header is not followed by its entry"), {}, first);
  }
  FASTINET_RETURN_IF_ERROR(Await(first, 2 * kTarBlockBytes));
  if (!HasBlock(2)) {
    if (first == level().begin) {
      return LocatedAt(Corrupt("truncated: the tar ends within its end-of-archive marker"), {},
                       End());
    }
    Note(TarNoteKind::kCutMarker, End());
    level().cursor = second;
    level().marker_seen = true;
    return {};
  }
  FASTINET_ASSIGN_OR_RETURN(const Bytes block, Peek(second, kTarBlockBytes));
  if (IsZeroBlock(block)) {
    level().cursor = second + kTarBlockBytes;
    level().marker_seen = true;
    return {};
  }
  const bool is_header = IsTarHeader(block);
  FASTINET_ASSIGN_OR_RETURN(const bool is_old, IsOldPadding(second, true));
  if (is_old) {
    Note(TarNoteKind::kStalePadding, second);
    level().cursor = End();
    level().marker_seen = true;
    return {};
  }
  if (end_marker_ == EndMarker::kOptional && !is_header && first != level().begin) {
    Note(TarNoteKind::kLoneZeros, second);
    level().cursor = second;
    level().marker_seen = level().lone_zeros = true;
    return {};
  }
  return LocatedAt(Corrupt("a single block of zeros where the end-of-archive marker has two"), {},
                   second);
}

/// Walks what lies behind the marker: fill up to the record size (10240 bytes as a rule). A header
/// there means that tars were concatenated, and that whoever stops at the marker loses members.
Status TarScanner::PassPadding() {
  if (!HasBlock(1)) {
    levels_.pop_back();
    return {};
  }
  const uint64_t offset = level().cursor;
  FASTINET_ASSIGN_OR_RETURN(const Bytes block, Peek(offset, kTarBlockBytes));
  if (!IsTarHeader(block)) {
    level().cursor += kTarBlockBytes;
    return {};
  }
  FASTINET_ASSIGN_OR_RETURN(const bool is_old, IsOldPadding(offset, false));
  if (is_old) {
    Note(TarNoteKind::kStalePadding, offset);
    level().cursor = End();
    return {};
  }
  if (level().lone_zeros) {
    return LocatedAt(Corrupt("a tar header follows a single block of zeros, where the "
                             "end-of-archive marker has two"),
                     {}, offset);
  }
  if (levels_.size() == 1 && concatenated_ == Concatenated::kFollowed) {
    level().marker_seen = false;
    level().global = {};
    level().begin = offset;
    recent_.clear();
    next_recent_ = 0;
    return {};
  }
  return LocatedAt(Corrupt("a tar header follows the end-of-archive marker: concatenated tars; "
                           "keep them as separate files"),
                   {}, offset);
}

/// Whether what is left from `offset` on is the fill of Ant's tars and others': the last record is
/// written as it stands in memory, with what the record before had at the same places. So it is
/// less than a record, and its headers have gone by already. Behind a marker of one block it must
/// end where a record does, and not in zeros, as a tar does of which a header was overwritten.
Result<bool> TarScanner::IsOldPadding(uint64_t offset, bool behind_lone_zeros) {
  FASTINET_RETURN_IF_ERROR(Await(offset, kTarRecordBytes));
  const uint64_t end = End();
  if (end < offset || end - offset >= kTarRecordBytes) return false;
  if (behind_lone_zeros && (end - level().begin) % kTarRecordBytes != 0) return false;
  std::vector<uint8_t> bytes(end - offset);
  FASTINET_RETURN_IF_ERROR(source_.ReadAt(offset, bytes));
  Bytes rest(bytes);
  if (behind_lone_zeros && rest.size() >= 2 * kTarBlockBytes &&
      IsZeros(rest.last(2 * kTarBlockBytes))) {
    return false;
  }
  bool has_header = false;
  for (; rest.size() >= kTarBlockBytes; rest = rest.subspan(kTarBlockBytes)) {
    const Bytes block = rest.first(kTarBlockBytes);
    if (!IsTarHeader(block)) continue;
    const uint64_t hash = HashOfBlock(block);
    if (std::find(recent_.begin(), recent_.end(), hash) == recent_.end()) return false;
    if (!has_header && IsWholeTar(rest)) return false;
    has_header = true;
  }
  return has_header;
}

Status TarScanner::CutEntry(uint64_t size, uint64_t held) {
  return Corrupt("truncated, or a false size: the member has " + std::to_string(size) +
                 " bytes, of which the tar holds " + std::to_string(held));
}

Status TarScanner::CheckCut() const {
  if (!KnowsEnd()) return {};
  for (size_t i = 0; i < levels_.size(); ++i) {
    const Level& tar = levels_[i];
    const uint64_t size = source_.size_bytes();
    const uint64_t end = i == 0 ? size : std::min(size, tar.end);
    const uint64_t held = end - std::min(end, tar.last_data);
    if (tar.last_size <= held) continue;
    return CutEntry(tar.last_size, held)
        .InMember(tar.last_name.empty() ? std::string() : tar.folder + tar.last_name)
        .AtOffset(static_cast<int64_t>(end));
  }
  return {};
}

/// Makes sure that `length` bytes from `offset` on are at hand, as far as the archive has them, and
/// that no entry before is cut.
Status TarScanner::Await(uint64_t offset, uint64_t length) const {
  if (!KnowsEnd()) FASTINET_RETURN_IF_ERROR(source_.Await(offset, length));
  return CheckCut();
}

}  // namespace fastinet
