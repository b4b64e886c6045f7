// One view of an item: decoded rows go in, its row of the batch comes out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "augment/steps.h"
#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "crop/crop.h"
#include "resample/output.h"
#include "resample/resampler.h"

namespace fastinet {

/// What becomes of an image in one view, and where that goes.
struct ViewTask {
  Crop crop;
  PassOrder pass_order = PassOrder::kPillow13;
  std::span<const Step> steps;  // of the resized crop, before it is stored; valid ones
  OutputFormat format;
  MutableBytes row;  // format.RowBytes(crop.output()) bytes

  /// Whether both begin with the same pixels.
  bool HasCropOf(const ViewTask& other) const {
    return crop == other.crop && pass_order == other.pass_order;
  }
};

/// Renders one view after another; keeps its buffers between them. Several of them can render the
/// views of one image at once. Not thread-safe.
///
///     view.Begin(task);
///     ...                        // the rows of view.region() go to view.sink()
///     view.Finish(runner);
class ViewRenderer {
 public:
  /// Prepares for a view. What `task` refers to must stay valid until Finish. `is_shared`: others
  /// will take its resized crop.
  Status Begin(const ViewTask& task, bool is_shared = false);
  /// Prepares for a view that takes the resized crop of another, which was begun so: no rows come.
  void BeginWithCropOf(const ViewTask& task, const ViewRenderer& other);

  /// The part of the image, as it is shown, that the view depends on. Empty when it shows nothing
  /// of the image.
  Box region() const;
  RowSink& sink() { return resampler_; }

  /// Completes the resized crop; before that of those who take it.
  Status FinishCrop();
  /// Completes the row, after FinishCrop of all.
  Status Finish(StepRunner& runner);

 private:
  size_t PlanePixels() const;

  ViewTask task_;
  Resampler resampler_;
  const ViewRenderer* other_ = nullptr;  // whose crop this takes
  bool has_planes_ = false;
  std::vector<uint8_t> planes_;  // of a crop that steps change, or that others take
};

}  // namespace fastinet
