#include "colour/adjust.h"

#include "colour/kernels.h"

namespace fastinet {
namespace {

/// ImageEnhance.Contrast's background: the mean grey, rounded.
uint8_t MeanGrey(const RgbPlanes& planes) {
  const double mean = static_cast<double>(SumOfGrey(planes)) / static_cast<double>(planes.pixels);
  return static_cast<uint8_t>(mean + 0.5);
}

/// Parts of a turn as steps of the 8-bit hue, towards zero, as torchvision rounds them.
uint8_t HueSteps(double turn) { return static_cast<uint8_t>(static_cast<int32_t>(turn * 255)); }

}  // namespace

void AdjustColour(const ColourSteps& steps, MutableBytes planes) {
  const size_t pixels = planes.size() / 3;
  if (pixels == 0) return;
  uint8_t* const red = planes.data();
  const RgbPlanes rgb{red, red + pixels, red + 2 * pixels, pixels};
  for (const ColourStep& step : steps.all()) {
    const auto factor = static_cast<float>(step.factor);
    switch (step.op) {
      case ColourOp::kBrightness:
        BlendWithValue(red, 3 * pixels, 0, factor);
        break;
      case ColourOp::kContrast:
        BlendWithValue(red, 3 * pixels, MeanGrey(rgb), factor);
        break;
      case ColourOp::kSaturation:
        BlendWithGrey(rgb, factor);
        break;
      case ColourOp::kHue:
        ShiftHue(rgb, HueSteps(step.factor));
        break;
    }
  }
}

}  // namespace fastinet
