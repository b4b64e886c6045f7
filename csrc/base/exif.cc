#include "base/exif.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace fastinet {
namespace {

constexpr size_t kEntryBytes = 12;
constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShortType = 3;  // Exif prescribes it,
constexpr uint32_t kLongType = 4;   // TIFF 6.0 (section 2, "Types") has readers accept it too

/// Numbers in the byte order that a TIFF header names.
class TiffReader {
 public:
  TiffReader(Bytes tiff, bool big_endian) : tiff_(tiff), big_endian_(big_endian) {}

  uint32_t Load16(size_t at) const {
    const uint32_t value = LoadBigEndian16(tiff_.data() + at);
    return big_endian_ ? value : ((value & 0xFF) << 8 | value >> 8);
  }
  uint32_t Load32(size_t at) const {
    return big_endian_ ? Load16(at) << 16 | Load16(at + 2) : Load16(at + 2) << 16 | Load16(at);
  }

 private:
  Bytes tiff_;
  bool big_endian_;
};

uint8_t OneToEight(uint32_t value) {
  return value >= 1 && value <= 8 ? static_cast<uint8_t>(value) : uint8_t{0};
}

/// The value of the orientation entry at `entry`.
uint8_t EntryValue(const TiffReader& reader, size_t entry) {
  const uint32_t type = reader.Load16(entry + 2);
  if (reader.Load32(entry + 4) != 1) return 0;  // one value and no more
  if (type == kShortType) return OneToEight(reader.Load16(entry + 8));
  if (type == kLongType) return OneToEight(reader.Load32(entry + 8));
  return 0;
}

}  // namespace

std::optional<uint8_t> ExifOrientation(Bytes tiff) {
  if (tiff.size() < 8) return std::nullopt;
  const bool big_endian = tiff[0] == 'M' && tiff[1] == 'M';
  if (!big_endian && !(tiff[0] == 'I' && tiff[1] == 'I')) return std::nullopt;
  const TiffReader reader(tiff, big_endian);
  const size_t directory = reader.Load32(4);
  if (directory > tiff.size() - 2) return std::nullopt;
  const size_t entries =
      std::min<size_t>(reader.Load16(directory), (tiff.size() - 2 - directory) / kEntryBytes);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (reader.Load16(entry) == kOrientationTag) return EntryValue(reader, entry);
  }
  return std::nullopt;
}

std::optional<uint8_t> XmpOrientation(Bytes packet) {
  // An attribute or an element (XMP specification part 1, 7.4); the earlier one counts.
  constexpr std::array<std::string_view, 2> kForms = {"tiff:Orientation=\"", "tiff:Orientation>"};
  auto earliest = packet.end();
  uint8_t value = 0;
  for (const std::string_view form : kForms) {
    const auto found = std::search(packet.begin(), earliest, form.begin(), form.end());
    if (found == earliest || packet.end() - found <= static_cast<ptrdiff_t>(form.size())) continue;
    const uint8_t digit = found[static_cast<ptrdiff_t>(form.size())];
    if (digit < '0' || digit > '9') continue;
    earliest = found;
    value = OneToEight(static_cast<uint32_t>(digit - '0'));
  }
  if (earliest == packet.end()) return std::nullopt;
  return value;
}

}  // namespace fastinet
