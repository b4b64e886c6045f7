#include "item/item.h"

#include <chrono>
#include <string>

#include "jpeg/header.h"
#include "jpeg/turbo.h"

namespace fastinet {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t NanosecondsSince(Clock::time_point start) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

/// Passes rows on and keeps the time that the receiver takes for them.
class TimedSink final : public RowSink {
 public:
  explicit TimedSink(RowSink& sink) : sink_(sink) {}

  Status OnRows(const RowBand& band) override {
    const auto start = Clock::now();
    Status status = sink_.OnRows(band);
    nanoseconds_ += NanosecondsSince(start);
    return status;
  }

  uint64_t nanoseconds() const { return nanoseconds_; }

 private:
  RowSink& sink_;
  uint64_t nanoseconds_ = 0;
};

Box Translated(Box region, const Box& box) {
  region.x += box.x;
  region.y += box.y;
  return region;
}

}  // namespace

struct ItemRenderer::State {
  TurboDecoder turbo;
  Resampler resampler;
  ItemCounters counters;

  Status RenderCrop(Bytes data, const Crop& crop, Interpolation interpolation,
                    const OutputFormat& format, MutableBytes row);
};

/// Decodes what `crop` needs of the image, resizes it and writes the row. The box lies inside.
Status ItemRenderer::State::RenderCrop(Bytes data, const Crop& crop, Interpolation interpolation,
                                       const OutputFormat& format, MutableBytes row) {
  const auto start = Clock::now();
  TimedSink sink(resampler);
  FASTINET_RETURN_IF_ERROR(resampler.Begin(
      {{crop.box.width, crop.box.height}, crop.resized, crop.window, crop.flip, interpolation},
      format, row));
  if (const Box region = resampler.region(); region != Box{}) {
    FASTINET_RETURN_IF_ERROR(turbo.DecodeRegion(data, Translated(region, crop.box), sink));
  }
  FASTINET_RETURN_IF_ERROR(resampler.Finish());
  counters.render_ns += sink.nanoseconds();
  counters.decode_ns += NanosecondsSince(start) - sink.nanoseconds();
  ++counters.items;
  return {};
}

ItemRenderer::ItemRenderer() : state_(std::make_unique<State>()) {}
ItemRenderer::~ItemRenderer() = default;
ItemRenderer::ItemRenderer(ItemRenderer&&) noexcept = default;
ItemRenderer& ItemRenderer::operator=(ItemRenderer&&) noexcept = default;

Result<ImageInfo> ItemRenderer::ReadInfo(Bytes data, int64_t max_pixels) {
  const auto start = Clock::now();
  if (data.empty()) return Corrupt("the member is empty").AtOffset(0);
  if (!LooksLikeJpeg(data)) return Unsupported("the bytes are not those of a JPEG").AtOffset(0);
  FASTINET_ASSIGN_OR_RETURN(const JpegHeader header, ReadJpegHeader(data));
  state_->counters.header_ns += NanosecondsSince(start);
  const int64_t pixels = int64_t{header.size.width} * header.size.height;
  if (pixels > max_pixels) {
    return TooLarge("the image has " + std::to_string(header.size.width) + " x " +
                    std::to_string(header.size.height) +
                    " pixels, more than max_pixels = " + std::to_string(max_pixels));
  }
  return ImageInfo{header.size};
}

Status ItemRenderer::Render(Bytes data, const Crop& crop, Interpolation interpolation,
                            const OutputFormat& format, int64_t max_pixels, MutableBytes row) {
  FASTINET_ASSIGN_OR_RETURN(const ImageInfo info, ReadInfo(data, max_pixels));
  if (!crop.box.IsInside(info.size)) {
    return InvalidArgument("box (" + std::to_string(crop.box.x) + ", " +
                           std::to_string(crop.box.y) + ", " + std::to_string(crop.box.width) +
                           ", " + std::to_string(crop.box.height) +
                           ") does not lie inside the image of " + std::to_string(info.size.width) +
                           " x " + std::to_string(info.size.height) + " pixels");
  }
  return state_->RenderCrop(data, crop, interpolation, format, row);
}

Status ItemRenderer::RenderItem(Bytes data, const ItemSpec& spec, const AugmentKey& key,
                                MutableBytes row, Crop* crop) {
  FASTINET_ASSIGN_OR_RETURN(const ImageInfo info, ReadInfo(data, spec.max_pixels));
  *crop = DrawCrop(spec.transform, info.size, key);
  return state_->RenderCrop(data, *crop, spec.interpolation, spec.format, row);
}

const ItemCounters& ItemRenderer::counters() const { return state_->counters; }

}  // namespace fastinet
