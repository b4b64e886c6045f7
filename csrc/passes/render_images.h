// Many images at once without an epoch: the one-shot functions, on several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "augment/steps.h"
#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "crop/crop.h"
#include "item/item.h"

namespace fastinet {

/// What to cut out of each image: a box of its own, or what a transform says; and what is done to
/// it. What would be drawn at random is not drawn, but given.
struct CropRule {
  std::optional<Transform> transform;  // else:
  std::span<const Box> boxes;          // one an image; none takes all of each image
  std::optional<Size> size;            // of the result; none keeps the box's
  Interpolation interpolation = Interpolation::kBilinear;
  // Of either:
  std::span<const uint8_t> flips;                 // one an image; none mirrors no image
  std::span<const uint8_t> vflips;                // likewise, upside down
  std::optional<Box> window;                      // of a kRandomCrop, in each resized image
  std::span<const std::vector<Step>> steps = {};  // one list an image, valid ones; none: no steps

  /// The crop of image `index`, which shows `image` pixels. Fails with kInvalidArgument when its
  /// box lies outside.
  Result<Crop> For(size_t index, Size image) const;
};

/// Renders images[i] into the i-th of as many equal parts of `rows`, on `threads` threads (at least
/// 1, at most one an image). Of several failures the one with the lowest index is returned, with
/// "image <index>" as its member; the other rows are complete nevertheless.
Status RenderImages(std::span<const Bytes> images, const CropRule& rule,
                    const RenderOptions& options, int threads, MutableBytes rows);

}  // namespace fastinet
