#include "item/image_decoder.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gzip/inflater.h"
#include "jpeg/checkpoints.h"
#include "jpeg/header.h"
#include "jpeg/region_decoder.h"
#include "jpeg/scan_end.h"
#include "jpeg/turbo.h"
#include "png/png.h"

namespace fastinet {
namespace {

ImageInfo Describe(const JpegHeader& header) {
  ImageInfo info{.format = ImageFormat::kJpeg,
                 .size = header.size,
                 .components = header.component_count,
                 .bits_per_sample = header.bits_per_sample,
                 .progressive = IsProgressive(header.process),
                 .arithmetic = IsArithmetic(header.process),
                 .restart_interval = header.restart_interval,
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
          .exif_orientation = header.exif_orientation};
}

/// The pixels of an MCU; of a PNG, one.
Size McuSize(const ImageInfo& info) {
  if (info.format != ImageFormat::kJpeg) return {1, 1};
  Size size{8, 8};
  for (int32_t i = 0; i < std::min(info.components, 4); ++i) {
    const auto [horizontal, vertical] = info.sampling[static_cast<size_t>(i)];
    size.width = std::max(size.width, 8 * horizontal);
    size.height = std::max(size.height, 8 * vertical);
  }
  return size;
}

// What decoding costs [ns], fitted to 2400 random boxes in 200 photographs of ImageNet-1K, by our
// JPEG decoder on one core of an AMD EPYC: half of the times are met within 12 %,
// nine tenths within 25 %. The other decoders cost more by about one factor, which does not matter
// where regions of one image are compared.
constexpr double kCallNs = 5000;        // by itself
constexpr double kPassedByteNs = 3.3;   // for each byte that is Huffman-decoded on the way
constexpr double kShownPixelNs = 0.85;  // for each pixel of the MCUs that the region touches

Status CheckSize(Size size, int64_t max_pixels) {
  if (int64_t{size.width} * size.height <= max_pixels) return {};
  return TooLarge("the image has " + std::to_string(size.width) + " x " +
                  std::to_string(size.height) +
                  " pixels, more than max_pixels = " + std::to_string(max_pixels));
}

}  // namespace

struct ImageDecoder::State {
  ItemBytes* data = nullptr;
  int64_t max_pixels = 0;
  int32_t max_scans = 0;
  Bytes whole;  // all of the item, when the last Read fetched that
  bool has_whole = false;
  std::vector<uint8_t> unwrapped;  // what `whole` was, gzip-wrapped; empty for all other items
  ImageInfo info;
  JpegHeader header;  // of a JPEG
  std::optional<Checkpoints> checkpoints;
  Road first_road = Road::kTurbo;  // that Open() chose
  Road road = Road::kTurbo;        // at hand

  RegionDecoder own;
  TurboDecoder turbo;
  PngDecoder png;
  DecodeStats own_stats;
  DecodeCounters counters;
  std::array<uint64_t, kRoads> fallbacks{};  // of this class; our JPEG decoder has some too

