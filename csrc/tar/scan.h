// A walk over a tar's headers: where each file in it lies, tars within the tar included.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/source.h"
#include "base/status.h"
#include "tar/header.h"

namespace fastinet {

/// The regular files of an archive as columns, in archive order; row i of each is member i.
///
/// A member of an inner tar is addressed in the outer archive (outer offset + 512 + inner offset)
/// and named as if the inner tar were a folder: "n01440764/n01440764_10026.JPEG". Inner tars
/// themselves are containers, not members.
struct TarMembers {
  static constexpr size_t kHeadBytes = 8;
  using Head = std::array<uint8_t, kHeadBytes>;

  std::vector<uint64_t> offsets;    // of the first content byte, in the archive [bytes]
  std::vector<uint64_t> sizes;      // [bytes]
  std::vector<int32_t> containers;  // index into container_names; -1: not in an inner tar
  std::vector<Head> heads;          // first content bytes, zeros where the member has fewer
  std::string names;                // all names, one after another, undecoded
  std::vector<uint64_t> name_ends;  // where name i ends in `names` [bytes]
  std::vector<std::string> container_names;  // as the outer tar spells them: "n01440764.tar"
  uint64_t special_entries = 0;  // links, devices and vendor entries that were passed over

  size_t count() const { return offsets.size(); }
};

/// Reads an archive's headers, and nothing else of it, in steps of bounded length.
///
/// Strict where a lenient reader would come up short without a word: every tar, inner ones too,
/// must end in its two zero blocks, no member may reach beyond its tar, and no header may follow
/// the end. So a complete scan means a complete list.
class TarScanner {
 public:
  /// `source` must outlive the scanner. Names start with `folder` and a slash unless it is empty.
  TarScanner(const Source& source, std::string_view folder);

  /// Reads up to `max_blocks` further blocks. After an error (kCorrupt, kUnsupported, kTooLarge or
  /// the source's own) the scan cannot go on. Offsets in errors are absolute.
  Status Step(int64_t max_blocks);

  bool done() const { return started_ && levels_.empty(); }
  /// How far the walk has come [bytes].
  uint64_t position_bytes() const {
    return levels_.empty() ? source_.size_bytes() : levels_.back().cursor;
  }
  const TarMembers& members() const { return members_; }
  /// Forgets the members found so far, which whoever takes them one by one does not need again.
  void ForgetMembers();

 private:
  /// One tar being walked: the archive itself, or an inner tar within it.
  struct Level {
    uint64_t cursor;             // of the next block [bytes in the archive]
    uint64_t end;                // of the tar [bytes in the archive]; of the archive: see End()
    std::string folder;          // put before names: "" or "n01440764/"
    int32_t container = -1;      // row of container_names
    bool marker_seen = false;    // the two zero blocks are behind us
    PaxRecords global = {};      // from 'g' headers so far
    PaxRecords local = {};       // from the 'x' header just before
    std::string long_name = {};  // from the 'L' header just before
    bool extended = false;       // an 'L', 'K' or 'x' header still waits for its entry
  };

  Status Start();
  Status Advance();
  Status PassPadding();
  Status PassMarker();
  Status PassEntry(const TarHeader& header);
  Status PassExtendedHeader(const TarHeader& header);
  Status AddRegular(std::string name, uint64_t data, uint64_t size);
  Status EnterInnerTar(std::string name, uint64_t data, uint64_t size);

  Level& level() { return levels_.back(); }
  /// Where the innermost tar ends [bytes in the archive]. An archive that is still arriving says so
  /// when it is known.
  uint64_t End() const { return levels_.size() == 1 ? source_.size_bytes() : levels_.back().end; }
  bool HasBlock(uint64_t count) const;
  Result<uint64_t> EndOfData(std::string_view name, uint64_t data, uint64_t size);
  void SkipTo(uint64_t end_of_data);
  Result<Bytes> Peek(uint64_t offset, uint64_t length);
  Result<Bytes> PeekHead(uint64_t data, uint64_t size);
  Status InPlace(Status status, std::string_view name, uint64_t offset) const;

  // A header, a pax header before it and its records, and the first block of content: one page.
  static constexpr size_t kWindowBytes = 4096;

  const Source& source_;
  TarMembers members_;
  std::vector<Level> levels_;
  bool started_ = false;

  std::array<uint8_t, kWindowBytes> window_;
  uint64_t window_offset_ = 0;
  uint64_t window_length_ = 0;
};

}  // namespace fastinet
