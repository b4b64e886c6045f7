#include "tar/header.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

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
// star has a prefix of 131 bytes, times behind it, and a magic of its own at the end.
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarMagic{508, 4};
// GNU's, of sparse files: parts of two numbers each, whether blocks with more follow, and the size
// of the whole file.
constexpr Field kSparseParts{386, 4 * 24};
constexpr Field kSparseContinues{482, 1};
constexpr Field kSparseFileSize{483, 12};
constexpr Field kSparseBlockParts{0, 21 * 24};
constexpr Field kSparseBlockContinues{504, 1};
constexpr size_t kSparseNumberBytes = 12;

// POSIX ends its magic with NUL; GNU writes "ustar " and keeps times where POSIX has the prefix.
constexpr std::string_view kPosixMagic("ustar\0", 6);
constexpr std::string_view kStarEnd("tar\0", 4);

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
    case 'A':  // Solaris: access control lists, extended attributes
    case 'E':
    case 'D':  // GNU: the names in a directory, of incremental dumps
    case 'I':  // star: an inode without data
    case 'N':  // GNU, long ago: names of later entries
    case 'V':  // GNU: the label of a volume
      return TarEntryType::kOther;
    default:
      return TarEntryType::kUnknown;
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

/// "offset,length,offset,length", of a sparse file's form 0.1.
SparseMap ParseSparseList(std::string_view text) {
  SparseMap map;
  while (!text.empty()) {
    std::array<std::optional<uint64_t>, 2> numbers;
    for (std::optional<uint64_t>& number : numbers) {
      const size_t comma = std::min(text.find(','), text.size());
      number = ParseDecimal(text.substr(0, comma));
      text.remove_prefix(std::min(comma + 1, text.size()));
      if (!number) {
        map.Spoil();
        return map;
      }
    }
    map.Add(*numbers[0], *numbers[1]);
  }
  return map;
}

/// Takes the parts in `field` up to the first that is blank.
void AddSparseParts(Bytes field, SparseMap* map) {
  for (; !field.empty(); field = field.subspan(2 * kSparseNumberBytes)) {
    const Bytes offset = field.first(kSparseNumberBytes);
    const Bytes length = field.subspan(kSparseNumberBytes, kSparseNumberBytes);
    if (offset[0] == 0 && length[0] == 0) return;
    const std::optional<uint64_t> start = ParseNumber(offset), bytes = ParseNumber(length);
    if (!start || !bytes) return map->Spoil();
    map->Add(*start, *bytes);
  }
}

constexpr std::string_view kSparsePrefix = "GNU.sparse.";

/// A number of a sparse file, all of which say how a file is that is not read if they are odd.
void ApplySparseRecord(std::string_view key, std::string_view value, PaxRecords* records) {
  records->sparse = true;
  const std::optional<uint64_t> number = ParseDecimal(value);
  if (key == "name") {
    records->sparse_name.reset();
    if (!value.empty()) records->sparse_name = std::string(value);
  } else if (key == "size" || key == "realsize") {
    records->file_bytes = number.value_or(0);
    if (!number) records->map.Spoil();
  } else if (key == "major") {
    records->map_in_data = number == 1;
  } else if (key == "map") {
    records->map = ParseSparseList(value);
  } else if (key == "offset") {
    records->part = number;
  } else if (key == "numbytes") {
    if (number && records->part) {
      records->map.Add(*records->part, *number);
    } else {
      records->map.Spoil();
    }
    records->part.reset();
  }
}

/// Whether a record with this key matters.
bool IsKept(std::string_view key) {
  return key == "path" || key == "linkpath" || key == "size" || key.starts_with(kSparsePrefix);
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
  } else if (key.starts_with(kSparsePrefix)) {
    ApplySparseRecord(key.substr(kSparsePrefix.size()), value, records);
  }
  return {};
}

Status ImpossibleLength() { return Corrupt("pax record with an impossible length"); }

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
  if (header.type == TarEntryType::kHardLink) {
    header.link_bytes = ParseNumber(Slice(block, kSize)).value_or(0);
  }
  if (header.type == TarEntryType::kSparse) {
    AddSparseParts(Slice(block, kSparseParts), &header.map);
    header.map_continues = Slice(block, kSparseContinues)[0] != 0;
    const std::optional<uint64_t> size = ParseNumber(Slice(block, kSparseFileSize));
    if (!size) header.map.Spoil();
    header.file_bytes = size.value_or(0);
  }
  if (AsText(Slice(block, kMagic)) == kPosixMagic) {
    const bool is_star = AsText(Slice(block, kStarMagic)) == kStarEnd;
    const std::string_view prefix = TextField(Slice(block, is_star ? kStarPrefix : kPrefix));
    if (!prefix.empty()) header.name.append(prefix).push_back('/');
  }
  header.name.append(TextField(Slice(block, kName)));
  if (IsLink(header.type)) header.link = TextField(Slice(block, kLink));
  return header;
}

