// How a camera was held: the orientation that Exif and XMP metadata carry.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace fastinet {

/// The Orientation tag of the first directory of `tiff`, which is an Exif block without its
/// "Exif\0\0" (Exif 2.32, 4.6.4 A, tag 0x0112): 1..8, or 0 for a value outside these. Nothing when
/// there is no such tag; broken Exif is common in archives and never an error.
[[nodiscard]] std::optional<uint8_t> ExifOrientation(Bytes tiff);

/// tiff:Orientation of an XMP packet: its first digit, or 0 for one outside 1..8. Nothing when the
/// packet does not have the property.
[[nodiscard]] std::optional<uint8_t> XmpOrientation(Bytes packet);

}  // namespace fastinet
