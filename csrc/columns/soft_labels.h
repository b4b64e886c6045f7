// Soft labels of the rows of an epoch: what a label map says of the very crop that was drawn.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/image.h"
#include "base/status.h"
#include "columns/item_table.h"
#include "crop/crop.h"
#include "label_map/label_map.h"

namespace fastinet {

/// Where the label maps of a dataset's items are, and how they become soft labels.
class SoftLabels {
 public:
  /// Item i has the map at `maps` item i; where that has no bytes, the soft label is all on class
  /// `labels[i]`. Both are borrowed. Fails with kInvalidArgument when the columns disagree, a map
  /// has not the size of `shape`, or a label that is needed is none of 0 .. classes - 1.
  static Result<SoftLabels> Make(const ItemTable& maps, std::span<const int32_t> labels,
                                 const LabelMapShape& shape, int32_t classes, MapAxes axes);

  int64_t size() const { return maps_->size(); }  // items
  int64_t classes() const { return classes_; }

  /// Reads the map of `item` and pools it for each of `crops`, drawn in an image of `image` pixels
  /// as stored. `out` has a soft label a crop, one after another; `map` is memory for the map.
  Status Write(int64_t item, std::span<const Crop> crops, Size image, LabelPooler& pooler,
               std::vector<float>& map, std::span<float> out) const;

  /// A hint that the map of `item` will be read soon.
  void Prefetch(int64_t item) const;

 private:
  SoftLabels() = default;

  const ItemTable* maps_ = nullptr;
  std::span<const int32_t> labels_;
  LabelMapShape shape_;
  int32_t classes_ = 0;
  MapAxes axes_ = MapAxes::kXY;
};

/// The part of an image of `image` pixels that `crop` shows: its box, and of a crop that comes
/// after the resize, as much of the box as is kept; nothing beyond the image.
UnitBox ShownPart(const Crop& crop, Size image);

}  // namespace fastinet
