#include "tar/header.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/checked.h"

namespace fastinet {
namespace {

// Byte ranges of the fields read here (POSIX.1-2017, "ustar Interchange Format").
struct Field {
  size_t offset;
  size_t length;
};
constexpr Field kName{0, 100};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 6};
constexpr Field kPrefix{345, 155};

// POSIX ends its magic with NUL; GNU writes "ustar " and keeps times where POSIX has the prefix.
constexpr std::string_view kPosixMagic("ustar\0", 6);

Bytes Slice(Bytes block, Field field) { return block.subspan(field.offset, field.length); }

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The field's text up to its first NUL; a field without NUL is full.
std::string_view TextField(Bytes bytes) {
  const std::string_view text = AsText(bytes);
  return text.substr(0, text.find('\0'));
}

/// Octal digits between optional spaces, ended by NUL, space or the field's end. A blank field
/// counts as zero, as GNU tar and Python's tarfile have it.
[[nodiscard]] std::optional<uint64_t> ParseOctal(Bytes field) {
  std::string_view text = TextField(field);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  uint64_t value = 0;
  // The longest field has 12 digits, 36 bits: no overflow.
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<uint64_t>(digit - '0');
  }
  return value;
}

/// GNU base-256: bit 7 of the first byte marks the form, bit 6 is the sign, the rest is a
/// big-endian number. Negative and over-long numbers are no sizes.
[[nodiscard]] std::optional<uint64_t> ParseBase256(Bytes field) {
  if ((field[0] & 0x40) != 0) return std::nullopt;
  uint64_t value = field[0] & 0x3f;
  for (const uint8_t byte : field.subspan(1)) {
    if ((value >> 56) != 0) return std::nullopt;
    value = (value << 8) | byte;
  }
  return value;
}

[[nodiscard]] std::optional<uint64_t> ParseNumber(Bytes field) {
  return (field[0] & 0x80) != 0 ? ParseBase256(field) : ParseOctal(field);
}

TarEntryType TypeOf(uint8_t flag) {
  switch (flag) {
    case '\0':
    case '0':
    case '7':  // contiguous file: regular, says POSIX, to a reader that has no such thing
      return TarEntryType::kRegular;
    case '1':
      return TarEntryType::kHardLink;
    case '2':
      return TarEntryType::kSymbolicLink;
    case '3':
    case '4':
    case '6':
      return TarEntryType::kSpecial;
    case '5':
      return TarEntryType::kDirectory;
    case 'L':
      return TarEntryType::kLongName;
    case 'K':
      return TarEntryType::kLongLink;
    case 'x':
    case 'X':  // Solaris wrote pax records under this letter before POSIX settled on 'x'
      return TarEntryType::kPaxLocal;
    case 'g':
      return TarEntryType::kPaxGlobal;
    case 'S':
      return TarEntryType::kSparse;
    case 'M':
      return TarEntryType::kMultiVolume;
    default:
      return TarEntryType::kOther;
  }
}

bool IsLink(TarEntryType type) {
  return type == TarEntryType::kHardLink || type == TarEntryType::kSymbolicLink;
}

bool HasData(TarEntryType type) {
  return type != TarEntryType::kDirectory && type != TarEntryType::kSpecial && !IsLink(type);
}

/// Digits only; nothing when `text` is empty, has anything else in it, or does not fit.
[[nodiscard]] std::optional<uint64_t> ParseDecimal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::optional<uint64_t> value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = CheckedMul<uint64_t>(*value, 10);
    if (value) value = CheckedAdd<uint64_t>(*value, static_cast<uint64_t>(digit - '0'));
    if (!value) return std::nullopt;
  }
  return value;
}

Status ApplyPaxRecord(std::string_view key, std::string_view value, PaxRecords* records) {
  if (key == "path") {
    records->path.reset();
    if (!value.empty()) records->path = std::string(value);
  } else if (key == "linkpath") {
    records->link_path.reset();
    if (!value.empty()) records->link_path = std::string(value);
  } else if (key == "size") {
    records->size_bytes.reset();
    if (!value.empty()) {
      records->size_bytes = ParseDecimal(value);
      if (!records->size_bytes) return Corrupt("pax record \"size\" is no number");
    }
  } else if (key.starts_with("GNU.sparse.")) {
    records->sparse = true;
  }
  return {};
}

}  // namespace

bool IsZeroBlock(Bytes block) {
  return std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; });
}

bool IsTarHeader(Bytes block) {
  const Bytes field = Slice(block, kChecksum);
  const std::optional<uint64_t> stated = ParseOctal(field);
  if (!stated) return false;

  uint32_t sum = 0;
  uint32_t high_bytes = 0;
  for (size_t i = 0; i < kTarBlockBytes; ++i) {
    sum += block[i];
    high_bytes += block[i] >> 7;
  }
  // The sum is taken as if the checksum field held spaces.
  for (const uint8_t byte : field) {
    sum += uint32_t{' '} - byte;
    high_bytes -= byte >> 7;
  }
  // Some old tars summed signed chars: each byte of 128 or more then counts 256 less.
  return *stated == sum ||
         static_cast<int64_t>(*stated) == int64_t{sum} - 256 * int64_t{high_bytes};
}

Result<TarHeader> ParseTarHeader(Bytes block) {
  if (!IsTarHeader(block)) return Corrupt("tar header with a wrong checksum");
  TarHeader header;
  header.type = TypeOf(Slice(block, kType)[0]);
  if (HasData(header.type)) {
    const std::optional<uint64_t> size = ParseNumber(Slice(block, kSize));
    if (!size) return Corrupt("tar header with an impossible size");
    header.size_bytes = *size;
  }
  if (AsText(Slice(block, kMagic)) == kPosixMagic) {
    const std::string_view prefix = TextField(Slice(block, kPrefix));
    if (!prefix.empty()) header.name.append(prefix).push_back('/');
  }
  header.name.append(TextField(Slice(block, kName)));
  if (IsLink(header.type)) header.link = TextField(Slice(block, kLink));
  return header;
}

Status ParsePaxRecords(Bytes data, PaxRecords* records) {
  std::string_view rest = AsText(data);
  while (!rest.empty() && rest.front() != '\0') {
    const size_t space = rest.find(' ');
    const std::optional<uint64_t> length = ParseDecimal(rest.substr(0, space));
    if (space == std::string_view::npos || !length || *length > rest.size() ||
        *length < space + 2) {
      return Corrupt("pax record with an impossible length");
    }
    const std::string_view record = rest.substr(space + 1, *length - space - 1);
    const size_t equals = record.find('=');
    if (record.back() != '\n' || equals == std::string_view::npos) {
      return Corrupt("pax record is not \"key=value\" and a newline");
    }
    FASTINET_RETURN_IF_ERROR(ApplyPaxRecord(
        record.substr(0, equals), record.substr(equals + 1, record.size() - equals - 2), records));
    rest.remove_prefix(*length);
  }
  return {};
}

std::string ParseLongName(Bytes data) { return std::string(TextField(data)); }

}  // namespace fastinet
