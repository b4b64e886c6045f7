// Single images: what their headers say, and crops of them, without dataset or threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "crop/crop.h"
#include "item/item.h"

namespace fastinet {

/// One image as pixels: uint8 RGB, row after row from the top, three bytes a pixel.
struct Pixels {
  Size size;
  std::vector<uint8_t> bytes;  // 3 * size.width * size.height
};

/// The width and height that the header of an encoded image states. `data` is the content of a JPEG
/// or PNG file.
Result<Size> ReadImageSize(Bytes data, int64_t max_pixels = RenderOptions::kDefaultMaxPixels);

/// Decodes an image as it is.
Result<Pixels> Decode(Bytes data);

/// Decodes `crop.box` of an image and resizes it: the pixels of fastinet.decode(data, box, size,
/// flip) in Python, which are Pillow's. Only what the box needs is decoded.
Result<Pixels> DecodeCrop(Bytes data, const Crop& crop);

/// The crop that cuts `box` out and resizes it to `size`.
Crop CropOf(const Box& box, Size size, bool flip = false,
            Interpolation interpolation = Interpolation::kBilinear);

/// A failure in one line, as Python's exceptions have it: "archive 'train.tar', member 'a.JPEG',
/// byte 17: cause". What of a name is no printable ASCII or UTF-8 stands as \xNN.
std::string MessageOf(const Status& status);

}  // namespace fastinet
