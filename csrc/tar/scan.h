// A walk over a tar's headers: where each file in it lies, tars within the tar included.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/source.h"
#include "base/status.h"
#include "tar/header.h"

namespace fastinet {

/// What an entry is that is no file of its own.
enum class PassedKind : uint8_t {
  kHardLink,
  kSymbolicLink,
  kDevice,          // devices and FIFOs
  kVendorRecord,    // volume labels, directory dumps
  kLeftoverFolder,  // one that is passed over with all that is in it, see JunkEnd()
  kSparseFile,      // one that the tar has without its zeros, in several runs
  kContinuation,    // the rest of a file that began in another archive
};

/// An entry that is no file of its own.
struct PassedEntry {
  PassedKind kind;
  std::string name;    // as that of a member
  std::string target;  // of a hard link, as the name of a member; of a symbolic link, as it is told
  uint64_t offset;     // where content would begin, in the archive [bytes]; rises as members' do

  bool operator==(const PassedEntry&) const = default;
};

/// What is odd about a tar that is read nevertheless.
enum class TarNoteKind : uint8_t {
  kCutMarker,     // it ends within its end-of-archive marker: all that was before is there
  kNoMarker,      // it ends without one, which EndMarker::kOptional allows
  kLoneZeros,     // one block of zeros is its marker, and something else follows; likewise
  kStalePadding,  // headers that have gone by already are left in the fill behind the marker
  kUnknownType,   // an entry of a type that has no meaning, taken for a file
};
inline constexpr size_t kTarNoteKinds = 5;

struct TarNote {
  TarNoteKind kind;
  std::string name;  // the inner tar as container_names has it, "": the archive; or the member
  uint64_t offset;   // in the archive [bytes]

  bool operator==(const TarNote&) const = default;
};

/// The regular files of an archive as columns, in archive order; row i of each is member i.
///
/// A member of an inner tar is addressed in the outer archive (outer offset + 512 + inner offset)
/// and named as if the inner tar were a folder: "n01440764/n01440764_10026.JPEG". Inner tars
/// themselves, and directories, are containers and not members.
struct TarMembers {
  static constexpr size_t kHeadBytes = 8;
  using Head = std::array<uint8_t, kHeadBytes>;

  std::vector<uint64_t> offsets;    // of the first content byte, in the archive [bytes]
  std::vector<uint64_t> sizes;      // [bytes]
  std::vector<int32_t> containers;  // index into container_names; -1: not in an inner tar
  std::vector<Head> heads;          // first content bytes, zeros where the member has fewer
  std::string names;                // all names, one after another, undecoded
  std::vector<uint64_t> name_ends;  // where name i ends in `names` [bytes]
  // Inner tars, as the outer tar spells them: "n01440764.tar"; and directories, by their whole
  // paths and with a slash behind, as an archive with class folders has them: "train/n01440764/".
  // One in an inner tar has the tar's name in front, "val.tar/n01440764/", which tells it from one
  // in a folder "val". (The members' names do not.)
  std::vector<std::string> container_names;
  std::vector<PassedEntry> passed;  // entries that are no files of their own, in archive order
  std::vector<TarNote> notes;       // likewise in archive order

  size_t count() const { return offsets.size(); }

  /// Puts `later`, taken from the same scanner, behind these: all of it, or nothing where it fails,
  /// which it does by std::bad_alloc.
  void Append(TarMembers later);
};

/// An archive and the tars in it; a third level is nothing that the ImageNet family has.
inline constexpr size_t kMaxTarLevels = 2;

/// What to make of a tar that follows another tar's end, as `cat a.tar b.tar` puts them together.
enum class Concatenated : bool {
  kRefused,   // an error: other readers stop at the first end, and would lose members in silence
  kFollowed,  // its members come too: a stream has no other way to be several archives
};

/// Whether a tar may end without the two blocks of zeros that POSIX has at its end.
enum class EndMarker : bool {
  kRequired,  // since an archive that was cut between two members looks the same
  kOptional,
};

/// Reads an archive's headers, and nothing else of it, in steps of bounded length.
///
/// Strict where a lenient reader would come up short without a word: every tar, inner ones too,
/// must show that it is at its end, by a block of zeros at least, no member may reach beyond its
/// tar, and no other tar may follow the end. So a complete scan means a complete list. What is odd
/// and can lose nothing is noted.
///
/// Reads go forwards. The source's size may be a bound at first (that of an archive which is still
/// being inflated) as long as it is right once the bytes before it are used up.
class TarScanner {
 public:
  /// `source` must outlive the scanner. Names start with `folder` and a slash unless it is empty.
  TarScanner(const Source& source, std::string_view folder,
             Concatenated concatenated = Concatenated::kRefused,
             EndMarker end_marker = EndMarker::kRequired);

