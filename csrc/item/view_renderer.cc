#include "item/view_renderer.h"

#include <cstddef>

#include "resample/kernels.h"

namespace fastinet {

/// Steps look at all pixels of the crop, so that it is made in uint8 first, plane by plane, and
/// stored in the output's format afterwards; and so it is where other views begin with it.
Status ViewRenderer::Begin(const ViewTask& task, bool is_shared) {
  task_ = task;
  other_ = nullptr;
  has_planes_ = is_shared || !task.steps.empty();
  OutputFormat format = task.format;
  MutableBytes row = task.row;
  if (has_planes_) {
    planes_.resize(3 * PlanePixels() + kPaddingBytes);
    format = {.dtype = DType::kUint8, .layout = Layout::kNCHW};
    row = {planes_.data(), 3 * PlanePixels()};
  }
  return resampler_.Begin({.box = {task.crop.box.width, task.crop.box.height},
                           .resized = task.crop.resized,
                           .window = task.crop.window,
                           .border = task.crop.border,
                           .flip = task.crop.flip,
                           .vflip = task.crop.vflip,
                           .interpolation = task.crop.interpolation,
                           .order = task.pass_order},
                          format, row);
}

void ViewRenderer::BeginWithCropOf(const ViewTask& task, const ViewRenderer& other) {
  task_ = task;
  other_ = &other;
  has_planes_ = true;
}

/// A row of as many pixels fits into memory.
size_t ViewRenderer::PlanePixels() const {
  const Size size = task_.crop.output();
  return static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
}

Box ViewRenderer::region() const {
  Box region = resampler_.region();
  if (region == Box{}) return region;
  region.x += task_.crop.box.x;
  region.y += task_.crop.box.y;
  return region;
}

Status ViewRenderer::FinishCrop() {
  if (other_ == nullptr) return resampler_.Finish();
  planes_.assign(other_->planes_.begin(), other_->planes_.end());
  return {};
}

Status ViewRenderer::Finish(StepRunner& runner) {
  if (!has_planes_) return {};
  const Size size = task_.crop.output();
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const size_t pixels = PlanePixels();
  if (!task_.steps.empty()) {
    FASTINET_RETURN_IF_ERROR(runner.Apply(task_.steps, size, {planes_.data(), 3 * pixels}));
  }
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* const line = planes_.data() + y * width;
    StoreLine({{line, line + pixels, line + 2 * pixels}, width}, y, height, task_.format,
              task_.row.data());
  }
  return {};
}

}  // namespace fastinet
