// From an item's bytes to one batch row: the only place where decoding, cropping and resizing meet.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "augment/erasing.h"
#include "augment/lighting.h"
#include "augment/steps.h"
#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "crop/crop.h"
#include "item/image_decoder.h"
#include "item/item_bytes.h"
#include "policy/operation.h"
#include "resample/output.h"
#include "resample/resampler.h"

namespace fastinet {

/// How a crop of an image becomes a row.
struct RenderOptions {
  PassOrder pass_order = PassOrder::kPillow13;
  OutputFormat format;
  bool apply_orientation = false;          // turn the image as Exif says before it is cropped
  int64_t max_pixels = kDefaultMaxPixels;  // of an image; larger ones are refused unread
  int32_t max_scans = kDefaultMaxScans;    // of a JPEG; see TurboDecoder

  /// Twice Pillow's decompression-bomb limit of 1024^3 / 12 pixels, where Pillow too refuses.
  static constexpr int64_t kDefaultMaxPixels = 178'956'970;
  static constexpr int32_t kDefaultMaxScans = 1000;
};

/// How the views of one group come about: `count` independent crops of each item, by one rule; or
/// as many views of a crop that another view has drawn. They lie side by side in an array of their
/// own. The C++ twin of fastinet.pixels.view_groups.ViewGroup.
struct ViewSpec {
  Transform transform;
  Policy policy;                     // of the resized crop, before it is normalised
  std::optional<Lighting> lighting;  // of the same, after that; rows of a float type
  std::optional<ErasingRule> erase;  // of the normalised row; uint8 rows are left as they are
  int32_t count = 1;
  /// Number of the view whose crop they show, one of a group before this one; `transform` is then
  /// the rule that drew it, but for its size and interpolation.
  std::optional<int32_t> crop_of;

  Status Validate() const;
};

/// How every item of a dataset becomes rows: its views, group by group, and what all have in
/// common. Views are numbered over all groups, in order; the number is the `view` of their
/// AugmentKey.
struct ItemSpec {
  std::vector<ViewSpec> groups = {{}};
  RenderOptions options;
  bool record = false;  // keep the steps of every view for whoever asks what was drawn

  /// Most views of an item, of all groups: as many as their numbers have bits for, with room for
  /// other uses of these.
  static constexpr int64_t kMaxViews = 1024;

  /// Of one item, in all groups.
  [[nodiscard]] int64_t views() const;
  /// Size of one view of `group` [bytes]; nothing when it does not fit.
  [[nodiscard]] std::optional<size_t> ViewBytes(size_t group) const {
    return options.format.RowBytes(groups[group].transform.size);
  }
  /// The most boxes that are erased in a view of any group.
  [[nodiscard]] int32_t ErasedBoxes() const;
  /// Whether rows that are not erased here need normal numbers where they are.
  [[nodiscard]] bool KeepsNoise() const;
  /// Whether the colours of any view are shifted.
  [[nodiscard]] bool HasLighting() const;
  Status Validate() const;
};

/// What is erased in the views of an item, one after another: spec.ErasedBoxes() boxes of each
/// view, those that were not drawn Box{}; and of each, if spec.KeepsNoise(), what ::KeepNoise
/// gives.
struct ErasedViews {
  std::span<Box> boxes = {};
  std::span<std::vector<float>> noise = {};

  /// Those of one view.
  ErasedViews Of(size_t view, const ItemSpec& spec) const {
    const auto most = static_cast<size_t>(spec.ErasedBoxes());
    return {boxes.subspan(view * most, most),
            noise.subspan(noise.empty() ? 0 : view, noise.empty() ? 0 : 1)};
  }
};

/// Where it is noted what was drawn for the views of an item. Each member has an element for every
/// view; those after `crops` may be empty, and then nothing is noted.
struct DrawnViews {
  std::span<Crop> crops;
  ErasedViews erased = {};                    // needed where a group erases
  std::span<std::vector<Step>> steps = {};    // what each view was taken through
  std::span<ColourShift> colour_shifts = {};  // zeros without lighting
};

/// Wall time that one thread spent in each stage [nanoseconds], and what it did. See EngineStats
/// for the way of the counters.
struct ItemCounters {
  uint64_t read_ns = 0;
  uint64_t header_ns = 0;
  uint64_t decode_ns = 0;  // by whichever Road
  uint64_t render_ns = 0;
  uint64_t items = 0;
};

/// Turns items into rows, one after another; keeps decoders and buffers between them. One per
/// thread. The same arguments give the same row, whatever was rendered before.
class ItemRenderer {
 public:
  explicit ItemRenderer(StageTimes times = StageTimes::kOff);
  ~ItemRenderer();
  ItemRenderer(ItemRenderer&&) noexcept;
  ItemRenderer& operator=(ItemRenderer&&) noexcept;

  /// What the header of `data` says, checked against `max_pixels`.
  Result<ImageInfo> ReadInfo(Bytes data, int64_t max_pixels);

  /// ImageDecoder::EstimateQuality of the image that ReadInfo read last.
  [[nodiscard]] std::optional<int> EstimateQuality() const;

  /// Size of the image in `data` as it is cropped: as stored, or turned as Exif says.
  Result<Size> ReadShownSize(Bytes data, const RenderOptions& options);

  /// Renders `crop` of the image in `data` into `row` (format.RowBytes(crop.output()) bytes).
  /// `steps`, which are valid, change the resized crop before it is stored. On failure `row` is
  /// unspecified.
  Status RenderCrop(Bytes data, const Crop& crop, const RenderOptions& options, MutableBytes row,
                    std::span<const Step> steps = {});

  /// The same right after ReadShownSize of the same `data`, whose header is not read again. Where
  /// another image has been opened since, it is.
  Status RenderShown(Bytes data, const Crop& crop, const RenderOptions& options, MutableBytes row,
                     std::span<const Step> steps = {});

  /// Draws the crops that `spec` gives for `key` and the views from `key.view` on, and renders each
  /// into its element of `rows` (spec.ViewBytes(group) bytes), of which there are spec.views().
  /// `drawn` is told what was drawn. `objects` are those in the image. The result is the size of
  /// the image as it was cropped.
  Result<Size> RenderItem(ItemBytes& data, const ItemHints& hints, const ItemSpec& spec,
                          const AugmentKey& key, std::span<const ObjectBox> objects,
                          std::span<const MutableBytes> rows, const DrawnViews& drawn);

  /// What was spent since construction.
  const ItemCounters& counters() const;
  const DecodeCounters& decode_counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
