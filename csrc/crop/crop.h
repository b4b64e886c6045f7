// Which part of an image becomes a row, and how: transforms, and the crops that they draw.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/image.h"
#include "base/status.h"
#include "resample/border.h"
#include "resample/filter.h"
#include "rng/philox.h"

namespace fastinet {

/// One way through an image: cut `box` out, resize it to `resized`, keep `window` of that, mirror.
///
/// The resize sees nothing outside `box` (torchvision crops first, then resizes). `window` is in
/// pixels of the resized box; where it reaches beyond, the row has what `border` says.
struct Crop {
  Box box;
  Size resized;
  Box window;
  bool flip = false;   // left to right
  bool vflip = false;  // upside down
  Interpolation interpolation = Interpolation::kBilinear;
  Border border{};

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

/// How the box of a random resized crop is drawn.
enum class BoxRule : uint8_t {
  kTorchvision,  // transforms.RandomResizedCrop.get_params
  kClamp,        // the first of its tries, whose sides are clamped to the image's (BYOL, MAE)
  kTensorFlow,   // sample_distorted_bounding_box
};

/// Pixels around an image.
struct Padding {
  int32_t left = 0, top = 0, right = 0, bottom = 0;
};

/// A rule that draws a Crop for an image: the C++ twin of the dataclasses in
/// fastinet.pixels.transforms.
struct Transform {
  enum class Kind : uint8_t { kRandomResizedCrop, kRandomCrop, kCenterCrop, kResize };

  Kind kind = Kind::kRandomResizedCrop;
  Size size{224, 224};  // of the row
  Interpolation interpolation = Interpolation::kBilinear;
  bool random_interpolation = false;  // bilinear or bicubic, drawn for each crop
  double flip_probability = 0.5;      // of the random kinds, as the next
  double vflip_probability = 0;
  // kRandomResizedCrop
  std::array<double, 2> scale{0.08, 1.0};         // share of the image's area
  std::array<double, 2> ratio{3.0 / 4, 4.0 / 3};  // width / height of the box
  BoxRule box_rule = BoxRule::kTorchvision;
  double min_object_covered = 0;  // share of one object's box that the crop must cover
  // kRandomCrop and kCenterCrop
  int32_t resize = 0;  // length of the resized image's shorter side; 0 keeps the size
  Padding padding{};   // kRandomCrop: where the row may lie besides
  Border border{};

  Status Validate() const;
};

/// kInvalidArgument with all of them in the message unless `transform`, a kRandomCrop, may draw
/// `window` in an image of `image` pixels.
Status CheckWindow(const Transform& transform, Size image, const Box& window);

/// The crop of `transform` for an image of `image` pixels with these objects in it; a pure function
/// of its arguments. Objects matter only to a random crop with `min_object_covered`; under
/// TensorFlow's rule that is of the whole image where there are none.
Crop DrawCrop(const Transform& transform, Size image, const AugmentKey& key,
              std::span<const ObjectBox> objects = {});

}  // namespace fastinet
