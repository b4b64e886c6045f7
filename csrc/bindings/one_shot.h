// The core's one-shot functions in the form that Cython can call: it knows neither std::optional
// nor results without a default.
#pragma once

#include <cstdint>
#include <vector>

#include "augment/steps.h"
#include "item/item.h"
#include "passes/render_images.h"

namespace fastinet {

/// ItemRenderer::ReadInfo, into `info`.
inline Status ReadInfo(ItemRenderer& renderer, Bytes data, int64_t max_pixels, ImageInfo* info) {
  FASTINET_ASSIGN_OR_RETURN(*info, renderer.ReadInfo(data, max_pixels));
  return {};
}

inline bool IsJpeg(const ImageInfo& info) { return info.format == ImageFormat::kJpeg; }

/// ItemRenderer::EstimateQuality, or -1.
inline int32_t QualityOf(const ItemRenderer& renderer) {
  return renderer.EstimateQuality().value_or(-1);
}

/// A CropRule that owns what it refers to.
struct OwnedCropRule {
  std::vector<Box> boxes;
  std::vector<uint8_t> flips;
  std::vector<uint8_t> vflips;
  Interpolation interpolation = Interpolation::kBilinear;
  bool has_window = false;
  Box window;
  bool has_transform = false;
  Transform transform;
  bool has_size = false;
  Size size;
  std::vector<std::vector<Step>> steps;

  CropRule rule() const {
    CropRule result{.transform = std::nullopt,
                    .boxes = boxes,
                    .size = std::nullopt,
                    .interpolation = interpolation,
                    .flips = flips,
                    .vflips = vflips,
                    .window = std::nullopt,
                    .steps = steps};
    if (has_window) result.window = window;
    if (has_transform) result.transform = transform;
    if (has_size) result.size = size;
    return result;
  }
};

/// What `rule` cuts out of the image in `data`.
inline Status FindCrop(ItemRenderer& renderer, Bytes data, const OwnedCropRule& rule,
                       const RenderOptions& options, Crop* crop) {
  FASTINET_ASSIGN_OR_RETURN(const Size shown, renderer.ReadShownSize(data, options));
  FASTINET_ASSIGN_OR_RETURN(*crop, rule.rule().For(0, shown));
  return {};
}

/// Changes `pixels`, [height, width, 3], by `steps`, which are valid.
inline Status ApplySteps(const std::vector<Step>& steps, Size size, MutableBytes pixels) {
  const size_t count = pixels.size() / 3;
  std::vector<uint8_t> planes(pixels.size());
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) planes[c * count + i] = pixels[3 * i + c];
  }
  FASTINET_RETURN_IF_ERROR(StepRunner().Apply(steps, size, planes));
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) pixels[3 * i + c] = planes[c * count + i];
  }
  return {};
}

/// ItemRenderer::RenderShown with steps.
inline Status RenderStepped(ItemRenderer& renderer, Bytes data, const Crop& crop,
                            const RenderOptions& options, const std::vector<Step>& steps,
                            MutableBytes row) {
  return renderer.RenderShown(data, crop, options, row, steps);
}

/// RenderImages, for a rule that owns what it refers to.
inline Status RenderMany(const std::vector<Bytes>& images, const OwnedCropRule& rule,
                         const RenderOptions& options, int threads, MutableBytes rows) {
  return RenderImages(images, rule.rule(), options, threads, rows);
}

}  // namespace fastinet
