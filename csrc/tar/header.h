// One tar header block, and the extended headers that overrule it.
//
// Sources: POSIX.1-2017 "pax" (ustar and pax interchange formats), the GNU tar manual ("Basic Tar
// Format"), and tar(5) of libarchive for what V7 archives hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// Everything in a tar starts on a multiple of this many bytes.
inline constexpr uint64_t kTarBlockBytes = 512;

/// What tars are filled up to a multiple of, as a rule: what was written to a tape at once [bytes].
inline constexpr uint64_t kTarRecordBytes = 20 * kTarBlockBytes;

/// What a header announces. Only kRegular can become a member of a dataset.
enum class TarEntryType : uint8_t {
  kRegular,
  kDirectory,
  kHardLink,      // another name of a file before it: no data follows
  kSymbolicLink,  // a path in place of a file: no data follows
  kSpecial,       // devices, FIFOs: no data follows
  kOther,         // vendor records (volume labels, directory dumps): data follow, no file
  kUnknown,       // a letter that nobody has given a meaning: a file, says POSIX, to such a reader
  kSparse,        // file without its zeros, see SparseMap
  kMultiVolume,   // the rest of a file that began in another archive
  kLongName,      // GNU 'L': data are the next entry's name
  kLongLink,      // GNU 'K': data are the next entry's link target
  kPaxLocal,      // pax 'x': records for the next entry
  kPaxGlobal,     // pax 'g': records for every later entry
};

/// Whether the data of a sparse file, of which a tar has the parts that are not zeros alone, are
/// nevertheless all of it in one run. GNU tar packs files so that take less room on their disk than
/// they have bytes, as all do on a disk that compresses.
class SparseMap {
 public:
  /// The part of `length` bytes at `offset` in the file; parts come in their order.
  void Add(uint64_t offset, uint64_t length);
  /// Parts that could not be read.
  void Spoil() { has_holes_ = true; }
  /// Whether the parts are the whole of a file of `size` bytes.
  bool Covers(uint64_t size) const { return !has_holes_ && end_ == size; }

  uint64_t end() const { return end_; }
  bool has_holes() const { return has_holes_; }
  bool operator==(const SparseMap&) const = default;

 private:
  uint64_t end_ = 0;  // of the parts so far [bytes in the file]
  bool has_holes_ = false;
};

struct TarHeader {
  TarEntryType type = TarEntryType::kRegular;
  uint64_t size_bytes = 0;  // of the data that follow the block, without padding
  std::string name;         // as the block spells it, prefix joined
  std::string link;         // of a link: what it points to
  uint64_t link_bytes = 0;  // of a hard link: what its size field says; data may follow or not
  // Of a sparse file:
  SparseMap map = {};
  uint64_t file_bytes = 0;     // of the whole file
  bool map_continues = false;  // in blocks of their own behind this one, see ParseSparseBlock()
};

/// The pax records that matter to a reader of file contents.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link_path;
  std::optional<uint64_t> size_bytes;
  // Of a sparse file, in GNU's forms 0.0, 0.1 and 1.0:
  bool sparse = false;
  std::optional<std::string> sparse_name;
  uint64_t file_bytes = 0;           // of the whole file
  std::optional<uint64_t> part = {};  // where a part begins whose length is still to come
  SparseMap map = {};                // forms 0.0 and 0.1
  bool map_in_data = false;          // form 1.0: the data begin with it

  bool operator==(const PaxRecords&) const = default;
};

/// Whether `block` holds nothing but zeros, as both blocks of an end-of-archive marker do.
bool IsZeroBlock(Bytes block);

/// Whether `block` is a tar header: its checksum field states the sum of its bytes, in octal
/// digits. That singles out V7 headers too, which have no magic; image data practically never pass.
bool IsTarHeader(Bytes block);

/// Reads a header block of kTarBlockBytes. kCorrupt when the checksum or a number is wrong.
Result<TarHeader> ParseTarHeader(Bytes block);

/// Takes a block of a sparse file's map that has more parts than its header has room for; whether
/// yet another such block follows.
bool ParseSparseBlock(Bytes block, SparseMap* map);

/// The map that the data of a sparse file begin with, in its form 1.0. `block` is their first
/// block; `map_bytes` is what the map takes, padding included. A map of more than a block is none
/// of a file that is whole, and counts as one with holes.
SparseMap ParseSparseData(Bytes block, uint64_t* map_bytes);

/// Reads the data of an 'x', 'g', 'L' or 'K' entry as they come, of any length, and keeps what
/// matters: attributes of files, which macOS writes by the megabyte, are passed over.
class ExtendedReader {
 public:
  /// What may be kept of one record, and of a name [bytes].
  static constexpr size_t kMaxValueBytes = size_t{1} << 16;

  ExtendedReader() = default;
  /// Of an entry of this type, whose data have `left` bytes.
  ExtendedReader(TarEntryType type, uint64_t left) : type_(type), left_(left) {}

  TarEntryType type() const { return type_; }
  /// How many bytes are still to come.
  uint64_t left() const { return left_; }

  /// Takes the next bytes, no more than are left, and merges whole records into `records`. An empty
  /// value withdraws a record. kCorrupt when a record breaks the "length key=value\n" form.
  Status Take(Bytes data, PaxRecords* records);
  /// Of a GNU 'L' or 'K' entry, when nothing is left: its text, up to the first NUL.
  std::string TakeText();

  /// All of it as numbers and text, to be kept; and again from there.
  struct State {
    uint64_t letter, left, length, taken;
    bool over, skips;
    std::string text;
  };
  State Save() const;
  static ExtendedReader Restore(State state);

 private:
  Status TakeLength(uint8_t byte);
  Status TakeRecord(Bytes* data, PaxRecords* records);

  TarEntryType type_ = TarEntryType::kPaxLocal;
  uint64_t left_ = 0;
  uint64_t length_ = 0;  // of the record that is arriving; 0: its length is
  uint64_t taken_ = 0;   // of it
  bool over_ = false;    // a NUL has come, behind which there is nothing
  bool skips_ = false;   // the record is none that matters
  std::string text_;     // the length's digits, or key and value, or the name
};

}  // namespace fastinet
