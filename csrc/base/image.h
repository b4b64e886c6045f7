// Geometry in pixels, and bands of decoded rows on their way from a decoder to a resampler.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace fastinet {

/// Width and height [pixels].
struct Size {
  int32_t width = 0;
  int32_t height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// Images with a longer side are refused: 16384 times this, the largest side that a resize may ask
/// for (csrc/crop/crop.cc) of the longest image, still fits 31 bits. JPEG itself ends at 65500.
inline constexpr int32_t kMaxImageSide = 131'071;

/// A rectangle of an image [pixels]; (x, y) is its top left corner.
struct Box {
  int32_t x = 0;
  int32_t y = 0;
  int32_t width = 0;
  int32_t height = 0;
  friend bool operator==(const Box&, const Box&) = default;

  bool IsInside(Size size) const {
    return x >= 0 && y >= 0 && width > 0 && height > 0 && width <= size.width &&
           height <= size.height && x <= size.width - width && y <= size.height - height;
  }
};

/// A few neighbouring rows of a region: uint8, grey (1 channel) or RGB (3 channels).
///
/// Component c of pixel (x, row) is at plane[c][row * row_stride + x * pixel_stride]: interleaved
/// RGB has pixel_stride 3 and planes one byte apart, planar RGB has pixel_stride 1. The memory is
/// the decoder's and is valid only during the call that hands the band over.
struct RowBand {
  std::array<const uint8_t*, 3> plane{};
  ptrdiff_t row_stride = 0;    // [bytes]
  ptrdiff_t pixel_stride = 0;  // [bytes]
  int32_t channels = 0;        // 1 or 3
  int32_t width = 0;           // [pixels]
  int32_t rows = 0;
};

/// Takes a region's rows from top to bottom, every row exactly once. Bands of `kBandRows` rows are
/// the cheapest to take; the last one may be shorter.
class RowSink {
 public:
  static constexpr int32_t kBandRows = 16;

  virtual ~RowSink() = default;
  virtual Status OnRows(const RowBand& band) = 0;
};

}  // namespace fastinet
