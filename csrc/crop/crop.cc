#include "crop/crop.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace fastinet {
namespace {

constexpr int kAttempts = 10;  // of RandomResizedCrop before it falls back to the centre

// Where a crop must cover a share of an object: small objects are missed often. The number is that
// of the Inception preprocessing (tensorflow/models, inception/image_processing.py, max_attempts).
// Blocks of random bits are numbered in 8 bits.
constexpr int kObjectAttempts = 100;
static_assert(kObjectAttempts <= 256);

/// Largest side of a row or of a resized image's shorter side. Its product with any image's side
/// fits 31 bits.
constexpr int32_t kMaxSide = 16384;
static_assert(int64_t{kMaxSide} * kMaxImageSide <= INT32_MAX);

/// Python's round(): to the nearest integer, ties to even. Values beyond any image, to which
/// extreme ratios lead, become one that is too large still.
int32_t RoundHalfEven(double value) {
  constexpr double kBeyondAnyImage = 1 << 30;
  return static_cast<int32_t>(std::nearbyint(std::min(value, kBeyondAnyImage)));
}

Box WholeImage(Size image) { return {0, 0, image.width, image.height}; }

Crop ResizeBox(Box box, Size size, bool flip) {
  return {box, size, {0, 0, size.width, size.height}, flip};
}

/// Length of what [low, high] and [start, start + length] share; not positive when they do not
/// meet.
double SharedLength(double low, double high, int32_t start, int32_t length) {
  return std::min(high, static_cast<double>(start) + length) -
         std::max(low, static_cast<double>(start));
}

/// Whether `box` covers the share `least` of the area of one of `objects`: the rule of TensorFlow's
/// sample_distorted_bounding_box, without its rounding of objects to whole pixels.
bool CoversAnObject(const Box& box, Size image, std::span<const ObjectBox> objects, double least) {
  return std::any_of(objects.begin(), objects.end(), [&](const ObjectBox& object) {
    const double left = static_cast<double>(object.xmin) * image.width;
    const double right = static_cast<double>(object.xmax) * image.width;
    const double top = static_cast<double>(object.ymin) * image.height;
    const double bottom = static_cast<double>(object.ymax) * image.height;
    const double width = std::max(0.0, SharedLength(left, right, box.x, box.width));
    const double height = std::max(0.0, SharedLength(top, bottom, box.y, box.height));
    return width * height / ((right - left) * (bottom - top)) >= least;
  });
}

/// torchvision.transforms.RandomResizedCrop.get_params: area uniform in `scale`, logarithm of the
/// aspect ratio uniform, ten tries, else the largest centred box within the ratio's bounds.
///
/// With objects to cover, tries that cover none do not count as boxes, there are more of them, and
/// what remains is the whole image, which covers all objects (as in TensorFlow).
Box DrawRandomBox(const Transform& transform, Size image, const AugmentKey& key,
                  std::span<const ObjectBox> objects) {
  const bool must_cover = transform.min_object_covered > 0 && !objects.empty();
  const int attempts = must_cover ? kObjectAttempts : kAttempts;
  const double area = static_cast<double>(image.width) * image.height;
  const double log_ratio_low = std::log(transform.ratio[0]);
  const double log_ratio_high = std::log(transform.ratio[1]);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const PhiloxBlock bits = key.Bits(RandomUse::kCrop, static_cast<uint8_t>(attempt));
    const double target_area =
        area *
        (transform.scale[0] + (transform.scale[1] - transform.scale[0]) * UnitInterval(bits[0]));
    const double ratio =
        std::exp(log_ratio_low + (log_ratio_high - log_ratio_low) * UnitInterval(bits[1]));
    const int32_t width = RoundHalfEven(std::sqrt(target_area * ratio));
    const int32_t height = RoundHalfEven(std::sqrt(target_area / ratio));
    if (width > 0 && width <= image.width && height > 0 && height <= image.height) {
      const Box box = {UniformBelow(bits[3], image.width - width + 1),
                       UniformBelow(bits[2], image.height - height + 1), width, height};
      if (!must_cover || CoversAnObject(box, image, objects, transform.min_object_covered)) {
        return box;
      }
    }
  }
  if (must_cover) return WholeImage(image);
  const double image_ratio = static_cast<double>(image.width) / image.height;
  int32_t width = image.width, height = image.height;
  if (image_ratio < transform.ratio[0]) {
    height = std::max(1, RoundHalfEven(width / transform.ratio[0]));
  } else if (image_ratio > transform.ratio[1]) {
    width = std::max(1, RoundHalfEven(height * transform.ratio[1]));
  }
  return {(image.width - width) / 2, (image.height - height) / 2, width, height};
}

