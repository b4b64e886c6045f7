#include "fastinet/image.h"

#include <string_view>

namespace fastinet {
namespace {

/// `name` in one line: control characters would let a file's name write over a terminal.
std::string Printable(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  for (const char character : name) {
    const auto byte = static_cast<uint8_t>(character);
    if (byte >= 0x20 && byte != 0x7F) {
      shown += character;
    } else {
      shown += "\\x";
      shown += kDigits[byte >> 4];
      shown += kDigits[byte & 15];
    }
  }
  return shown;
}

}  // namespace

Result<Size> ReadImageSize(Bytes data, int64_t max_pixels) {
  ItemRenderer renderer;
  FASTINET_ASSIGN_OR_RETURN(const ImageInfo info, renderer.ReadInfo(data, max_pixels));
  return info.size;
}

Result<Pixels> Decode(Bytes data) {
  FASTINET_ASSIGN_OR_RETURN(const Size size, ReadImageSize(data));
  return DecodeCrop(data, CropOf({0, 0, size.width, size.height}, size));
}

Result<Pixels> DecodeCrop(Bytes data, const Crop& crop) {
  FASTINET_ASSIGN_OR_RETURN(const Size image, ReadImageSize(data));
  FASTINET_RETURN_IF_ERROR(CheckInside(crop.box, image));
  // The largest that a transform may have.
  Transform transform;
  transform.size = crop.output();
  FASTINET_RETURN_IF_ERROR(transform.Validate());
  const RenderOptions options;
  const auto bytes = options.format.RowBytes(crop.output());
  if (!bytes) return TooLarge("the image that is asked for has more bytes than there are");
  Pixels pixels{.size = crop.output(), .bytes = std::vector<uint8_t>(*bytes)};
  ItemRenderer renderer;
  FASTINET_RETURN_IF_ERROR(renderer.RenderCrop(data, crop, options, pixels.bytes));
  return pixels;
}

Crop CropOf(const Box& box, Size size, bool flip, Interpolation interpolation) {
  Crop crop;
  crop.box = box;
  crop.resized = size;
  crop.window = {0, 0, size.width, size.height};
  crop.flip = flip;
  crop.interpolation = interpolation;
  return crop;
}

std::string MessageOf(const Status& status) {
  if (status.ok()) return "ok";
  std::string message;
  const auto add = [&](std::string_view part) {
    message += message.empty() ? "" : ", ";
    message += part;
  };
  if (!status.archive().empty()) add("archive '" + Printable(status.archive()) + "'");
  if (!status.member().empty()) add("member '" + Printable(status.member()) + "'");
  if (status.offset_bytes() >= 0) add("byte " + std::to_string(status.offset_bytes()));
  return message.empty() ? std::string(status.cause())
                         : message + ": " + std::string(status.cause());
}

}  // namespace fastinet
