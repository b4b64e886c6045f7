// The kernels on every instruction set that this machine has against one plain rendition, which the
// Python tests in turn hold against torchvision.
#include "colour/tensor_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"

namespace fastinet {
namespace {

constexpr TransformsVersion kVersions[] = {TransformsVersion::k1, TransformsVersion::k2};

float AddProduct(float sum, float a, float b, TransformsVersion version) {
  const float product = a * b;
  return version == TransformsVersion::k2 ? std::fma(a, b, sum) : sum + product;
}

uint8_t CutOff(float value) { return static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f)); }

struct Picture {
  explicit Picture(size_t count) {
    std::mt19937 random(4);
    for (auto& plane : planes) {
      plane.resize(count);
      for (uint8_t& value : plane) value = static_cast<uint8_t>(random());
    }
    // Grey pixels, whose grey is all but whole.
    for (size_t i = 0; i < count; i += 3) planes[1][i] = planes[2][i] = planes[0][i];
  }

  RgbPlanes view() {
    return {planes[0].data(), planes[1].data(), planes[2].data(), planes[0].size()};
  }

  uint8_t GreyAt(size_t i, TransformsVersion version) const {
    float sum = static_cast<float>(planes[0][i]) * 0.2989f;
    sum = AddProduct(sum, planes[1][i], 0.587f, version);
    return CutOff(AddProduct(sum, planes[2][i], 0.114f, version));
  }

  std::array<std::vector<uint8_t>, 3> planes;
};

TEST_CASE("greys and blends of tensors equal plain code on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    for (const size_t count : {size_t{1}, size_t{15}, size_t{64}, size_t{997}}) {
      for (const TransformsVersion version : kVersions) {
        const Picture before(count);
        Picture picture = before;
        uint64_t sum = 0;
        for (size_t i = 0; i < count; ++i) sum += before.GreyAt(i, version);
        CHECK_MESSAGE(SumOfTensorGrey(picture.view(), version) == sum, target, ", ", count);
        for (const double factor : {0.0, 0.1, 0.7, 1.0, 1.3, 8.5}) {
          const auto share = static_cast<float>(factor), rest = static_cast<float>(1.0 - factor);
          picture = before;
          BlendWithTensorGrey(picture.view(), factor, version);
          std::vector<uint8_t> smoothed = before.planes[0];
          const std::vector<uint8_t>& smooth = before.planes[1];
          BlendWithSmoothTensor(smoothed.data(), count, smooth.data(), factor, version);
          size_t differences = 0;
          for (size_t i = 0; i < count; ++i) {
            for (size_t c = 0; c < 3; ++c) {
              const float part = share * static_cast<float>(before.planes[c][i]);
              const float grey = before.GreyAt(i, version);
              differences += picture.planes[c][i] != CutOff(AddProduct(part, grey, rest, version));
            }
            const float value = before.planes[0][i], other = smooth[i];
            const float blended = version == TransformsVersion::k1
                                      ? AddProduct(share * value, other, rest, version)
                                      : std::fma(other - value, rest, value);
            differences += smoothed[i] != CutOff(blended);
          }
          CHECK_MESSAGE(differences == 0, target, ", ", count, ", factor ", factor);
        }
      }
    }
  });
}

}  // namespace
}  // namespace fastinet
