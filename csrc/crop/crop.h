// Which part of an image becomes a row, and how: transforms, and the crops that they draw.
#pragma once

#include <array>
#include <cstdint>

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

/// A rule that draws a Crop for an image: the C++ twin of the dataclasses in fastinet.transforms.
struct Transform {
  enum class Kind : uint8_t { kRandomResizedCrop, kCenterCrop, kResize };

  Kind kind = Kind::kRandomResizedCrop;
  Size size{224, 224};                            // of the row
  std::array<double, 2> scale{0.08, 1.0};         // random: share of the image's area
  std::array<double, 2> ratio{3.0 / 4, 4.0 / 3};  // random: width / height of the box
  double flip_probability = 0.5;                  // random
  int32_t resize = 0;  // centre crop: length of the resized image's shorter side; 0 keeps the size

  Status Validate() const;
};

/// The crop of `transform` for an image of `image` pixels; a pure function of its arguments.
Crop DrawCrop(const Transform& transform, Size image, const AugmentKey& key);

}  // namespace fastinet
