// PNG in disguise: some members of ImageNet are called .JPEG and hold a PNG.
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
};

/// Reads the header chunk. Fails with kCorrupt; the status carries the byte offset within `png`.
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
  /// inside the image. An interlaced image is decoded whole.
  Status DecodeRegion(Bytes png, const Box& region, RowSink& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
