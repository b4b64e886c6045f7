#include "item/item.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "augment/steps.h"
#include "base/clock.h"
#include "item/orientation.h"
#include "resample/kernels.h"

namespace fastinet {
namespace {

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

/// Passes bytes on and keeps the time that fetching them takes.
class TimedBytes final : public ItemBytes {
 public:
  explicit TimedBytes(ItemBytes& bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size_bytes(); }
  Result<Bytes> Read(uint64_t begin, uint64_t end) override {
    const auto start = Clock::now();
    Result<Bytes> result = bytes_.Read(begin, end);
    nanoseconds_ += NanosecondsSince(start);
    return result;
  }

  uint64_t nanoseconds() const { return nanoseconds_; }

 private:
  ItemBytes& bytes_;
  uint64_t nanoseconds_ = 0;
};

Box Translated(Box region, const Box& box) {
  region.x += box.x;
  region.y += box.y;
  return region;
}

}  // namespace

Status ViewSpec::Validate() const {
  FASTINET_RETURN_IF_ERROR(transform.Validate());
  if (lighting) FASTINET_RETURN_IF_ERROR(lighting->Validate());
  if (erase) FASTINET_RETURN_IF_ERROR(erase->Validate());
  if (count >= 1 && count <= ItemSpec::kMaxViews) return {};
  return InvalidArgument("a group must have 1 to " + std::to_string(ItemSpec::kMaxViews) +
                         " views, not " + std::to_string(count));
}

int64_t ItemSpec::views() const {
  int64_t sum = 0;
  for (const ViewSpec& group : groups) sum += group.count;
  return sum;
}

int32_t ItemSpec::ErasedBoxes() const {
  int32_t most = 0;
  for (const ViewSpec& group : groups) most = std::max(most, group.erase ? group.erase->count : 0);
  return most;
}

bool ItemSpec::KeepsNoise() const {
  return options.format.dtype == DType::kUint8 &&
         std::ranges::any_of(groups, [](const ViewSpec& group) {
           return group.erase && group.erase->mode != EraseMode::kConst;
         });
}

Status ItemSpec::Validate() const {
  for (const ViewSpec& group : groups) {
    FASTINET_RETURN_IF_ERROR(group.Validate());
    if (group.lighting && options.format.dtype == DType::kUint8) {
      return InvalidArgument("lighting shifts colours by parts of a value: rows must be floats");
    }
  }
  if (views() >= 1 && views() <= kMaxViews) return {};
  return InvalidArgument("an item must have 1 to " + std::to_string(kMaxViews) + " views, not " +
                         std::to_string(views()));
}

namespace {

/// How a view is stored: normalised as all are, or with colours of its own.
OutputFormat FormatOf(const ViewSpec& group, const OutputFormat& format, const AugmentKey& key) {
  return group.lighting ? Shifted(format, DrawColourShift(*group.lighting, key)) : format;
}

/// Erases a view, or notes what is to be erased in it.
void Erase(const ViewSpec& group, const AugmentKey& key, const OutputFormat& format,
           MutableBytes row, const ErasedViews& erased) {
  std::ranges::fill(erased.boxes, Box{});
  if (!group.erase) {
    for (std::vector<float>& noise : erased.noise) noise = {};
    return;
  }
  const Size size = group.transform.size;
  const std::span<Box> boxes = erased.boxes.first(static_cast<size_t>(group.erase->count));
  DrawErasedBoxes(*group.erase, size, key, boxes);
  EraseBoxes(*group.erase, boxes, NoiseKey(key), size, format, row);
  for (std::vector<float>& noise : erased.noise) {
    KeepNoise(*group.erase, boxes, NoiseKey(key), noise);
  }
}

}  // namespace

struct ItemRenderer::State {
  explicit State(StageTimes times) : decoder(times) {}

  ImageDecoder decoder;
  Resampler resampler;
  ItemCounters counters;
  MemoryBytes memory{Bytes()};        // what OpenMemory opened
  std::optional<TimedBytes> fetched;  // the item that is open
  std::vector<uint8_t> planes;        // of a crop that steps change
  std::vector<Step> drawn;            // steps of the view at hand
  StepRunner runner;

