// One image of any supported format: what its header says, and regions of its pixels.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"

namespace fastinet {

enum class ImageFormat : uint8_t { kJpeg, kPng };

/// What a header tells about an image.
struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  Size size;               // as stored
  int32_t components = 0;  // 1 to 4; those that a palette gives, not its indices
  int32_t bits_per_sample = 8;
  bool progressive = false;  // or, of a PNG, interlaced
  bool arithmetic = false;   // arithmetic coding in place of Huffman's
  /// Sampling factors (horizontal, vertical) of each component (T.81 A.1.1); (1, 1) in a PNG.
  std::array<std::array<int32_t, 2>, 4> sampling{{{1, 1}, {1, 1}, {1, 1}, {1, 1}}};
  int32_t restart_interval = 0;    // [MCUs]; 0: none
  std::optional<int32_t> quality;  // estimated IJG setting, 1..100; none for a PNG
  uint8_t exif_orientation = 0;    // 1..8, from Exif or else XMP; 0: not given
};

/// Decodes one image after another; keeps its decoders between them. Not thread-safe.
class ImageDecoder {
 public:
  ImageDecoder();
  ~ImageDecoder();
  ImageDecoder(ImageDecoder&&) noexcept;
  ImageDecoder& operator=(ImageDecoder&&) noexcept;

  /// Recognises `data` by its content and reads its header. Refuses images of more than
  /// `max_pixels`. `data` must stay valid as long as regions of it are asked for.
  Status Open(Bytes data, int64_t max_pixels);

  /// Of the image that is open.
  const ImageInfo& info() const;

  /// Hands the rows of `region` of the open image to `sink`: grey as 1 channel, all else as RGB.
  /// `region` is in stored pixels and must lie inside the image.
  Status DecodeRegion(const Box& region, RowSink& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