  Status Open(const ItemHints& hints);
  Status OpenWhole();
  Status OpenJpegByHeader(const ItemHints& hints);
  Status ReadWhole();
  Status Unwrap();
  Status InWrapper(Status status) const;
  Status ReadAndDecodeRegion(const Box& region, const Checkpoints* known, RowSink& sink);
  Status DecodeRegionByRoad(const Box& region, RowSink& sink);
};

Status ImageDecoder::State::ReadWhole() {
  if (has_whole) return {};
  FASTINET_ASSIGN_OR_RETURN(whole, data->Read(0, data->size_bytes()));
  has_whole = true;
  return LooksLikeGzip(whole) ? Unwrap() : Status();
}

/// Inflates the item: ImageNet-21K has 26 JPEGs as their servers sent them, "Content-Encoding:
/// gzip".
Status ImageDecoder::State::Unwrap() {
  FASTINET_ASSIGN_OR_RETURN(unwrapped,
                            InflateAll(whole, MaxUnwrappedBytes(whole.size(), max_pixels)));
  whole = unwrapped;
  return {};
}

/// An offset in the inflated bytes is none in the archive: it moves into the message.
Status ImageDecoder::State::InWrapper(Status status) const {
  if (unwrapped.empty() || status.offset_bytes() < 0) return status;
  std::string cause(status.cause());
  cause += " (at byte " + std::to_string(status.offset_bytes()) + " of the inflated image)";
  return Status(status.code(), std::move(cause)).AtOffset(0);
}

/// Reads the bytes before the scan alone, as far as the hints say they go, and the checkpoints.
/// Fails when the hints are wrong.
Status ImageDecoder::State::OpenJpegByHeader(const ItemHints& hints) {
  const auto header_bytes = std::min<uint64_t>(hints.header_bytes, data->size_bytes());
  FASTINET_ASSIGN_OR_RETURN(const Bytes bytes, data->Read(0, header_bytes));
  FASTINET_ASSIGN_OR_RETURN(header, ReadJpegHeader(bytes));
  if (!RegionDecoder::Accepts(header)) return Corrupt("these checkpoints are of another image");
  FASTINET_ASSIGN_OR_RETURN(checkpoints,
                            Checkpoints::Parse(hints.checkpoints, header, data->size_bytes()));
  info = Describe(header);
  road = Road::kCheckpoints;
  return {};
}

Status ImageDecoder::State::Open(const ItemHints& hints) {
  has_whole = false;
  unwrapped = {};  // not kept: the next item is hardly ever wrapped
  checkpoints.reset();
  if (data->size_bytes() == 0) return Corrupt("the member is empty").AtOffset(0);
  if (hints.header_bytes > 0 && !hints.checkpoints.empty()) {
    if (OpenJpegByHeader(hints).ok()) return {};
    ++fallbacks[static_cast<size_t>(Road::kCheckpoints)];
  }
  FASTINET_RETURN_IF_ERROR(ReadWhole());
  return InWrapper(OpenWhole());
}

/// Recognises the image in `whole`.
Status ImageDecoder::State::OpenWhole() {
  if (LooksLikeJpeg(whole)) {
    FASTINET_ASSIGN_OR_RETURN(header, ReadJpegHeader(whole));
    if (HasOneScan(header)) {
      FASTINET_RETURN_IF_ERROR(CheckScanEnd(whole, header.scan.data_offset_bytes));
    }
    info = Describe(header);
    road = RegionDecoder::Accepts(header) ? Road::kScan : Road::kTurbo;
    return {};
  }
  if (LooksLikePng(whole)) {
    FASTINET_ASSIGN_OR_RETURN(const PngHeader png_header, ReadPngHeader(whole));
    info = Describe(png_header);
    road = Road::kPng;
    return {};
  }
  return Unsupported("the bytes are neither those of a JPEG nor those of a PNG").AtOffset(0);
}

/// By our JPEG decoder: reads the bytes that the region needs, and decodes them.
Status ImageDecoder::State::ReadAndDecodeRegion(const Box& region, const Checkpoints* known,
                                                RowSink& sink) {
  JpegSlice slice;
  if (has_whole || known == nullptr) {
    FASTINET_RETURN_IF_ERROR(ReadWhole());
    slice = {whole, 0};
  } else {
    const ByteRange range = BytesForRegion(header, data->size_bytes(), region, known);
    FASTINET_ASSIGN_OR_RETURN(slice.bytes, data->Read(range.begin, range.end));
    slice.offset_bytes = range.begin;
  }
  return own.DecodeRegion(header, slice, region, known, sink, &own_stats);
}

/// One try by the road that is at hand.
Status ImageDecoder::State::DecodeRegionByRoad(const Box& region, RowSink& sink) {
  switch (road) {
    case Road::kCheckpoints:
      return ReadAndDecodeRegion(region, &*checkpoints, sink);
    case Road::kScan:
      return ReadAndDecodeRegion(region, nullptr, sink);
    case Road::kTurbo:
      FASTINET_RETURN_IF_ERROR(ReadWhole());
      return turbo.DecodeRegion(whole, region, sink, max_scans);
    case Road::kPng:
      return png.DecodeRegion(whole, region, sink);
  }
  return {StatusCode::kInternal, "no such road"};
}

ImageDecoder::ImageDecoder(StageTimes times) : state_(std::make_unique<State>()) {
  state_->own_stats.measure_time = times == StageTimes::kOn;
}
ImageDecoder::~ImageDecoder() = default;
ImageDecoder::ImageDecoder(ImageDecoder&&) noexcept = default;
ImageDecoder& ImageDecoder::operator=(ImageDecoder&&) noexcept = default;

Status ImageDecoder::Open(ItemBytes& data, const ItemHints& hints, int64_t max_pixels,
                          int32_t max_scans) {
  state_->data = &data;
  state_->max_scans = max_scans;
  state_->max_pixels = max_pixels;
  FASTINET_RETURN_IF_ERROR(state_->Open(hints));
  state_->first_road = state_->road;
  return CheckSize(state_->info.size, max_pixels);
}

Status ImageDecoder::SetLimits(int64_t max_pixels, int32_t max_scans) {
  state_->max_pixels = max_pixels;
  state_->max_scans = max_scans;
  return CheckSize(state_->info.size, max_pixels);
}

const ImageInfo& ImageDecoder::info() const { return state_->info; }

std::optional<int> ImageDecoder::EstimateQuality() const {
  if (state_->info.format != ImageFormat::kJpeg) return std::nullopt;
  return fastinet::EstimateQuality(state_->header);
}

double ImageDecoder::EstimateCost(const Box& region) const {
  if (region.width <= 0 || region.height <= 0) return 0;
  const State& state = *state_;
  const Size unit = McuSize(state.info);
  // To whole MCUs: where a coordinate's one begins.
  const auto start_of = [](int32_t at, int32_t length) -> double { return at - at % length; };
  const double left = start_of(region.x, unit.width);
  const double right = start_of(region.x + region.width + unit.width - 1, unit.width);
  const double top = start_of(region.y, unit.height);
  const double bottom = start_of(region.y + region.height + unit.height - 1, unit.height);
  const double width = state.info.size.width, height = state.info.size.height;
  double passed =
      width * bottom;  // pixels whose data have to be gone through, from the first row on
  if (state.road == Road::kCheckpoints) passed = right * (bottom - top);
  if (state.info.progressive) passed = width * height;
  const double bytes_per_pixel = static_cast<double>(state.data->size_bytes()) / (width * height);
  return kCallNs + kPassedByteNs * bytes_per_pixel * passed +
         kShownPixelNs * (right - left) * (bottom - top);
}

Status ImageDecoder::TryRoad(const Box& region, RowSink& sink) {
  ++state_->counters.regions[static_cast<size_t>(state_->road)];
  return state_->InWrapper(state_->DecodeRegionByRoad(region, sink));
}

bool ImageDecoder::FallBack() {
  State& state = *state_;
  if (state.road != Road::kCheckpoints && state.road != Road::kScan) return false;
  // Our JPEG decoder counts for itself when it refuses checkpoints.
  if (state.road == Road::kScan) ++state.fallbacks[static_cast<size_t>(state.road)];
  state.road = state.road == Road::kCheckpoints ? Road::kScan : Road::kTurbo;
  return true;
}

void ImageDecoder::ReturnToFirstRoad() { state_->road = state_->first_road; }

const DecodeCounters& ImageDecoder::counters() const {
  const DecodeStats& own = state_->own_stats;
  DecodeCounters& counters = state_->counters;
  counters.fallbacks = state_->fallbacks;
  counters.fallbacks[static_cast<size_t>(Road::kCheckpoints)] += own.checkpoints_refused;
  counters.entropy_ns = own.entropy_ns;
  counters.idct_ns = own.idct_ns;
  counters.colour_ns = own.colour_ns;
  counters.mcus_decoded = own.mcus_decoded;
  counters.mcus_skipped = own.mcus_skipped;
  return counters;
}

}  // namespace fastinet