  Status Open(ItemBytes& data, const ItemHints& hints, int64_t max_pixels);
  Status OpenMemory(Bytes data, int64_t max_pixels);
  Orientation OrientationFor(const RenderOptions& options) const;
  Status RenderCrop(const Crop& crop, const RenderOptions& options, MutableBytes row);
  Status RenderSteppedCrop(const Crop& crop, std::span<const Step> steps, RenderOptions options,
                           MutableBytes row);
  Status RenderCropByRoad(const Crop& crop, const RenderOptions& options, MutableBytes row);
  Status DecodeShownRegion(const Box& region, Orientation orientation, RowSink& sink);
};

Status ItemRenderer::State::Open(ItemBytes& data, const ItemHints& hints, int64_t max_pixels) {
  const auto start = Clock::now();
  fetched.emplace(data);
  FASTINET_RETURN_IF_ERROR(decoder.Open(*fetched, hints, max_pixels));
  counters.read_ns += fetched->nanoseconds();
  counters.header_ns += NanosecondsSince(start) - fetched->nanoseconds();
  return {};
}

Status ItemRenderer::State::OpenMemory(Bytes data, int64_t max_pixels) {
  memory = MemoryBytes(data);
  return Open(memory, {}, max_pixels);
}

/// The turn that the open image takes before it is cropped.
Orientation ItemRenderer::State::OrientationFor(const RenderOptions& options) const {
  return Orientation(options.apply_orientation ? decoder.info().exif_orientation : uint8_t{1});
}

/// Decodes what `crop` needs of the open image, resizes it and writes the row. A road that finds
/// the data damaged leaves the row half done, so the next one begins it anew.
Status ItemRenderer::State::RenderCrop(const Crop& crop, const RenderOptions& options,
                                       MutableBytes row) {
  Status status;
  do {
    status = RenderCropByRoad(crop, options, row);
  } while (status.code() == StatusCode::kCorrupt && decoder.FallBack());
  return status;
}

/// Renders `crop` and then changes it by `steps`, if there are any. These look at all pixels, so
/// the whole crop is made in uint8 first, and stored in the output's format afterwards.
Status ItemRenderer::State::RenderSteppedCrop(const Crop& crop, std::span<const Step> steps,
                                              RenderOptions options, MutableBytes row) {
  if (steps.empty()) return RenderCrop(crop, options, row);
  const OutputFormat format =
      std::exchange(options.format, OutputFormat{.dtype = DType::kUint8, .layout = Layout::kNCHW});
  const auto width = static_cast<size_t>(crop.output().width);
  const auto height = static_cast<size_t>(crop.output().height);
  const size_t pixels = width * height;  // a row of them fits into memory
  planes.resize(3 * pixels + kPaddingBytes);
  const MutableBytes image{planes.data(), 3 * pixels};
  FASTINET_RETURN_IF_ERROR(RenderCrop(crop, options, image));
  const auto start = Clock::now();
  FASTINET_RETURN_IF_ERROR(runner.Apply(steps, crop.output(), image));
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* const line = planes.data() + y * width;
    StoreLine({{line, line + pixels, line + 2 * pixels}, width}, y, height, format, row.data());
  }
  counters.render_ns += NanosecondsSince(start);
  return {};
}

/// One try by the decoder's road at hand: the rows of the region that the crop needs go from the
/// decoder to the resampler as they come.
Status ItemRenderer::State::RenderCropByRoad(const Crop& crop, const RenderOptions& options,
                                             MutableBytes row) {
  const auto start = Clock::now();
  const uint64_t fetched_before = fetched->nanoseconds();
  TimedSink sink(resampler);
  FASTINET_RETURN_IF_ERROR(resampler.Begin({.box = {crop.box.width, crop.box.height},
                                            .resized = crop.resized,
                                            .window = crop.window,
                                            .flip = crop.flip,
                                            .interpolation = options.interpolation,
                                            .order = options.pass_order},
                                           options.format, row));
  if (const Box region = resampler.region(); region != Box{}) {
    FASTINET_RETURN_IF_ERROR(
        DecodeShownRegion(Translated(region, crop.box), OrientationFor(options), sink));
  }
  FASTINET_RETURN_IF_ERROR(resampler.Finish());
  const uint64_t read_ns = fetched->nanoseconds() - fetched_before;
  counters.read_ns += read_ns;
  counters.render_ns += sink.nanoseconds();
  counters.decode_ns += NanosecondsSince(start) - sink.nanoseconds() - read_ns;
  return {};
}

