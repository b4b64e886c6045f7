// Regions of PNGs, by libpng: some members of ImageNet are called .JPEG and hold a PNG.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"

namespace fastinet {

/// True when `data` begins with PNG's signature.
bool LooksLikePng(Bytes data);

/// What the first chunk says (PNG specification, 11.2.1).
struct PngHeader {
  Size size;
  uint8_t bit_depth = 8;
  uint8_t colour_type = 0;  // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
  bool interlaced = false;
  uint8_t exif_orientation = 0;  // 1..8, of the eXIf chunk; 0: not given
};

/// Reads the header chunk, and eXIf where there is one. Fails with kCorrupt, or kUnsupported beyond
/// kMaxImageSide; the status carries the byte offset within `png`.
Result<PngHeader> ReadPngHeader(Bytes png);

/// Decodes regions of PNGs to what Pillow's convert("RGB") gives: palettes are looked up, alpha and
/// transparency are dropped, 16-bit colour keeps its high byte, and 16-bit grey is clipped to 255.
class PngDecoder {
 public:
  PngDecoder();
  ~PngDecoder();
  PngDecoder(PngDecoder&&) noexcept;
  PngDecoder& operator=(PngDecoder&&) noexcept;

  /// Hands the rows of `region` to `sink`: grey as 1 channel, all else as RGB. `region` must lie
  /// inside the image. Rows below it are not decoded, except by an interlaced image's first passes;
  /// of an interlaced image the region's rows are held in memory, at most 3 bytes a pixel.
  Status DecodeRegion(Bytes png, const Box& region, RowSink& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
