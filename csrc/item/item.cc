#include "item/item.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "augment/steps.h"
#include "base/clock.h"
#include "item/fan_out.h"
#include "item/orientation.h"
#include "item/shared_regions.h"
#include "item/view_renderer.h"

namespace fastinet {
namespace {

/// Images wider than this leave no more than one view's buffers behind: rows of these wait in them
/// for the filter's other rows, in up to 32 views at once [pixels].
constexpr int32_t kWide = 2048;

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

/// The part of the image that `crop` shows: its box, or as much of that as its window has, to the
/// pixel or so. It need not be what the resize depends on, which is known only once a view has
/// begun.
Box ShownBox(const Crop& crop) {
  const auto clip = [](int64_t at, int32_t length, int32_t resized) {
    return static_cast<int32_t>(std::clamp<int64_t>(at, 0, resized) * length / resized);
  };
  const Size box{crop.box.width, crop.box.height};
  const Box& window = crop.window;
  const int32_t left = clip(window.x, box.width, crop.resized.width);
  const int32_t top = clip(window.y, box.height, crop.resized.height);
  const int32_t right = clip(int64_t{window.x} + window.width, box.width, crop.resized.width);
  const int32_t bottom = clip(int64_t{window.y} + window.height, box.height, crop.resized.height);
  if (left >= right || top >= bottom) return {};
  return {crop.box.x + left, crop.box.y + top, right - left, bottom - top};
}

/// The crop that another view has drawn, for a view of this size and interpolation.
Crop CropAgain(const Transform& transform, Crop crop) {
  if (transform.size != crop.output()) {
    crop.resized = transform.size;
    crop.window = {0, 0, transform.size.width, transform.size.height};
  }
  if (!transform.random_interpolation) crop.interpolation = transform.interpolation;
  return crop;
}

/// Whether the views of `group` can show the crop that they name, of one of the views `before`
/// them.
Status ValidateCropOf(const ViewSpec& group, std::span<const ViewSpec* const> before) {
  const int32_t view = *group.crop_of;
  if (view < 0 || static_cast<size_t>(view) >= before.size()) {
    return InvalidArgument("a view cannot show the crop of view " + std::to_string(view) +
                           ": there are " + std::to_string(before.size()) + " before it");
  }
  const ViewSpec& other = *before[static_cast<size_t>(view)];
  if (other.crop_of) {
    return InvalidArgument("view " + std::to_string(view) + " shows a crop of another one itself");
  }
  const Transform::Kind kind = other.transform.kind;
  if (kind == Transform::Kind::kRandomResizedCrop) return {};
  if (kind == Transform::Kind::kRandomCrop && group.transform.size == other.transform.size) {
    return {};
  }
  return InvalidArgument("view " + std::to_string(view) + " has no crop of that size to show");
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

bool ItemSpec::HasLighting() const {
  return std::ranges::any_of(groups,
                             [](const ViewSpec& group) { return group.lighting.has_value(); });
}

Status ItemSpec::Validate() const {
  std::vector<const ViewSpec*> before;  // the group of each view before the group in hand
  for (const ViewSpec& group : groups) {
    FASTINET_RETURN_IF_ERROR(group.Validate());
    if (group.crop_of) FASTINET_RETURN_IF_ERROR(ValidateCropOf(group, before));
    before.resize(before.size() + static_cast<size_t>(group.count), &group);
    if (group.lighting && options.format.dtype == DType::kUint8) {
      return InvalidArgument("lighting shifts colours by parts of a value: rows must be floats");
    }
  }
  if (views() >= 1 && views() <= kMaxViews) return {};
  return InvalidArgument("an item must have 1 to " + std::to_string(kMaxViews) + " views, not " +
                         std::to_string(views()));
}

struct ItemRenderer::State {
  explicit State(StageTimes times) : decoder(times) {}

  ImageDecoder decoder;
  ItemCounters counters;
  MemoryBytes memory{Bytes()};        // what OpenMemory opened
  std::optional<TimedBytes> fetched;  // the item that is open
  Bytes shown_of;                     // the data that ReadShownSize opened, if it did so last
  std::vector<ViewTask> tasks;        // its views
  std::vector<Step> steps;            // of all of them, one after another
  std::vector<size_t> step_ends;      // where those of each end
  std::vector<Box> shown_boxes;       // and what each shows, in pixels as stored
  SharedRegions shared;
  std::vector<ViewRenderer> views;  // those that one decode is for
  std::vector<FanOutSink::Part> parts;
  StepRunner runner;

  Status Open(ItemBytes& data, const ItemHints& hints, const RenderOptions& options);
  Status OpenMemory(Bytes data, const RenderOptions& options);
  Status OpenShown(Bytes data, const RenderOptions& options);
  Status RenderOpen(const Crop& crop, const RenderOptions& options, MutableBytes row,
                    std::span<const Step> steps);
  Orientation OrientationFor(const RenderOptions& options) const;
  void DrawViews(const ItemSpec& spec, const AugmentKey& key, Size shown,
                 std::span<const ObjectBox> objects, std::span<const MutableBytes> rows,
                 const DrawnViews& drawn);
  Status RenderTasks(Orientation orientation);
  void EraseTasks(const ItemSpec& spec, const AugmentKey& key, ErasedViews erased);
  bool TryTogether(Orientation orientation);
  Status TryRender(std::span<const size_t> together, Orientation orientation);
  Result<Box> BeginViews(std::span<const size_t> together);
  Status DecodeShownRegion(const Box& region, Orientation orientation, RowSink& sink);
};

Status ItemRenderer::State::Open(ItemBytes& data, const ItemHints& hints,
                                 const RenderOptions& options) {
  const auto start = Clock::now();
  shown_of = {};
  fetched.emplace(data);
  FASTINET_RETURN_IF_ERROR(decoder.Open(*fetched, hints, options.max_pixels, options.max_scans));
  counters.read_ns += fetched->nanoseconds();
  counters.header_ns += NanosecondsSince(start) - fetched->nanoseconds();
  return {};
}

Status ItemRenderer::State::OpenMemory(Bytes data, const RenderOptions& options) {
  memory = MemoryBytes(data);
  return Open(memory, {}, options);
}

/// OpenMemory, unless ReadShownSize has opened the same bytes just now.
Status ItemRenderer::State::OpenShown(Bytes data, const RenderOptions& options) {
  const Bytes open = std::exchange(shown_of, {});
  if (!data.empty() && open.data() == data.data() && open.size() == data.size()) {
    return decoder.SetLimits(options.max_pixels, options.max_scans);
  }
  return OpenMemory(data, options);
}

/// The turn that the open image takes before it is cropped.
Orientation ItemRenderer::State::OrientationFor(const RenderOptions& options) const {
  return Orientation(options.apply_orientation ? decoder.info().exif_orientation : uint8_t{1});
}

/// Draws what becomes of the open image, of `shown` pixels, in each view, but for what is erased.
void ItemRenderer::State::DrawViews(const ItemSpec& spec, const AugmentKey& key, Size shown,
                                    std::span<const ObjectBox> objects,
                                    std::span<const MutableBytes> rows, const DrawnViews& drawn) {
  tasks.clear();
  steps.clear();
  step_ends.clear();
  for (const ViewSpec& group : spec.groups) {
    for (int32_t i = 0; i < group.count; ++i) {
      const size_t view = tasks.size();
      AugmentKey view_key = key;
      view_key.view = static_cast<uint16_t>(key.view + view);
      group.policy.DrawSteps(view_key, key.view, steps);
      step_ends.push_back(steps.size());
      const Crop crop = group.crop_of ? CropAgain(group.transform,
                                                  tasks[static_cast<size_t>(*group.crop_of)].crop)
                                      : DrawCrop(group.transform, shown, view_key, objects);
      const ColourShift shift =
          group.lighting ? DrawColourShift(*group.lighting, view_key) : ColourShift{};
      tasks.push_back(
          {.crop = crop,
           .pass_order = spec.options.pass_order,
           .steps = {},
           .format = group.lighting ? Shifted(spec.options.format, shift) : spec.options.format,
           .row = rows[view]});
      drawn.crops[view] = crop;
      if (!drawn.colour_shifts.empty()) drawn.colour_shifts[view] = shift;
    }
  }
  size_t first = 0;
  for (size_t view = 0; view < tasks.size(); ++view) {
    const std::span<const Step> own = std::span(steps).subspan(first, step_ends[view] - first);
    tasks[view].steps = own;
    if (!drawn.steps.empty()) drawn.steps[view].assign(own.begin(), own.end());
    first = step_ends[view];
  }
}

/// Renders all tasks from the open image: what they have in common is decoded once, where that is
/// cheaper and the data are sound; else each by itself, as if there were no others. A road that
/// finds the data damaged leaves a row half done, so the next one begins it anew.
Status ItemRenderer::State::RenderTasks(Orientation orientation) {
  if (tasks.size() > 1 && TryTogether(orientation)) return {};
  for (size_t view = 0; view < tasks.size(); ++view) {
    Status status;
    decoder.ReturnToFirstRoad();
    do {
      status = TryRender({&view, 1}, orientation);
    } while (status.code() == StatusCode::kCorrupt && decoder.FallBack());
    FASTINET_RETURN_IF_ERROR(status);
  }
  return {};
}

/// Erases in the rows of all tasks, or notes what is to be erased there.
void ItemRenderer::State::EraseTasks(const ItemSpec& spec, const AugmentKey& key,
                                     ErasedViews erased) {
  const auto start = Clock::now();
  std::ranges::fill(erased.boxes, Box{});
  size_t view = 0;
  for (const ViewSpec& group : spec.groups) {
    for (int32_t i = 0; i < group.count; ++i, ++view) {
      const ErasedViews of_view = erased.Of(view, spec);
      for (std::vector<float>& noise : of_view.noise) noise.clear();
      if (!group.erase) continue;
      AugmentKey view_key = key;
      view_key.view = static_cast<uint16_t>(key.view + view);
      const std::span<Box> boxes = of_view.boxes.first(static_cast<size_t>(group.erase->count));
      const ViewTask& task = tasks[view];
      DrawErasedBoxes(*group.erase, task.crop.output(), view_key, boxes);
      EraseBoxes(*group.erase, boxes, NoiseKey(view_key), task.crop.output(), task.format,
                 task.row);
      for (std::vector<float>& noise : of_view.noise) {
        KeepNoise(*group.erase, boxes, NoiseKey(view_key), noise);
      }
    }
  }
  counters.render_ns += NanosecondsSince(start);
}

/// Renders all tasks with as few decodes as pays; whether that has gone well. It has not where
/// there is anything wrong with the data, or with the checkpoints, that a decode has come upon: a
/// view by itself might never have, and its row must not depend on the others.
bool ItemRenderer::State::TryTogether(Orientation orientation) {
  const Size stored = decoder.info().size;
  shown_boxes.clear();
  for (const ViewTask& task : tasks) {
    shown_boxes.push_back(orientation.Stored(ShownBox(task.crop), stored));
  }
  shared.Divide(shown_boxes, [this](const Box& box) { return decoder.EstimateCost(box); });
  if (shared.decodes() == tasks.size()) return false;
  const auto refused = [this] {
    return decoder.counters().fallbacks[static_cast<size_t>(Road::kCheckpoints)];
  };
  const uint64_t refused_before = refused();
  for (size_t decode = 0; decode < shared.decodes(); ++decode) {
    if (!TryRender(shared.RegionsOf(decode), orientation).ok()) return false;
    if (refused() != refused_before) return false;
  }
  return true;
}

/// One try by the decoder's road at hand: rows go from the decoder to the views that are to be
/// rendered together as they come.
Status ItemRenderer::State::TryRender(std::span<const size_t> together, Orientation orientation) {
  const auto start = Clock::now();
  const uint64_t fetched_before = fetched->nanoseconds();
  FASTINET_ASSIGN_OR_RETURN(const Box region, BeginViews(together));
  FanOutSink fan_out(parts);
  TimedSink sink(parts.size() == 1 ? *parts.front().sink : fan_out);
  const auto begun = Clock::now();
  if (!parts.empty()) FASTINET_RETURN_IF_ERROR(DecodeShownRegion(region, orientation, sink));
  const auto decoded = Clock::now();
  for (size_t i = 0; i < together.size(); ++i) FASTINET_RETURN_IF_ERROR(views[i].FinishCrop());
  for (size_t i = 0; i < together.size(); ++i) {
    FASTINET_RETURN_IF_ERROR(views[i].Finish(runner));
  }
  const uint64_t read_ns = fetched->nanoseconds() - fetched_before;
  counters.read_ns += read_ns;
  counters.render_ns += Nanoseconds(begun - start) + sink.nanoseconds() + NanosecondsSince(decoded);
  counters.decode_ns += Nanoseconds(decoded - begun) - sink.nanoseconds() - read_ns;
  return {};
}

/// Prepares a renderer for each view, and `parts`: which part of the region that is returned it
/// takes, as shown. No part where nothing of the image is needed.
Result<Box> ItemRenderer::State::BeginViews(std::span<const size_t> together) {
  if (views.size() < together.size()) views.resize(together.size());
  parts.clear();
  Box region;
  for (size_t i = 0; i < together.size(); ++i) {
    const ViewTask& task = tasks[together[i]];
    const auto has_its_crop = [&](size_t view) { return task.HasCropOf(tasks[view]); };
    const auto first = std::ranges::find_if(together.first(i), has_its_crop);
    if (const size_t other = static_cast<size_t>(first - together.begin()); other < i) {
      views[i].BeginWithCropOf(task, views[other]);
      continue;
    }
    const bool is_shared = std::ranges::any_of(together.subspan(i + 1), has_its_crop);
    FASTINET_RETURN_IF_ERROR(views[i].Begin(task, is_shared));
    const Box own = views[i].region();
    if (own == Box{}) continue;
    parts.push_back({own, &views[i].sink()});
    region = Around(region, own);
  }
  for (FanOutSink::Part& part : parts) {
    part.box.x -= region.x;
    part.box.y -= region.y;
  }
  return region;
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

/// Renders a crop of the open image.
Status ItemRenderer::State::RenderOpen(const Crop& crop, const RenderOptions& options,
                                       MutableBytes row, std::span<const Step> own_steps) {
  const Orientation orientation = OrientationFor(options);
  FASTINET_RETURN_IF_ERROR(CheckInside(crop.box, orientation.Shown(decoder.info().size)));
  tasks = {{.crop = crop,
            .pass_order = options.pass_order,
            .steps = own_steps,
            .format = options.format,
            .row = row}};
  FASTINET_RETURN_IF_ERROR(RenderTasks(orientation));
  ++counters.items;
  return {};
}

ItemRenderer::ItemRenderer(StageTimes times) : state_(std::make_unique<State>(times)) {}
ItemRenderer::~ItemRenderer() = default;
ItemRenderer::ItemRenderer(ItemRenderer&&) noexcept = default;
ItemRenderer& ItemRenderer::operator=(ItemRenderer&&) noexcept = default;

Result<ImageInfo> ItemRenderer::ReadInfo(Bytes data, int64_t max_pixels) {
  RenderOptions options;  // of which a header needs no more
  options.max_pixels = max_pixels;
  FASTINET_RETURN_IF_ERROR(state_->OpenMemory(data, options));
  return state_->decoder.info();
}

std::optional<int> ItemRenderer::EstimateQuality() const {
  return state_->decoder.EstimateQuality();
}

Result<Size> ItemRenderer::ReadShownSize(Bytes data, const RenderOptions& options) {
  FASTINET_RETURN_IF_ERROR(state_->OpenMemory(data, options));
  state_->shown_of = data;
  return state_->OrientationFor(options).Shown(state_->decoder.info().size);
}

Status ItemRenderer::RenderCrop(Bytes data, const Crop& crop, const RenderOptions& options,
                                MutableBytes row, std::span<const Step> steps) {
  FASTINET_RETURN_IF_ERROR(state_->OpenMemory(data, options));
  return state_->RenderOpen(crop, options, row, steps);
}

Status ItemRenderer::RenderShown(Bytes data, const Crop& crop, const RenderOptions& options,
                                 MutableBytes row, std::span<const Step> steps) {
  FASTINET_RETURN_IF_ERROR(state_->OpenShown(data, options));
  return state_->RenderOpen(crop, options, row, steps);
}

Result<Size> ItemRenderer::RenderItem(ItemBytes& data, const ItemHints& hints, const ItemSpec& spec,
                                      const AugmentKey& key, std::span<const ObjectBox> objects,
                                      std::span<const MutableBytes> rows, const DrawnViews& drawn) {
  State& state = *state_;
  FASTINET_RETURN_IF_ERROR(state.Open(data, hints, spec.options));
  const Orientation orientation = state.OrientationFor(spec.options);
  const Size shown = orientation.Shown(state.decoder.info().size);
  state.DrawViews(spec, key, shown, objects, rows, drawn);
  FASTINET_RETURN_IF_ERROR(state.RenderTasks(orientation));
  if (spec.ErasedBoxes() > 0) state.EraseTasks(spec, key, drawn.erased);
  if (shown.width > kWide) state.views.resize(1);
  ++state.counters.items;
  return shown;
}

const ItemCounters& ItemRenderer::counters() const { return state_->counters; }

const DecodeCounters& ItemRenderer::decode_counters() const { return state_->decoder.counters(); }

}  // namespace fastinet