/// Decodes the part of the open image that is shown as `region`, and hands it on as shown.
Status ItemRenderer::State::DecodeShownRegion(const Box& region, Orientation orientation,
                                              RowSink& sink) {
  if (orientation.is_identity()) return decoder.TryRoad(region, sink);
  const Box stored = orientation.Stored(region, decoder.info().size);
  OrientedSink oriented(orientation, {stored.width, stored.height}, sink);
  FASTINET_RETURN_IF_ERROR(decoder.TryRoad(stored, oriented));
  return oriented.Finish();
}

ItemRenderer::ItemRenderer(StageTimes times) : state_(std::make_unique<State>(times)) {}
ItemRenderer::~ItemRenderer() = default;
ItemRenderer::ItemRenderer(ItemRenderer&&) noexcept = default;
ItemRenderer& ItemRenderer::operator=(ItemRenderer&&) noexcept = default;

Result<ImageInfo> ItemRenderer::ReadInfo(Bytes data, int64_t max_pixels) {
  FASTINET_RETURN_IF_ERROR(state_->OpenMemory(data, max_pixels));
  return state_->decoder.info();
}

std::optional<int> ItemRenderer::EstimateQuality() const {
  return state_->decoder.EstimateQuality();
}

Result<Size> ItemRenderer::ReadShownSize(Bytes data, const RenderOptions& options) {
  FASTINET_RETURN_IF_ERROR(state_->OpenMemory(data, options.max_pixels));
  return state_->OrientationFor(options).Shown(state_->decoder.info().size);
}

Status ItemRenderer::RenderCrop(Bytes data, const Crop& crop, const RenderOptions& options,
                                MutableBytes row, std::span<const Step> steps) {
  State& state = *state_;
  FASTINET_RETURN_IF_ERROR(state.OpenMemory(data, options.max_pixels));
  const Size shown = state.OrientationFor(options).Shown(state.decoder.info().size);
  FASTINET_RETURN_IF_ERROR(CheckInside(crop.box, shown));
  FASTINET_RETURN_IF_ERROR(state.RenderSteppedCrop(crop, steps, options, row));
  ++state.counters.items;
  return {};
}

Result<Size> ItemRenderer::RenderItem(ItemBytes& data, const ItemHints& hints, const ItemSpec& spec,
                                      const AugmentKey& key, std::span<const ObjectBox> objects,
                                      std::span<const MutableBytes> rows, std::span<Crop> crops,
                                      ErasedViews erased) {
  State& state = *state_;
  FASTINET_RETURN_IF_ERROR(state.Open(data, hints, spec.options.max_pixels));
  const Size shown = state.OrientationFor(spec.options).Shown(state.decoder.info().size);
  size_t view = 0;
  for (const ViewSpec& group : spec.groups) {
    RenderOptions options = spec.options;
    options.interpolation = group.interpolation;
    for (int32_t i = 0; i < group.count; ++i, ++view) {
      AugmentKey view_key = key;
      view_key.view = static_cast<uint16_t>(key.view + view);
      crops[view] = DrawCrop(group.transform, shown, view_key, objects);
      state.drawn.clear();
      group.policy.DrawSteps(view_key, state.drawn);
      options.format = FormatOf(group, spec.options.format, view_key);
      FASTINET_RETURN_IF_ERROR(
          state.RenderSteppedCrop(crops[view], state.drawn, options, rows[view]));
      const auto start = Clock::now();
      Erase(group, view_key, options.format, rows[view], erased.Of(view, spec));
      state.counters.render_ns += NanosecondsSince(start);
    }
  }
  ++state.counters.items;
  return shown;
}

const ItemCounters& ItemRenderer::counters() const { return state_->counters; }

const DecodeCounters& ItemRenderer::decode_counters() const { return state_->decoder.counters(); }

}  // namespace fastinet
