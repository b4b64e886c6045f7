#include "augment/lighting.h"

#include <cstddef>
#include <string>

#include "rng/normal.h"

namespace fastinet {
namespace {

// Of the colours of ImageNet's pixels, on a scale of 0 to 1: standard deviations along the
// principal components, and these (rows: red, green, blue). The numbers are those of
// fb.resnet.torch, datasets/imagenet.lua, which everybody has taken from there.
constexpr std::array<double, 3> kEigenvalues = {0.2175, 0.0188, 0.0045};
constexpr std::array<std::array<double, 3>, 3> kEigenvectors = {{
    {-0.5675, 0.7192, 0.4009},
    {-0.5808, -0.0045, -0.8140},
    {-0.5836, -0.6948, 0.4203},
}};

// Far more than anybody uses: shifts a hundred times as large as AlexNet's.
constexpr double kMostStd = 10;

}  // namespace

Status Lighting::Validate() const {
  if (std >= 0 && std <= kMostStd) return {};
  return InvalidArgument("the standard deviation of lighting must be 0 to " +
                         std::to_string(kMostStd) + ", got " + std::to_string(std));
}

ColourShift DrawColourShift(const Lighting& lighting, const AugmentKey& key) {
  const PhiloxBlock bits = key.Bits(RandomUse::kLighting, 0);
  ColourShift shift{};
  for (size_t component = 0; component < 3; ++component) {
    const double multiple =
        lighting.std * StandardNormal(bits[component]) * kEigenvalues[component];
    for (size_t c = 0; c < 3; ++c) shift[c] += kEigenvectors[c][component] * multiple;
  }
  return shift;
}

OutputFormat Shifted(OutputFormat format, const ColourShift& shift) {
  for (size_t c = 0; c < 3; ++c) {
    // `scale` is for pixels of 0 to 255.
    const double shift_of_row = shift[c] * 255 * static_cast<double>(format.scale[c]);
    format.bias[c] = static_cast<float>(static_cast<double>(format.bias[c]) + shift_of_row);
  }
  return format;
}

}  // namespace fastinet
