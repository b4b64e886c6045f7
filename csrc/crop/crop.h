// Which part of an image becomes a row, and how: transforms, and the crops that they draw.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/image.h"
#include "base/status.h"
#include "rng/philox.h"

namespace fastinet {

/// One way through an image: cut `box` out, resize it to `resized`, keep `window` of that, mirror.
///
/// The resize sees nothing outside `box` (torchvision crops first, then resizes). `window` is in
/// pixels of the resized box; where it reaches beyond, the row is black, as torchvision pads.
struct Crop {
  Box box;
  Size resized;
  Box window;
  bool flip = false;

  /// Size of the row that results.
  Size output() const { return {window.width, window.height}; }
  friend bool operator==(const Crop&, const Crop&) = default;
};

/// kInvalidArgument with both in the message unless `box` lies inside an image of `image` pixels.
Status CheckInside(const Box& box, Size image);

/// The bounding box of an object: shares of the image's width and height, 0 to 1.
struct ObjectBox {
  float xmin = 0, ymin = 0, xmax = 0, ymax = 0;
};

/// A rule that draws a Crop for an image: the C++ twin of the dataclasses in
/// fastinet.pixels.transforms.
struct Transform {
  enum class Kind : uint8_t { kRandomResizedCrop, kCenterCrop, kResize };

  Kind kind = Kind::kRandomResizedCrop;
  Size size{224, 224};                            // of the row
  std::array<double, 2> scale{0.08, 1.0};         // random: share of the image's area
  std::array<double, 2> ratio{3.0 / 4, 4.0 / 3};  // random: width / height of the box
  double flip_probability = 0.5;                  // random
  int32_t resize = 0;  // centre crop: length of the resized image's shorter side; 0 keeps the size
  double min_object_covered = 0;  // random: share of one object's box that the crop must cover

  Status Validate() const;
};

/// The crop of `transform` for an image of `image` pixels with these objects in it; a pure function
/// of its arguments. Objects matter only to a random crop with `min_object_covered`.
Crop DrawCrop(const Transform& transform, Size image, const AugmentKey& key,
              std::span<const ObjectBox> objects = {});

}  // namespace fastinet
