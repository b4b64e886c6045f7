#include "crop/crop.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/correct_math.h"
#include "rng/portable_math.h"

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
/// Largest padding on either side. What lies within it still fits, too.
constexpr int32_t kMaxPadding = 4096;
static_assert(int64_t{kMaxSide} * kMaxImageSide + 2 * kMaxPadding <= INT32_MAX);

/// Python's round(): to the nearest integer, ties to even. Values beyond any image, to which
/// extreme ratios lead, become one that is too large still.
int32_t RoundHalfEven(double value) {
  constexpr double kBeyondAnyImage = 1 << 30;
  return static_cast<int32_t>(std::nearbyint(std::min(value, kBeyondAnyImage)));
}

Box WholeImage(Size image) { return {0, 0, image.width, image.height}; }

Crop ResizeBox(Box box, Size size) {
  return {.box = box, .resized = size, .window = {0, 0, size.width, size.height}};
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

/// Whether a length that is known to 2^-kKnownBits of its size is known to be rounded as its true
/// value is.
bool IsRoundedSurely(double length) {
  constexpr int kKnownBits = 38;
  return std::abs(length - std::floor(length) - 0.5) > std::ldexp(length, -kKnownBits);
}

/// The sides that a try of torchvision.transforms.RandomResizedCrop.get_params draws: area uniform
/// in `scale`, logarithm of the aspect ratio uniform. They may be 0, or longer than the image's.
///
/// They are those that correctly rounded logarithms and exponentials give, on every machine. Those
/// are slow, and hardly ever needed: sides are whole numbers, and of a thousand million all but a
/// few are the same with what is right to some last bits.
class SidesDrawer {
 public:
  SidesDrawer(const Transform& transform, Size image)
      : area_(static_cast<double>(image.width) * image.height),
        scale_(transform.scale),
        ratio_(transform.ratio),
        // Beyond, the logarithms' last bits are worth too much.
        is_moderate_(ratio_[0] > 1e-9 && ratio_[1] < 1e9) {
    if (is_moderate_) near_logs_ = {PortableLog(ratio_[0]), PortableLog(ratio_[1])};
  }

  Size operator()(const PhiloxBlock& bits) const {
    const double target_area =
        area_ * (scale_[0] + (scale_[1] - scale_[0]) * UnitInterval(bits[0]));
    const auto sides_for = [&](double ratio) {
      return std::array{std::sqrt(target_area * ratio), std::sqrt(target_area / ratio)};
    };
    const auto power_in = [&](const std::array<double, 2>& logs) {
      return logs[0] + (logs[1] - logs[0]) * UnitInterval(bits[1]);
    };
    std::array<double, 2> sides{};
    if (is_moderate_) sides = sides_for(PortableExp(power_in(near_logs_)));
    if (!is_moderate_ || !IsRoundedSurely(sides[0]) || !IsRoundedSurely(sides[1])) {
      sides = sides_for(CorrectExp(power_in({CorrectLog(ratio_[0]), CorrectLog(ratio_[1])})));
    }
    return {RoundHalfEven(sides[0]), RoundHalfEven(sides[1])};
  }

 private:
  double area_;
  std::array<double, 2> scale_;
  std::array<double, 2> ratio_;
  bool is_moderate_;
  std::array<double, 2> near_logs_{};
};

/// A box of `sides`, which fit, anywhere in the image.
Box PlaceBox(Size sides, Size image, const PhiloxBlock& bits) {
  return {UniformBelow(bits[3], image.width - sides.width + 1),
          UniformBelow(bits[2], image.height - sides.height + 1), sides.width, sides.height};
}

/// torchvision.transforms.RandomResizedCrop.get_params: ten tries, else the largest centred box
/// within the ratio's bounds.
///
/// With objects to cover, tries that cover none do not count as boxes, there are more of them, and
/// what remains is the whole image, which covers all objects (as in TensorFlow).
Box DrawTorchvisionBox(const Transform& transform, Size image, const AugmentKey& key,
                       std::span<const ObjectBox> objects) {
  const bool must_cover = transform.min_object_covered > 0 && !objects.empty();
  const int attempts = must_cover ? kObjectAttempts : kAttempts;
  const SidesDrawer draw_sides(transform, image);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const PhiloxBlock bits = key.Bits(RandomUse::kCrop, static_cast<uint8_t>(attempt));
    const auto [width, height] = draw_sides(bits);
    if (width > 0 && width <= image.width && height > 0 && height <= image.height) {
      const Box box = PlaceBox({width, height}, image, bits);
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

/// One try, whose sides are clamped to the image's: BYOL's TensorFlow code
/// (deepmind-research/byol/utils/dataset.py) and after it MAE's linear probe (util/crop.py).
Box DrawClampedBox(const Transform& transform, Size image, const AugmentKey& key) {
  const PhiloxBlock bits = key.Bits(RandomUse::kCrop, 0);
  const Size drawn = SidesDrawer(transform, image)(bits);
  return PlaceBox(
      {std::clamp(drawn.width, 1, image.width), std::clamp(drawn.height, 1, image.height)}, image,
      bits);
}

/// Uniform in [0, 1) with float32's 23 bits.
float UnitFloat(uint32_t bits) { return static_cast<float>(bits >> 9) * 0x1p-23F; }

/// A length in pixels that TensorFlow computes in float32 and rounds, ties to even.
int32_t RoundedLength(float length) { return RoundHalfEven(static_cast<double>(length)); }

/// The box that a try of TensorFlow's sample_distorted_bounding_box draws
/// (core/kernels/image/sample_distorted_bounding_box_op.cc), in its float32 arithmetic: the ratio
/// is uniform, then the height among whole numbers. It never touches the image's last row or
/// column, unless it has all of them.
std::optional<Box> TryTensorFlowBox(const Transform& transform, Size image,
                                    const PhiloxBlock& bits) {
  const auto ratio_low = static_cast<float>(transform.ratio[0]);
  const auto ratio_high = static_cast<float>(transform.ratio[1]);
  const float ratio = UnitFloat(bits[0]) * (ratio_high - ratio_low) + ratio_low;
  if (!(ratio > 0)) return std::nullopt;
  const auto image_width = static_cast<float>(image.width);
  const auto image_height = static_cast<float>(image.height);
  const float least_area = static_cast<float>(transform.scale[0]) * image_width * image_height;
  const float most_area = static_cast<float>(transform.scale[1]) * image_width * image_height;
  const auto width_of = [&](int32_t height) {
    return RoundedLength(static_cast<float>(height) * ratio);
  };

  int32_t highest = RoundedLength(std::sqrt(most_area / ratio));
  if (width_of(highest) > image.width) {
    constexpr double kHalf = 0.5 - static_cast<double>(1e-7F);
    highest = static_cast<int32_t>(
        std::min((image.width + kHalf) / static_cast<double>(ratio), 1.0 * kMaxImageSide));
    if (width_of(highest) > image.width) --highest;
  }
  highest = std::min(highest, image.height);
  const int32_t lowest = std::min(RoundedLength(std::sqrt(least_area / ratio)), highest);
  int32_t height = lowest + UniformBelow(bits[1], highest - lowest + 1);
  int32_t width = width_of(height);
  const auto area = [&] { return static_cast<float>(int64_t{width} * height); };
  if (area() < least_area) width = width_of(++height);
  if (area() > most_area) width = width_of(--height);
  if (area() < least_area || area() > most_area || width <= 0 || width > image.width ||
      height <= 0 || height > image.height) {
    return std::nullopt;
  }
  const auto start = [](uint32_t random, int32_t available, int32_t wanted) {
    return wanted < available ? UniformBelow(random, available - wanted) : 0;
  };
  return Box{start(bits[3], image.width, width), start(bits[2], image.height, height), width,
             height};
}

/// The box of an object in whole pixels, as TensorFlow truncates it.
Box TruncatedBox(const ObjectBox& object, Size image) {
  const auto pixels = [](float share, int32_t side) {
    return static_cast<int32_t>(share * static_cast<float>(side));
  };
  const int32_t left = pixels(object.xmin, image.width), top = pixels(object.ymin, image.height);
  return {left, top, pixels(object.xmax, image.width) - left,
          pixels(object.ymax, image.height) - top};
}

float AreaOf(int64_t width, int64_t height) { return static_cast<float>(width * height); }

/// Whether `box` covers the share `least` of `object`, which has a pixel.
bool Covers(const Box& box, const Box& object, float least) {
  const float area = AreaOf(object.width, object.height);
  if (area < 1) return false;
  const int32_t width =
      std::min(box.x + box.width, object.x + object.width) - std::max(box.x, object.x);
  const int32_t height =
      std::min(box.y + box.height, object.y + object.height) - std::max(box.y, object.y);
  const float shared = width < 0 || height < 0 ? 0.0F : AreaOf(width, height);
  return shared / area >= least;
}

/// TensorFlow's sample_distorted_bounding_box: tries until a box covers enough of an object, or of
/// the image where there are none; then the whole image.
Box DrawTensorFlowBox(const Transform& transform, Size image, const AugmentKey& key,
                      std::span<const ObjectBox> objects) {
  const auto least = static_cast<float>(transform.min_object_covered);
  for (int attempt = 0; attempt < kObjectAttempts; ++attempt) {
    const PhiloxBlock bits = key.Bits(RandomUse::kCrop, static_cast<uint8_t>(attempt));
    const std::optional<Box> box = TryTensorFlowBox(transform, image, bits);
    if (!box) continue;
    const bool covers =
        objects.empty() ? Covers(*box, WholeImage(image), least)
                        : std::any_of(objects.begin(), objects.end(), [&](const ObjectBox& object) {
                            return Covers(*box, TruncatedBox(object, image), least);
                          });
    if (covers) return *box;
  }
  return WholeImage(image);
}

Box DrawRandomBox(const Transform& transform, Size image, const AugmentKey& key,
                  std::span<const ObjectBox> objects) {
  switch (transform.box_rule) {
    case BoxRule::kClamp:
      return DrawClampedBox(transform, image, key);
    case BoxRule::kTensorFlow:
      return DrawTensorFlowBox(transform, image, key, objects);
    case BoxRule::kTorchvision:
      break;
  }
  return DrawTorchvisionBox(transform, image, key, objects);
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

/// The size of the image before a row is cut out of it.
Size ResizedSize(const Transform& transform, Size image) {
  return transform.resize == 0 ? image : ResizeShorterSide(image, transform.resize);
}

/// Where a run of pixels may start: `count` places from `first` on.
struct Starts {
  int32_t first;
  int32_t count;

  int32_t Draw(uint32_t bits) const { return first + UniformBelow(bits, count); }
  bool Has(int32_t start) const {
    return start >= first && int64_t{start} - first < count;  // the difference may not fit int32
  }
};

/// Where a run of `wanted` pixels may start in `available` ones with `before` and `behind` around
/// them: torchvision.transforms.v2.RandomCrop with pad_if_needed, which pads on both sides by what
/// is lacking.
Starts StartsOf(int32_t available, int32_t before, int32_t behind, int32_t wanted) {
  const int32_t padded = available + before + behind;
  const int32_t lacking = std::max(0, wanted - padded);
  return {-before - lacking, padded + 2 * lacking - wanted + 1};
}

/// The columns and rows of the resized image where the row of a kRandomCrop may start.
std::pair<Starts, Starts> StartsOf(const Transform& transform, Size resized) {
  const Padding& padding = transform.padding;
  return {StartsOf(resized.width, padding.left, padding.right, transform.size.width),
          StartsOf(resized.height, padding.top, padding.bottom, transform.size.height)};
}

/// torchvision's RandomCrop after a Resize of the shorter side: any start is as likely.
Crop DrawRandomCrop(const Transform& transform, Size image, const AugmentKey& key) {
  const PhiloxBlock bits = key.Bits(RandomUse::kCrop, 0);
  const Size resized = ResizedSize(transform, image);
  const auto [columns, rows] = StartsOf(transform, resized);
  return {.box = WholeImage(image),
          .resized = resized,
          .window = {columns.Draw(bits[3]), rows.Draw(bits[2]), transform.size.width,
                     transform.size.height}};
}

Crop CentreCrop(const Transform& transform, Size image) {
  const auto [width, height] = transform.size;
  const Size resized = ResizedSize(transform, image);
  return {.box = WholeImage(image),
          .resized = resized,
          .window = {CentredStart(resized.width, width), CentredStart(resized.height, height),
                     width, height}};
}

/// Draws with a probability; without any, draws nothing.
bool Draw(const AugmentKey& key, RandomUse use, double probability) {
  return probability > 0 && UnitInterval(key.Bits(use, 0)[0]) < probability;
}

/// timm's rule for interpolation="random": either filter is as likely.
Interpolation DrawInterpolation(const Transform& transform, const AugmentKey& key) {
  if (!transform.random_interpolation) return transform.interpolation;
  return Draw(key, RandomUse::kInterpolation, 0.5) ? Interpolation::kBilinear
                                                   : Interpolation::kBicubic;
}

Status CheckSide(int32_t side, const char* what) {
  if (side >= 1 && side <= kMaxSide) return {};
  return InvalidArgument(std::string(what) + " must be 1 to " + std::to_string(kMaxSide) +
                         " pixels, got " + std::to_string(side));
}

Status CheckProbability(double probability, const char* what) {
  if (probability >= 0 && probability <= 1) return {};
  return InvalidArgument(std::string(what) + " must be 0 to 1, got " + std::to_string(probability));
}

Status CheckPadding(const Padding& padding) {
  for (const int32_t pixels : {padding.left, padding.top, padding.right, padding.bottom}) {
    if (pixels >= 0 && pixels <= kMaxPadding) continue;
    return InvalidArgument("padding must be 0 to " + std::to_string(kMaxPadding) + " pixels, got " +
                           std::to_string(pixels));
  }
  return {};
}

/// The numbers that RandomResizedCrop has for itself.
Status CheckBoxRule(const Transform& transform) {
  const std::array<double, 2>&scale = transform.scale, &ratio = transform.ratio;
  if (!(scale[0] > 0 && scale[0] <= scale[1] && scale[1] <= 1)) {
    return InvalidArgument("scale must satisfy 0 < low <= high <= 1, got (" +
                           std::to_string(scale[0]) + ", " + std::to_string(scale[1]) + ")");
  }
  if (!(ratio[0] > 0 && ratio[0] <= ratio[1] && std::isfinite(ratio[1]))) {
    return InvalidArgument("ratio must satisfy 0 < low <= high, got (" + std::to_string(ratio[0]) +
                           ", " + std::to_string(ratio[1]) + ")");
  }
  FASTINET_RETURN_IF_ERROR(CheckProbability(transform.min_object_covered, "min_object_covered"));
  if (transform.box_rule == BoxRule::kClamp && transform.min_object_covered > 0) {
    return InvalidArgument("min_object_covered must be 0 where the box is drawn once and clamped");
  }
  return {};
}

}  // namespace

Status CheckInside(const Box& box, Size image) {
  if (box.IsInside(image)) return {};
  return InvalidArgument("box (" + std::to_string(box.x) + ", " + std::to_string(box.y) + ", " +
                         std::to_string(box.width) + ", " + std::to_string(box.height) +
                         ") does not lie inside the image of " + std::to_string(image.width) +
                         " x " + std::to_string(image.height) + " pixels");
}

Status CheckWindow(const Transform& transform, Size image, const Box& window) {
  const Size resized = ResizedSize(transform, image);
  const auto [columns, rows] = StartsOf(transform, resized);
  if (Size{window.width, window.height} == transform.size && columns.Has(window.x) &&
      rows.Has(window.y)) {
    return {};
  }
  return InvalidArgument(
      "window (" + std::to_string(window.x) + ", " + std::to_string(window.y) + ", " +
      std::to_string(window.width) + ", " + std::to_string(window.height) +
      ") is none that the transform cuts out of the image, resized to " +
      std::to_string(resized.width) + " x " + std::to_string(resized.height) + " pixels");
}

Status Transform::Validate() const {
  FASTINET_RETURN_IF_ERROR(CheckSide(size.width, "width"));
  FASTINET_RETURN_IF_ERROR(CheckSide(size.height, "height"));
  const bool cuts_window = kind == Kind::kCenterCrop || kind == Kind::kRandomCrop;
  if (cuts_window && resize != 0) FASTINET_RETURN_IF_ERROR(CheckSide(resize, "resize"));
  if (kind == Kind::kRandomCrop) FASTINET_RETURN_IF_ERROR(CheckPadding(padding));
  if (kind == Kind::kRandomResizedCrop) FASTINET_RETURN_IF_ERROR(CheckBoxRule(*this));
  if (kind != Kind::kRandomResizedCrop && kind != Kind::kRandomCrop) return {};
  FASTINET_RETURN_IF_ERROR(CheckProbability(flip_probability, "the flip probability"));
  return CheckProbability(vflip_probability, "the vertical flip probability");
}

Crop DrawCrop(const Transform& transform, Size image, const AugmentKey& key,
              std::span<const ObjectBox> objects) {
  Crop crop;
  bool draws_flips = true;
  switch (transform.kind) {
    case Transform::Kind::kRandomResizedCrop:
      crop = ResizeBox(DrawRandomBox(transform, image, key, objects), transform.size);
      break;
    case Transform::Kind::kRandomCrop:
      crop = DrawRandomCrop(transform, image, key);
      break;
    case Transform::Kind::kCenterCrop:
      crop = CentreCrop(transform, image);
      draws_flips = false;
      break;
    case Transform::Kind::kResize:
      crop = ResizeBox(WholeImage(image), transform.size);
      draws_flips = false;
      break;
  }
  crop.border = transform.border;
  crop.interpolation = DrawInterpolation(transform, key);
  if (draws_flips) {
    crop.flip = Draw(key, RandomUse::kFlip, transform.flip_probability);
    crop.vflip = Draw(key, RandomUse::kVerticalFlip, transform.vflip_probability);
  }
  return crop;
}

}  // namespace fastinet