  /// Reads up to `max_blocks` further blocks. After an error (kCorrupt, kUnsupported, kTooLarge or
  /// the source's own) the list is incomplete, and the scan goes on only after Recover(). Offsets
  /// in errors are absolute.
  Status Step(int64_t max_blocks);

  /// After a failed Step(): gives up what it could not read, and lets the next Step() look for the
  /// next header. For those who want to know all that is wrong with an archive. Of an inner tar
  /// that is cut off it lists what is there. Not after a source's own error.
  void Recover();

  /// Whether it looks for a header behind damage; what Save() gives then does not know of it.
  bool searching() const { return searching_; }

  bool done() const { return started_ && levels_.empty(); }
  /// Whether the archive's own end-of-archive marker is behind it: no member before is cut short.
  bool behind_end() const { return done() || (levels_.size() == 1 && levels_.front().marker_seen); }
  /// How far the walk has come [bytes].
  uint64_t position_bytes() const {
    return levels_.empty() ? source_.size_bytes() : levels_.back().cursor;
  }
  const TarMembers& members() const { return members_; }
  /// The inner tar that the walk is in, as container_names has it; "": none. What the last step has
  /// found is in it, but for the tar itself where it has just begun.
  std::string_view inner_tar() const;
  /// Forgets the members found so far, and what was passed. A reader that has taken them one by one
  /// saves the memory.
  void ForgetMembers();
  /// Forgets what was passed and noted so far, and no member.
  void ForgetPassed() {
    members_.passed.clear();
    members_.notes.clear();
  }

  /// How many bytes from position_bytes() on the next Step(1) may read at most, if the source has
  /// as many. For a source that is inflated forwards: what lies before is not asked for again.
  static constexpr uint64_t kReachBytes = kTarRecordBytes + 2 * kTarBlockBytes + 4096;

  /// After the source's end has come too early: the error of the entry that it cuts, the outermost
  /// one; none where it cuts none. The same as of an archive whose size was known before.
  Status CheckCut() const;

  /// The members and containers found since the last call, and taken away. `containers` number the
  /// containers from the archive's first one on. Where it fails, by std::bad_alloc, nothing is
  /// taken.
  TarMembers TakeMembers();

  /// All that is needed to go on from here, apart from what was found; and taking it up in a new
  /// scanner of the same source, with the names of the containers found so far. kCorrupt when
  /// `saved` is not what Save() gives.
  std::vector<uint8_t> Save() const;
  Status Restore(Bytes saved, std::vector<std::string> container_names);

 private:
  /// A file of GNU's type 'S' whose map goes on.
  struct SparseFile {
    std::string name;
    uint64_t stored_bytes;  // behind the map
    uint64_t file_bytes;
    SparseMap map;
  };

