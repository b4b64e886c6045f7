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

/// What a header announces. Only kRegular can become a member of a dataset.
enum class TarEntryType : uint8_t {
  kRegular,
  kDirectory,
  kHardLink,      // another name of a file before it: no data follows
  kSymbolicLink,  // a path in place of a file: no data follows
  kSpecial,       // devices, FIFOs: no data follows
  kOther,         // vendor extensions (volume labels, directory dumps): data follows, no file
  kSparse,        // file whose data are not one run of bytes
  kMultiVolume,   // the rest of a file that began in another archive
  kLongName,      // GNU 'L': data are the next entry's name
  kLongLink,      // GNU 'K': data are the next entry's link target
  kPaxLocal,      // pax 'x': records for the next entry
  kPaxGlobal,     // pax 'g': records for every later entry
};

struct TarHeader {
  TarEntryType type = TarEntryType::kRegular;
  uint64_t size_bytes = 0;  // of the data that follow the block, without padding
  std::string name;         // as the block spells it, prefix joined
  std::string link;         // of a link: what it points to
};

/// The pax records that matter to a reader of file contents.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link_path;
  std::optional<uint64_t> size_bytes;
  bool sparse = false;
};

/// Whether `block` holds nothing but zeros, as both blocks of an end-of-archive marker do.
bool IsZeroBlock(Bytes block);

/// Whether `block` is a tar header: its checksum field states the sum of its bytes, in octal
/// digits. That singles out V7 headers too, which have no magic; image data practically never pass.
bool IsTarHeader(Bytes block);

/// Reads a header block of kTarBlockBytes. kCorrupt when the checksum or a number is wrong.
Result<TarHeader> ParseTarHeader(Bytes block);

/// Merges the records in `data` (the contents of an 'x' or 'g' entry) into `records`. An empty
/// value withdraws a record. kCorrupt when a record breaks the "length key=value\n" form.
Status ParsePaxRecords(Bytes data, PaxRecords* records);

/// The text of a GNU 'L' or 'K' entry: its data up to the first NUL.
std::string ParseLongName(Bytes data);

}  // namespace fastinet
