#include "augment/steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "augment/rotation.h"
#include "base/checked.h"
#include "colour/kernels.h"
#include "colour/tensor_kernels.h"

namespace fastinet {
namespace {

/// Bounds of a step's argument, both included.
struct Bounds {
  double low;
  double high;
  bool whole = false;  // only whole numbers
};

// Factors as ColourJitter has them. Translations may lead far out of the image, for what they show
// then is the fill; other entries of a matrix stay within what Pillow's fixed point can hold.
constexpr Bounds kFactor{0, 1e6};
constexpr Bounds kMatrixEntry{-32'000, 32'000};
constexpr Bounds kShift{-1e9, 1e9};
constexpr Bounds kValue{-256, 256};

std::span<const Bounds> BoundsOf(StepOp op) {
  static constexpr Bounds kFactors[] = {kFactor};
  static constexpr Bounds kTurns[] = {{-0.5, 0.5}};
  static constexpr Bounds kThresholds[] = {kValue};
  static constexpr Bounds kAdditions[] = {{-255, 255, true}, {0, 256, true}};
  static constexpr Bounds kBits[] = {{0, 8, true}};
  static constexpr Bounds kSigmas[] = {{0, kMostSigma}};
  static constexpr Bounds kKernels[] = {{1, kMostKernelSize, true}, {1e-3, kMostSigma}};
  static constexpr Bounds kMatrices[] = {kMatrixEntry, kMatrixEntry, kShift,
                                         kMatrixEntry, kMatrixEntry, kShift};
  static constexpr Bounds kDegrees[] = {{-1e6, 1e6}};
  static constexpr Bounds kRectangles[] = {
      {-1e6, 1e6, true}, {-1e6, 1e6, true}, {0, 1e6, true}, {0, 1e6, true}};
  static constexpr Bounds kShares[] = {{0, 1}};
  static constexpr Bounds kVersions[] = {{1, 2, true}};
  static constexpr Bounds kTensorFactors[] = {kFactor, {1, 2, true}};
  static constexpr Bounds kTensorMatrices[] = {
      kMatrixEntry, kMatrixEntry, kShift, kMatrixEntry, kMatrixEntry, kShift, {0, 2, true}};
  static constexpr Bounds kTensorDegrees[] = {{-1e6, 1e6}, {0, 2, true}};
  switch (op) {
    case StepOp::kBrightness:
    case StepOp::kContrast:
    case StepOp::kSaturation:
    case StepOp::kSharpness:
      return kFactors;
    case StepOp::kHue:
      return kTurns;
    case StepOp::kSolarize:
      return kThresholds;
    case StepOp::kSolarizeAdd:
      return kAdditions;
    case StepOp::kPosterize:
      return kBits;
    case StepOp::kGaussianBlur:
      return kSigmas;
    case StepOp::kKernelBlur:
      return kKernels;
    case StepOp::kAffine:
      return kMatrices;
    case StepOp::kRotate:
      return kDegrees;
    case StepOp::kRectangle:
      return kRectangles;
    case StepOp::kMixStart:
    case StepOp::kMixChain:
    case StepOp::kMixEnd:
      return kShares;
    case StepOp::kTensorContrast:
    case StepOp::kTensorSaturation:
    case StepOp::kTensorSharpness:
      return kTensorFactors;
    case StepOp::kTensorAutoContrast:
      return kVersions;
    case StepOp::kTensorAffine:
      return kTensorMatrices;
    case StepOp::kTensorRotate:
      return kTensorDegrees;
    case StepOp::kGrayscale:
    case StepOp::kInvert:
    case StepOp::kAutoContrast:
    case StepOp::kEqualize:
    case StepOp::kFlipVertical:
      break;
  }
  return {};
}

/// ImageEnhance.Contrast's background: the mean grey, rounded.
uint8_t MeanGrey(const RgbPlanes& planes) {
  const double mean = static_cast<double>(SumOfGrey(planes)) / static_cast<double>(planes.pixels);
  return static_cast<uint8_t>(mean + 0.5);
}

/// The mean grey of a tensor, as torch.mean has it of fewer than 2^24 / 255 pixels, whose sum is
/// exact; of more it may differ in the last bit.
float MeanTensorGrey(const RgbPlanes& planes, TransformsVersion version) {
  return static_cast<float>(SumOfTensorGrey(planes, version)) / static_cast<float>(planes.pixels);
}

TransformsVersion VersionOf(double argument) {
  return argument == 1 ? TransformsVersion::k1 : TransformsVersion::k2;
}

Filling FillingOf(double argument) { return static_cast<Filling>(static_cast<int32_t>(argument)); }

AffineMatrix MatrixOf(const Step& step) {
  AffineMatrix matrix;
  std::copy_n(step.arguments.begin(), matrix.size(), matrix.begin());
  return matrix;
}

/// Whether a transform moves all pixels alike, by whole ones, and torch's floats are exact enough
/// to say so, too: within such sides they are off by less than a thousandth of a pixel.
bool MovesWholePixels(const AffineMatrix& m, Size size) {
  constexpr int32_t kMostSide = 4096;
  return m[0] == 1 && m[1] == 0 && m[3] == 0 && m[4] == 1 && m[2] == std::floor(m[2]) &&
         m[5] == std::floor(m[5]) && std::max(size.width, size.height) <= kMostSide &&
         std::abs(m[2]) <= size.width && std::abs(m[5]) <= size.height;
}

/// The part of a rectangle that lies in the plane gets one value.
void FillRectangle(const Step& rectangle, uint8_t value, Size size, MutableBytes plane) {
  const double x = rectangle.arguments[0], y = rectangle.arguments[1];
  const double width = rectangle.arguments[2], height = rectangle.arguments[3];
  const auto within = [](double position, int32_t side) {
    return static_cast<size_t>(std::clamp(position, 0.0, static_cast<double>(side)));
  };
  const size_t left = within(x, size.width), right = within(x + width, size.width);
  const size_t bottom = within(y + height, size.height);
  for (size_t line = within(y, size.height); line < bottom; ++line) {
    const MutableBytes row = plane.subspan(line * static_cast<size_t>(size.width) + left);
    std::fill_n(row.begin(), right - left, value);
  }
}

/// Parts of a turn as steps of the 8-bit hue, towards zero, as torchvision rounds them.
uint8_t HueSteps(double turn) { return static_cast<uint8_t>(static_cast<int32_t>(turn * 255)); }

}  // namespace

size_t ArgumentCount(StepOp op) { return BoundsOf(op).size(); }

Status Step::Validate() const {
  const std::span<const Bounds> bounds = BoundsOf(op);
  for (size_t i = 0; i < bounds.size(); ++i) {
    const auto [low, high, whole] = bounds[i];
    const double value = arguments[i];
    if (value >= low && value <= high && (!whole || value == std::floor(value))) continue;
    return InvalidArgument("argument " + std::to_string(i) + " of the step must be " +
                           (whole ? "a whole number from " : "from ") + std::to_string(low) +
                           " to " + std::to_string(high) + ", not " + std::to_string(value));
  }
  if (op == StepOp::kKernelBlur && std::fmod(arguments[0], 2) != 1) {
    return InvalidArgument("the kernel of a blur must have an odd number of taps, not " +
                           std::to_string(static_cast<int32_t>(arguments[0])));
  }
  if ((op == StepOp::kTensorAffine || op == StepOp::kTensorRotate) &&
      sampling == Sampling::kBicubic) {
    return InvalidArgument(
        "tensors are read bilinear or nearest, as torchvision does it, not bicubic");
  }
  return {};
}

Status Step::ValidateFor(Size size) const {
  if ((op == StepOp::kTensorAffine || op == StepOp::kTensorRotate) && !FitsGrid(size)) {
    return InvalidArgument("tensors of " + std::to_string(size.width) + " x " +
                           std::to_string(size.height) + " pixels are too large to be turned");
  }
  if (op != StepOp::kKernelBlur) return {};
  const auto taps = static_cast<int32_t>(arguments[0]);
  if (taps / 2 < std::min(size.width, size.height)) return {};
  return InvalidArgument("a blur with a kernel of " + std::to_string(taps) +
                         " taps needs sides longer than half of it, not " +
                         std::to_string(size.width) + " x " + std::to_string(size.height));
}

Status ValidateSteps(std::span<const Step> steps, Size size) {
  bool is_mixing = false;
  for (const Step& step : steps) {
    FASTINET_RETURN_IF_ERROR(step.ValidateFor(size));
    const bool begins = step.op == StepOp::kMixStart, ends = step.op == StepOp::kMixEnd;
    if (begins && is_mixing) return InvalidArgument("a mixture begins within another one");
    if ((ends || step.op == StepOp::kMixChain) && !is_mixing) {
      return InvalidArgument("a mixture goes on or ends that has not begun");
    }
    is_mixing = begins || (is_mixing && !ends);
  }
  return is_mixing ? InvalidArgument("a mixture begins and does not end") : Status();
}

/// The image that steps are applied to.
struct StepRunner::Image {
  Size size;
  MutableBytes planes;
  RgbPlanes rgb;