  /// One tar being walked: the archive itself, or an inner tar within it.
  struct Level {
    uint64_t cursor;             // of the next block [bytes in the archive]
    uint64_t end;                // of an inner tar [bytes in the archive]; the outer one: see End()
    std::string folder;          // put before names: "" or "n01440764/"
    int32_t container = -1;      // row of container_names
    bool marker_seen = false;    // the two zero blocks are behind us
    bool lone_zeros = false;     // it was one, and EndMarker::kOptional took it for a marker
    PaxRecords global = {};      // from 'g' headers so far
    PaxRecords local = {};       // from the 'x' header just before
    std::string long_name = {};  // from the 'L' header just before
    std::string long_link = {};  // from the 'K' header just before
    bool extended = false;       // an 'L', 'K' or 'x' header still waits for its entry
    uint64_t begin = 0;          // of the tar [bytes in the archive]
    // The entry whose data were announced last, all of whose bytes the tar must have.
    std::string last_name = {};
    uint64_t last_data = 0;  // [bytes in the archive]
    uint64_t last_size = 0;  // [bytes]
    // What goes on in the next blocks: an extended header's data, or a sparse file's map.
    std::optional<ExtendedReader> reading = {};
    std::string reading_name = {};
    uint64_t reading_from = 0;  // [bytes in the archive]
    std::optional<SparseFile> sparse = {};
  };

  /// A member that its name calls a tar.
  struct InnerTar {
    std::string name;
    uint64_t data;              // where it begins [bytes in the archive]
    uint64_t size;              // [bytes]
    std::vector<uint8_t> head;  // its first block
  };

  Status Start();
  Status Advance();
  Status Search();
  bool EnterCutTar();
  Status PassPadding();
  Status PassMarker();
  Status PassEnd();
  Result<bool> IsOldPadding(uint64_t offset, bool behind_lone_zeros);
  void Note(TarNoteKind kind, uint64_t offset);
  Status PassEntry(const TarHeader& header);
  Status PassFile(TarEntryType type, std::string name, uint64_t size, const PaxRecords& sparse);
  Status PassHardLink(const TarHeader& header, const PaxRecords& local, std::string_view name,
                      std::string_view link);
  Status BeginExtendedHeader(const TarHeader& header);
  Status ReadExtendedHeader();
  Status ReadSparseMap();
  Status PassSparse(std::string name, uint64_t data, uint64_t size, const SparseMap& map,
                    uint64_t map_bytes, uint64_t file_bytes);
  void Remember(Bytes header);
  Status Await(uint64_t offset, uint64_t length) const;
  bool KnowsEnd() const { return source_.size_bytes() < Source::kUnknownSize; }
  void AddPassed(PassedKind kind, std::string_view name, std::string_view target, uint64_t data);
  Status AddRegular(std::string name, uint64_t data, uint64_t size);
  Status AddDirectory(std::string_view name, uint64_t offset);
  Status EnterInnerTar(std::string name, uint64_t data, uint64_t size);
  Result<int32_t> AddContainer(std::string name, uint64_t offset);
  bool HasInnerTars() const;

  Level& level() { return levels_.back(); }
  static Status CutEntry(uint64_t size, uint64_t held);
  uint64_t End() const;
  bool HasBlock(uint64_t count) const;
  Result<uint64_t> EndOfData(std::string_view name, uint64_t data, uint64_t size);
  void SkipTo(uint64_t end_of_data);
  Result<Bytes> Peek(uint64_t offset, uint64_t length);
  Result<Bytes> PeekHead(uint64_t data, uint64_t size);
  Status LocatedAt(Status status, std::string_view name, uint64_t offset) const;

  // A header, a pax header before it and its records, and the first block of content: one page.
  static constexpr size_t kWindowBytes = 4096;
  // Those in a record, of which padding may have old ones, and in small archives all.
  static constexpr size_t kRecentHeaders = 64;

  const Source& source_;
  const Concatenated concatenated_;
  const EndMarker end_marker_;
  TarMembers members_;
  size_t containers_taken_ = 0;
  std::vector<Level> levels_;
  bool started_ = false;
  uint64_t step_start_ = 0;             // of the block that the last step began with [bytes]
  bool searching_ = false;              // for a header, after damage
  std::optional<InnerTar> passed_tar_;  // by the last step: does not begin as one
  std::vector<uint64_t> recent_;        // hashes of the last headers, round about
  size_t next_recent_ = 0;

  std::array<uint8_t, kWindowBytes> window_;
  uint64_t window_offset_ = 0;
  uint64_t window_length_ = 0;
};

}  // namespace fastinet
