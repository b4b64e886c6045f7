// Steps: operations on the pixels of a row, each with its parameters, one after another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "augment/mixture.h"
#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "blur/blur.h"
#include "colour/table.h"
#include "warp/grid.h"
#include "warp/warp.h"

namespace fastinet {

/// What a step does, and what its arguments are. All equal Pillow's operation of that name on RGB
/// images, bit for bit, unless it says otherwise.
enum class StepOp : uint8_t {
  kBrightness,    // factor of ImageEnhance's enhance(), where 1 changes nothing
  kContrast,      // likewise
  kSaturation,    // likewise: ImageEnhance.Color
  kHue,           // part of a turn, -0.5 to 0.5: torchvision's adjust_hue
  kSharpness,     // factor of enhance()
  kGrayscale,     // every channel becomes the grey
  kInvert,        // ImageOps
  kSolarize,      // threshold: ImageOps
  kSolarizeAdd,   // what is added to values below the threshold, and the threshold
  kPosterize,     // bits, 0 to 8: ImageOps
  kAutoContrast,  // ImageOps
  kEqualize,      // ImageOps
  kGaussianBlur,  // radius, which is the standard deviation [pixels]: ImageFilter
  kKernelBlur,    // number of taps, standard deviation [pixels]: torchvision's gaussian_blur
  kAffine,        // matrix of Image.transform; sampling, fill
  kRotate,        // degrees, anticlockwise: Image.rotate; sampling, fill
  kFlipVertical,  // the last line comes first
  kRectangle,     // x, y, width, height [pixels]: what of it lies in the image is filled
  kMixStart,      // weight of the image as it is now: a mixture begins
  kMixChain,      // weight of what the steps since have made of it, which begin anew with it
  kMixEnd,        // share of the mixture; the rest is the image where the mixture began

  // torchvision's operations on tensors of uint8, which are not Pillow's. `version` is 1 or 2, of
  // its transforms (TransformsVersion); `filling` is a Filling.
  kTensorContrast,      // factor, version: adjust_contrast
  kTensorSaturation,    // factor, version: adjust_saturation
  kTensorSharpness,     // factor, version: adjust_sharpness
  kTensorAutoContrast,  // version: autocontrast
  kTensorAffine,        // matrix as of kAffine, filling: affine; sampling (no bicubic), fill
  kTensorRotate,        // degrees, anticlockwise, filling: rotate; sampling (no bicubic), fill
};

/// The most arguments that a step has.
inline constexpr size_t kMostStepArguments = 7;

/// One operation with its arguments.
struct Step {
  StepOp op = StepOp::kInvert;
  std::array<double, kMostStepArguments> arguments{};
  Sampling sampling = Sampling::kNearest;
  Colour fill{};

  /// kInvalidArgument for arguments that the operation does not take.
  Status Validate() const;

  /// kInvalidArgument where an image of `size` is too small or too large for the step: its sides
  /// must be longer than what the kernel of a blur mirrors of it.
  Status ValidateFor(Size size) const;
};

/// How many arguments the operation has.
size_t ArgumentCount(StepOp op);

/// Whether every step may have an image of `size`, and mixtures begin and end in turn.
/// kInvalidArgument otherwise.
Status ValidateSteps(std::span<const Step> steps, Size size);

/// Takes images through steps, one after another; keeps its buffers between them. One per thread.
///
/// Steps that look at each value alone are gathered in one table and made in one pass. So is what
/// needs a histogram, since the histogram of what a table gives follows from that of what goes in.
class StepRunner {
 public:
  /// Changes an image of three planes of uint8, red, green and blue, one after another, by `steps`,
  /// which are valid. kInvalidArgument where ValidateSteps refuses them, and for images of 2^31
  /// pixels and more; the pixels are then unspecified.
  Status Apply(std::span<const Step> steps, Size size, MutableBytes planes);

 private:
  struct Image;
  void ApplyStep(const Step& step, Image& image);
  void ApplyTensorStep(const Step& step, Image& image);
  template <class BlendPlane>
  void Sharpen(Image& image, const BlendPlane& blend_plane);
  void TurnTensor(const Step& rotation, Image& image);

  ColourTable table_;
  Blur blur_;
  Warp warp_;
  GridWarp grid_warp_;
  Mixture mixture_;
  std::vector<uint8_t> smooth_;
};

}  // namespace fastinet