/// Size after torchvision.transforms.Resize(shorter_side): the longer side is truncated.
Size ResizeShorterSide(Size image, int32_t shorter_side) {
  const auto scale = [&](int32_t longer, int32_t shorter) {
    return static_cast<int32_t>(static_cast<int64_t>(shorter_side) * longer / shorter);
  };
  if (image.width <= image.height) return {shorter_side, scale(image.height, image.width)};
  return {scale(image.width, image.height), shorter_side};
}

/// Where a centred run of `wanted` pixels starts in `available`; negative when it is longer. The
/// roundings are those of torchvision.transforms.functional.center_crop.
int32_t CentredStart(int32_t available, int32_t wanted) {
  if (wanted > available) return -((wanted - available) / 2);
  return RoundHalfEven((available - wanted) / 2.0);
}

Status CheckSide(int32_t side, const char* what) {
  if (side >= 1 && side <= kMaxSide) return {};
  return InvalidArgument(std::string(what) + " must be 1 to " + std::to_string(kMaxSide) +
                         " pixels, got " + std::to_string(side));
}

}  // namespace

Status CheckInside(const Box& box, Size image) {
  if (box.IsInside(image)) return {};
  return InvalidArgument("box (" + std::to_string(box.x) + ", " + std::to_string(box.y) + ", " +
                         std::to_string(box.width) + ", " + std::to_string(box.height) +
                         ") does not lie inside the image of " + std::to_string(image.width) +
                         " x " + std::to_string(image.height) + " pixels");
}

Status Transform::Validate() const {
  FASTINET_RETURN_IF_ERROR(CheckSide(size.width, "width"));
  FASTINET_RETURN_IF_ERROR(CheckSide(size.height, "height"));
  if (kind == Kind::kCenterCrop && resize != 0) {
    FASTINET_RETURN_IF_ERROR(CheckSide(resize, "resize"));
  }
  if (kind != Kind::kRandomResizedCrop) return {};
  if (!(scale[0] > 0 && scale[0] <= scale[1] && scale[1] <= 1)) {
    return InvalidArgument("scale must satisfy 0 < low <= high <= 1, got (" +
                           std::to_string(scale[0]) + ", " + std::to_string(scale[1]) + ")");
  }
  if (!(ratio[0] > 0 && ratio[0] <= ratio[1] && std::isfinite(ratio[1]))) {
    return InvalidArgument("ratio must satisfy 0 < low <= high, got (" + std::to_string(ratio[0]) +
                           ", " + std::to_string(ratio[1]) + ")");
  }
  if (!(flip_probability >= 0 && flip_probability <= 1)) {
    return InvalidArgument("the flip probability must be 0 to 1, got " +
                           std::to_string(flip_probability));
  }
  if (!(min_object_covered >= 0 && min_object_covered <= 1)) {
    return InvalidArgument("min_object_covered must be 0 to 1, got " +
                           std::to_string(min_object_covered));
  }
  return {};
}

Crop DrawCrop(const Transform& transform, Size image, const AugmentKey& key,
              std::span<const ObjectBox> objects) {
  switch (transform.kind) {
    case Transform::Kind::kRandomResizedCrop: {
      const bool flip = UnitInterval(key.Bits(RandomUse::kFlip, 0)[0]) < transform.flip_probability;
      return ResizeBox(DrawRandomBox(transform, image, key, objects), transform.size, flip);
    }
    case Transform::Kind::kCenterCrop: {
      const Size resized =
          transform.resize == 0 ? image : ResizeShorterSide(image, transform.resize);
      return {WholeImage(image),
              resized,
              {CentredStart(resized.width, transform.size.width),
               CentredStart(resized.height, transform.size.height), transform.size.width,
               transform.size.height},
              false};
    }
    case Transform::Kind::kResize:
      break;
  }
  return ResizeBox(WholeImage(image), transform.size, false);
}

}  // namespace fastinet
