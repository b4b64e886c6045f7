#include "columns/soft_labels.h"

#include <algorithm>
#include <bit>
#include <string>

namespace fastinet {
namespace {

// Label maps are stored as little-endian floats and used as they are read.
static_assert(std::endian::native == std::endian::little);

/// The stretch of an image's side that a window of the resized box shows [units of the side].
struct Stretch {
  float begin;
  float end;
};

/// `begin` and `length` are the box's, `side` the image's [pixels]. The roundings are those of the
/// reference, which adds begin / side and length / side as doubles and then makes floats of them.
/// Of a window in the padding, it is what the mirror images there are of.
Stretch ShownStretch(int32_t begin, int32_t length, int32_t resized, PixelRun window,
                     PaddingMode padding_mode, int32_t side) {
  if (padding_mode != PaddingMode::kConstant) {
    window = PixelsShown(window, resized, padding_mode);
  }
  const double pixels = static_cast<double>(length) / resized;  // one of the resized box
  const double first = (begin + window.start * pixels) / side;
  const double last = first + window.size * pixels / side;
  return {std::clamp(static_cast<float>(first), 0.0F, 1.0F),
          std::clamp(static_cast<float>(last), 0.0F, 1.0F)};
}

}  // namespace

UnitBox ShownPart(const Crop& crop, Size image) {
  const Stretch x = ShownStretch(crop.box.x, crop.box.width, crop.resized.width,
                                 {crop.window.x, crop.window.width}, crop.border.mode, image.width);
  const Stretch y =
      ShownStretch(crop.box.y, crop.box.height, crop.resized.height,
                   {crop.window.y, crop.window.height}, crop.border.mode, image.height);
  return {x.begin, y.begin, x.end, y.end};
}

Result<SoftLabels> SoftLabels::Make(const ItemTable& maps, std::span<const int32_t> labels,
                                    const LabelMapShape& shape, int32_t classes, MapAxes axes) {
  FASTINET_RETURN_IF_ERROR(shape.Validate());
  if (classes < 1 || labels.size() != static_cast<size_t>(maps.size())) {
    return InvalidArgument("label maps of " + std::to_string(maps.size()) + " items, labels of " +
                           std::to_string(labels.size()) + ", " + std::to_string(classes) +
                           " classes");
  }
  const uint64_t map_bytes = shape.values() * sizeof(float);
  for (int64_t item = 0; item < maps.size(); ++item) {
    const uint64_t size_bytes = maps.LocationOf(item).size_bytes;
    const int32_t label = labels[static_cast<size_t>(item)];
    if (size_bytes == 0 ? label < 0 || label >= classes : size_bytes != map_bytes) {
      return InvalidArgument("item " + std::to_string(item) + " has neither a label map of " +
                             std::to_string(map_bytes) + " bytes nor a label among " +
                             std::to_string(classes) + " classes");
    }
  }
  SoftLabels made;
  made.maps_ = &maps;
  made.labels_ = labels;
  made.shape_ = shape;
  made.classes_ = classes;
  made.axes_ = axes;
  return made;
}

Status SoftLabels::Write(int64_t item, std::span<const Crop> crops, Size image, LabelPooler& pooler,
                         std::vector<float>& map, std::span<float> out) const {
  const auto classes = static_cast<size_t>(classes_);
  const ItemLocation location = maps_->LocationOf(item);
  if (location.size_bytes == 0) {
    std::fill(out.begin(), out.end(), 0.0F);
    const auto label = static_cast<size_t>(labels_[static_cast<size_t>(item)]);
    for (size_t view = 0; view < crops.size(); ++view) out[view * classes + label] = 1;
    return {};
  }
  map.resize(shape_.values());
  Status status =
      location.Read(0, {reinterpret_cast<uint8_t*>(map.data()), map.size() * sizeof(float)});
  for (size_t view = 0; view < crops.size() && status.ok(); ++view) {
    status = pooler.Pool(map, shape_, ShownPart(crops[view], image), axes_,
                         out.subspan(view * classes, classes));
  }
  return location.Located(std::move(status));
}

void SoftLabels::Prefetch(int64_t item) const {
  const ItemLocation location = maps_->LocationOf(item);
  if (location.size_bytes > 0)
    location.archive->source->Prefetch(location.offset_bytes, location.size_bytes);
}

}  // namespace fastinet
