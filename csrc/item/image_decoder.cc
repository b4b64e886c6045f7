#include "item/image_decoder.h"

#include <string>

#include "jpeg/header.h"
#include "jpeg/turbo.h"
#include "png/png.h"

namespace fastinet {
namespace {

ImageInfo Describe(const JpegHeader& header) {
  ImageInfo info{.format = ImageFormat::kJpeg,
                 .size = header.size,
                 .components = header.component_count,
                 .bits_per_sample = header.bits_per_sample,
                 .progressive = header.process == JpegProcess::kProgressive,
                 .arithmetic = header.process == JpegProcess::kArithmetic,
                 .restart_interval = header.restart_interval,
                 .quality = EstimateQuality(header),
                 .exif_orientation = header.exif_orientation};
  for (size_t i = 0; i < header.component_count; ++i) {
    info.sampling[i] = {header.components[i].horizontal, header.components[i].vertical};
  }
  return info;
}

ImageInfo Describe(const PngHeader& header) {
  constexpr std::array<int32_t, 7> kComponents = {1, 0, 3, 3, 2, 0, 4};  // by colour type
  constexpr uint8_t kPalette = 3;
  return {.format = ImageFormat::kPng,
          .size = header.size,
          .components = kComponents[header.colour_type],
          .bits_per_sample = header.colour_type == kPalette ? 8 : header.bit_depth,
          .progressive = header.interlaced,
          .quality = std::nullopt,
          .exif_orientation = header.exif_orientation};
}

Result<ImageInfo> ReadInfo(Bytes data) {
  if (data.empty()) return Corrupt("the member is empty").AtOffset(0);
  if (LooksLikeJpeg(data)) {
    FASTINET_ASSIGN_OR_RETURN(const JpegHeader header, ReadJpegHeader(data));
    return Describe(header);
  }
  if (LooksLikePng(data)) {
    FASTINET_ASSIGN_OR_RETURN(const PngHeader header, ReadPngHeader(data));
    return Describe(header);
  }
  return Unsupported("the bytes are neither those of a JPEG nor those of a PNG").AtOffset(0);
}

Status CheckSize(Size size, int64_t max_pixels) {
  if (int64_t{size.width} * size.height <= max_pixels) return {};
  return TooLarge("the image has " + std::to_string(size.width) + " x " +
                  std::to_string(size.height) +
                  " pixels, more than max_pixels = " + std::to_string(max_pixels));
}

}  // namespace

struct ImageDecoder::State {
  Bytes data;
  ImageInfo info;
  TurboDecoder turbo;
  PngDecoder png;
};

ImageDecoder::ImageDecoder() : state_(std::make_unique<State>()) {}
ImageDecoder::~ImageDecoder() = default;
ImageDecoder::ImageDecoder(ImageDecoder&&) noexcept = default;
ImageDecoder& ImageDecoder::operator=(ImageDecoder&&) noexcept = default;

Status ImageDecoder::Open(Bytes data, int64_t max_pixels) {
  FASTINET_ASSIGN_OR_RETURN(const ImageInfo info, ReadInfo(data));
  FASTINET_RETURN_IF_ERROR(CheckSize(info.size, max_pixels));
  state_->data = data;
  state_->info = info;
  return {};
}

const ImageInfo& ImageDecoder::info() const { return state_->info; }

Status ImageDecoder::DecodeRegion(const Box& region, RowSink& sink) {
  State& state = *state_;
  if (state.info.format == ImageFormat::kPng) {
    return state.png.DecodeRegion(state.data, region, sink);
  }
  return state.turbo.DecodeRegion(state.data, region, sink);
}

}  // namespace fastinet
