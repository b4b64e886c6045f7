// Label maps: scores of a few classes on a grid over an image, pooled to the soft label of a crop.
//
// ReLabel (Yun et al., "Re-labeling ImageNet: from Single to Multi-Labels, from Global to Localized
// Labels", CVPR 2021) trains a crop on what a strong network said of that very part of the image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace fastinet {

/// What a label map looks like: float32 [2][ranks][rows][columns], the scores (logits) of the best
/// classes in each cell, and which classes these are, as floats.
struct LabelMapShape {
  int32_t ranks = 5;
  int32_t rows = 15;
  int32_t columns = 15;

  static constexpr int32_t kMaxSide = 1024;  // of each; keeps every product below 2^31

  /// kInvalidArgument unless all sides are 1 to kMaxSide.
  Status Validate() const;
  /// Numbers in the map.
  size_t values() const { return 2 * cells() * static_cast<size_t>(ranks); }
  size_t cells() const { return static_cast<size_t>(rows) * static_cast<size_t>(columns); }
};

/// A part of an image in units of its sides, each 0 to 1. float, as the reference has them: its
/// roundings decide how many samples are taken.
struct UnitBox {
  float x0 = 0;
  float y0 = 0;
  float x1 = 1;
  float y1 = 1;
};

/// Which axis of the image the map's columns follow.
enum class MapAxes : uint8_t {
  kXY,         // columns run along x: the part of the map that lies over the box
  kReference,  // columns run along y, as the published training code has it, which hands
               // (y0, x0, y1, x1) to a function that wants (x0, y0, x1, y1)
};

/// Pools maps, one after another; keeps its buffers between them. Not thread-safe.
class LabelPooler {
 public:
  /// Writes to `label`, one element a class, the softmax of the scores in `box`:
  /// RoIAlign to one cell (He et al. 2017), as torchvision.ops.roi_align does it with aligned=False
  /// and sampling_ratio=-1 on the box (in cells) less one half, where a class that is not among
  /// a cell's best has the score 0.
  ///
  /// `map` has shape.values() elements. Fails with kCorrupt, at the offset of the number, when a
  /// score is not finite or a class is none of 0 .. label.size() - 1.
  Status Pool(std::span<const float> map, const LabelMapShape& shape, const UnitBox& box,
              MapAxes axes, std::span<float> label);

 private:
  void AddCell(std::span<const float> map, const LabelMapShape& shape, size_t cell, double weight);

  std::vector<double> row_weights_;
  std::vector<double> column_weights_;
  std::vector<double> scores_;  // by class
};

}  // namespace fastinet
