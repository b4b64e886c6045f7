#include "item/view_renderer.h"

#include <cstddef>

#include "resample/kernels.h"

namespace fastinet {

/// Steps look at all pixels of the crop, so that it is made in uint8 first, plane by plane, and
/// stored in the output's format afterwards.
Status ViewRenderer::Begin(const ViewTask& task) {
  task_ = task;
  OutputFormat format = task.format;
  MutableBytes row = task.row;
  if (!task.steps.empty()) {
    const Size size = task.crop.output();
    // A row of as many pixels fits into memory.
    const size_t pixels = static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
    planes_.resize(3 * pixels + kPaddingBytes);
    format = {.dtype = DType::kUint8, .layout = Layout::kNCHW};
    row = {planes_.data(), 3 * pixels};
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

Box ViewRenderer::region() const {
  Box region = resampler_.region();
  if (region == Box{}) return region;
  region.x += task_.crop.box.x;
  region.y += task_.crop.box.y;
  return region;
}

Status ViewRenderer::Finish(StepRunner& runner) {
  FASTINET_RETURN_IF_ERROR(resampler_.Finish());
  if (task_.steps.empty()) return {};
  const Size size = task_.crop.output();
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const size_t pixels = width * height;
  FASTINET_RETURN_IF_ERROR(runner.Apply(task_.steps, size, {planes_.data(), 3 * pixels}));
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* const line = planes_.data() + y * width;
    StoreLine({{line, line + pixels, line + 2 * pixels}, width}, y, height, task_.format,
              task_.row.data());
  }
  return {};
}

}  // namespace fastinet