void SparseMap::Add(uint64_t offset, uint64_t length) {
  const std::optional<uint64_t> end = CheckedAdd(offset, length);
  if (!end || (offset != end_ && length > 0)) {
    has_holes_ = true;
  } else {
    end_ = std::max(end_, *end);
  }
}

bool ParseSparseBlock(Bytes block, SparseMap* map) {
  AddSparseParts(Slice(block, kSparseBlockParts), map);
  return Slice(block, kSparseBlockContinues)[0] != 0;
}

SparseMap ParseSparseData(Bytes block, uint64_t* map_bytes) {
  SparseMap map;
  std::string_view text = AsText(block);
  const auto next = [&text]() -> std::optional<uint64_t> {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::optional<uint64_t> number = ParseDecimal(text.substr(0, end));
    text.remove_prefix(end + 1);
    return number;
  };
  *map_bytes = kTarBlockBytes;
  std::optional<uint64_t> left = next();
  if (!left) map.Spoil();
  for (; !map.has_holes() && *left > 0; --*left) {
    const std::optional<uint64_t> offset = next(), length = next();
    if (offset && length) {
      map.Add(*offset, *length);
    } else {
      map.Spoil();
    }
  }
  return map;
}

Status ExtendedReader::Take(Bytes data, PaxRecords* records) {
  if (type_ == TarEntryType::kLongName || type_ == TarEntryType::kLongLink) {
    left_ -= data.size();
    if (over_) return {};
    const std::string_view name = TextField(data);
    over_ = name.size() < data.size();
    text_.append(name);
    if (text_.size() <= kMaxValueBytes) return {};
    return TooLarge("a name of more than " + std::to_string(kMaxValueBytes) + " bytes");
  }
  while (!data.empty() && !over_) {
    if (length_ > 0) {
      FASTINET_RETURN_IF_ERROR(TakeRecord(&data, records));
      continue;
    }
    const uint8_t byte = data.front();
    data = data.subspan(1);
    --left_;
    over_ = taken_ == 0 && byte == 0;
    if (!over_) FASTINET_RETURN_IF_ERROR(TakeLength(byte));
  }
  left_ -= data.size();
  return left_ == 0 && !over_ && taken_ > 0 ? ImpossibleLength() : Status();
}

/// Takes a digit of the next record's length, or the space behind it.
Status ExtendedReader::TakeLength(uint8_t byte) {
  ++taken_;
  if (byte != ' ') {
    constexpr size_t kMostDigits = 20;  // of 64 bits
    if (byte < '0' || byte > '9' || taken_ > kMostDigits) return ImpossibleLength();
    text_.push_back(static_cast<char>(byte));
    return {};
  }
  const std::optional<uint64_t> length = ParseDecimal(std::exchange(text_, {}));
  if (!length || *length < taken_ + 1 || *length - taken_ > left_) return ImpossibleLength();
  length_ = *length;
  return {};
}

/// Takes what there is of a record behind its length.
Status ExtendedReader::TakeRecord(Bytes* data, PaxRecords* records) {
  const Bytes part = data->first(std::min<uint64_t>(data->size(), length_ - taken_));
  *data = data->subspan(part.size());
  left_ -= part.size();
  taken_ += part.size();
  const bool knew_key = text_.find('=') != std::string::npos;
  if (!skips_) text_.append(AsText(part));
  const size_t equals = text_.find('=');
  if (!knew_key && equals != std::string::npos) {
    skips_ = !IsKept(std::string_view(text_).substr(0, equals));
    if (skips_) text_.resize(equals + 1);
  }
  if (text_.size() > kMaxValueBytes) {
    return TooLarge("pax record of " + std::to_string(length_) + " bytes; the limit is " +
                    std::to_string(kMaxValueBytes));
  }
  if (taken_ < length_) return {};
  if (part.back() != '\n' || equals == std::string::npos) {
    return Corrupt("pax record is not \"key=value\" and a newline");
  }
  Status status;
  if (!skips_) {
    std::string_view value = std::string_view(text_).substr(equals + 1);
    value.remove_suffix(1);
    status = ApplyPaxRecord(std::string_view(text_).substr(0, equals), value, records);
  }
  length_ = taken_ = 0;
  skips_ = false;
  text_.clear();
  return status;
}

std::string ExtendedReader::TakeText() { return std::exchange(text_, {}); }

ExtendedReader::State ExtendedReader::Save() const {
  const char letter = type_ == TarEntryType::kLongName    ? 'L'
                      : type_ == TarEntryType::kLongLink  ? 'K'
                      : type_ == TarEntryType::kPaxGlobal ? 'g'
                                                          : 'x';
  return {static_cast<uint64_t>(letter), left_, length_, taken_, over_, skips_, text_};
}

ExtendedReader ExtendedReader::Restore(State state) {
  ExtendedReader reader(TypeOf(static_cast<uint8_t>(state.letter)), state.left);
  reader.length_ = state.length;
  reader.taken_ = state.taken;
  reader.over_ = state.over;
  reader.skips_ = state.skips;
  reader.text_ = std::move(state.text);
  return reader;
}

}  // namespace fastinet