  MutableBytes plane(size_t c) const { return planes.subspan(c * rgb.pixels, rgb.pixels); }
};

Status StepRunner::Apply(std::span<const Step> steps, Size size, MutableBytes planes) {
  const int64_t count = int64_t{size.width} * size.height;
  if (count > std::numeric_limits<int32_t>::max()) {  // kernels address pixels by int32
    return InvalidArgument("steps change images of fewer than 2^31 pixels, not of " +
                           std::to_string(size.width) + " x " + std::to_string(size.height));
  }
  const auto pixels = static_cast<size_t>(count);
  if (pixels == 0) return {};
  FASTINET_RETURN_IF_ERROR(ValidateSteps(steps, size));
  uint8_t* const red = planes.data();
  Image image{size, planes, {red, red + pixels, red + 2 * pixels, pixels}};
  table_.Clear();
  for (const Step& step : steps) ApplyStep(step, image);
  table_.Apply(image.rgb);
  return {};
}

/// Puts the step into the table, or makes what the table holds and then the step.
void StepRunner::ApplyStep(const Step& step, Image& image) {
  const double first = step.arguments[0];
  const auto factor = static_cast<float>(first);
  switch (step.op) {
    case StepOp::kBrightness:
      return table_.Append(BlendTable(0, factor));
    case StepOp::kInvert:
      return table_.Append(InvertTable());
    case StepOp::kSolarize:
      return table_.Append(SolarizeTable(first));
    case StepOp::kSolarizeAdd:
      return table_.Append(
          SolarizeAddTable(static_cast<int32_t>(first), static_cast<int32_t>(step.arguments[1])));
    case StepOp::kPosterize:
      return table_.Append(PosterizeTable(static_cast<int32_t>(first)));
    case StepOp::kEqualize: {
      const std::array<Histogram, 3> before = HistogramsOf(image.rgb);
      for (size_t c = 0; c < 3; ++c) {
        table_.Append(c, EqualizeTable(table_.Mapped(c, before[c])));
      }
      return;
    }
    default:
      break;
  }
  table_.Apply(image.rgb);
  table_.Clear();
  switch (step.op) {
    case StepOp::kContrast:
      return table_.Append(BlendTable(MeanGrey(image.rgb), factor));
    case StepOp::kAutoContrast:
      for (size_t c = 0; c < 3; ++c) {
        const MutableBytes plane = image.plane(c);
        table_.Append(c, AutoContrastTable(ExtremesOf(plane.data(), plane.size())));
      }
      return;
    case StepOp::kSaturation:
      return BlendWithGrey(image.rgb, factor);
    case StepOp::kHue:
      return ShiftHue(image.rgb, HueSteps(first));
    case StepOp::kGrayscale:
      return ReplaceByGrey(image.rgb);
    case StepOp::kSharpness:
      return Sharpen(image, [&](MutableBytes plane, Bytes smooth) {
        BlendWithPlane(plane.data(), plane.size(), smooth.data(), factor);
      });
    case StepOp::kGaussianBlur:
      for (size_t c = 0; c < 3; ++c) blur_.Gaussian(first, image.size, image.plane(c));
      return;
    case StepOp::kKernelBlur:
      for (size_t c = 0; c < 3; ++c) {
        blur_.Kernel(static_cast<int32_t>(first), step.arguments[1], image.size, image.plane(c));
      }
      return;
    case StepOp::kAffine:
      return warp_.Apply({MatrixOf(step), step.sampling, step.fill}, image.size, image.planes);
    case StepOp::kRotate:
      return Rotate(first, step.sampling, step.fill, warp_, image.size, image.planes);
    case StepOp::kFlipVertical:
      for (size_t c = 0; c < 3; ++c) FlipLines(image.size, image.plane(c));
      return;
    case StepOp::kRectangle:
      for (size_t c = 0; c < 3; ++c) FillRectangle(step, step.fill[c], image.size, image.plane(c));
      return;
    case StepOp::kMixStart:
      return mixture_.Start(image.planes, factor);
    case StepOp::kMixChain:
      return mixture_.AddChain(factor, image.planes);
    case StepOp::kMixEnd:
      return mixture_.End(factor, image.planes);
    default:
      return ApplyTensorStep(step, image);
  }
}

/// torchvision's operations on tensors, behind what the table held.
void StepRunner::ApplyTensorStep(const Step& step, Image& image) {
  const double first = step.arguments[0];
  const TransformsVersion version = VersionOf(step.arguments[1]);
  switch (step.op) {
    case StepOp::kTensorContrast:
      return table_.Append(TensorContrastTable(MeanTensorGrey(image.rgb, version), first, version));
    case StepOp::kTensorSaturation:
      return BlendWithTensorGrey(image.rgb, first, version);
    case StepOp::kTensorSharpness:
      // There are no pixels but the border's, which torchvision leaves alone then.
      if (std::min(image.size.width, image.size.height) < 3) return;
      return Sharpen(image, [&](MutableBytes plane, Bytes smooth) {
        BlendWithSmoothTensor(plane.data(), plane.size(), smooth.data(), first, version);
      });
    case StepOp::kTensorAutoContrast:
      for (size_t c = 0; c < 3; ++c) {
        const MutableBytes plane = image.plane(c);
        const Extremes extremes = ExtremesOf(plane.data(), plane.size());
        table_.Append(c, TensorAutoContrastTable(extremes, VersionOf(first)));
      }
      return;
    case StepOp::kTensorAffine: {
      const Filling filling = FillingOf(step.arguments[6]);
      const AffineMatrix matrix = MatrixOf(step);
      if (MovesWholePixels(matrix, image.size)) {
        const Colour fill = filling == Filling::kNone ? Colour{} : step.fill;
        return warp_.Apply({matrix, Sampling::kNearest, fill}, image.size, image.planes);
      }
      return grid_warp_.Apply({matrix, step.sampling, step.fill}, filling, image.size,
                              image.planes);
    }
    case StepOp::kTensorRotate:
      return TurnTensor(step, image);
    default:
      return;
  }
}

void StepRunner::TurnTensor(const Step& rotation, Image& image) {
  const double degrees = rotation.arguments[0];
  const double quarters = degrees / 90;
  const bool is_square = image.size.width == image.size.height;
  if (std::fmod(quarters, is_square ? 1 : 2) == 0) {  // what moves pixels moves them alike
    return Rotate(degrees, rotation.sampling, rotation.fill, warp_, image.size, image.planes);
  }
  grid_warp_.Rotate(degrees, rotation.sampling, FillingOf(rotation.arguments[1]), rotation.fill,
                    image.size, image.planes);
}

/// blend_plane(plane, smooth) for each plane and what it is when it is smoothed.
template <class BlendPlane>
void StepRunner::Sharpen(Image& image, const BlendPlane& blend_plane) {
  smooth_.resize(image.rgb.pixels);
  for (size_t c = 0; c < 3; ++c) {
    blur_.Smooth(image.size, image.plane(c), smooth_);
    blend_plane(image.plane(c), Bytes(smooth_));
  }
}

}  // namespace fastinet
