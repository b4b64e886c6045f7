#include "blur/blur.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "blur/kernels.h"

namespace fastinet {
namespace {

/// The radius of the box whose third convolution with itself has this standard deviation. After
/// P. Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering"
/// (2011), in BoxBlur.c's arithmetic: float, but for the square root.
float BoxRadius(float sigma) {
  constexpr int kPasses = 3;
  const float sigma2 = sigma * sigma / kPasses;
  const auto length = static_cast<float>(std::sqrt(12.0 * sigma2 + 1.0));
  const auto whole = static_cast<float>(std::floor((length - 1.0) / 2.0));
  float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * sigma2);
  part /= 6 * (sigma2 - (whole + 1) * (whole + 1));
  return whole + part;
}

BoxWeights WeightsOf(float radius) {
  BoxWeights weights;
  weights.radius = static_cast<int32_t>(radius);
  weights.inner = static_cast<uint32_t>((1 << 24) / (radius * 2 + 1));
  weights.edge = ((1 << 24) - static_cast<uint32_t>(weights.radius * 2 + 1) * weights.inner) / 2;
  return weights;
}

/// Blurs a line of any length by a box of any radius, from `in` to another place. Pixel i of the
/// line is at in[i * step].
void BlurByRunningSum(const uint8_t* in, size_t step, int32_t count, const BoxWeights& weights,
                      uint8_t* out) {
  const auto at = [&](int64_t x) -> uint32_t {
    return in[static_cast<size_t>(std::clamp<int64_t>(x, 0, count - 1)) * step];
  };
  const int64_t radius = weights.radius;
  uint32_t sum = 0;
  for (int64_t x = -radius; x <= radius; ++x) sum += at(x);
  for (int64_t x = 0; x < count; ++x) {
    const uint32_t ends = at(x - radius - 1) + at(x + radius + 1);
    const uint32_t all = sum * weights.inner + ends * weights.edge + (uint32_t{1} << 23);
    out[static_cast<size_t>(x) * step] = static_cast<uint8_t>(all >> 24);
    sum += at(x + radius + 1) - at(x - radius);
  }
}

size_t Wide(int32_t value) { return static_cast<size_t>(value); }

}  // namespace

void Blur::Smooth(Size size, Bytes plane, MutableBytes out) {
  const size_t width = Wide(size.width), height = Wide(size.height);
  std::copy(plane.begin(), plane.end(), out.begin());
  if (width < 3 || height < 3) return;
  // Kernels go beyond the ends of lines, so they work on copies: three rows, and one of results.
  const size_t stride = width + kBlurPadding;
  line_.resize(4 * stride);
  uint8_t* const result = line_.data() + 3 * stride;
  std::copy_n(plane.data(), width, line_.data());
  std::copy_n(plane.data() + width, width, line_.data() + stride);
  for (size_t y = 1; y + 1 < height; ++y) {
    const auto copy = [&](size_t row) { return line_.data() + row % 3 * stride; };
    std::copy_n(plane.data() + (y + 1) * width, width, copy(y + 1));
    SmoothLine(copy(y - 1), copy(y), copy(y + 1), width - 2, result);
    std::copy_n(result, width - 2, out.data() + y * width + 1);
  }
}

void Blur::Gaussian(double sigma, Size size, MutableBytes plane) {
  if (!(sigma > 0) || plane.empty()) return;
  const BoxWeights weights = WeightsOf(BoxRadius(static_cast<float>(std::min(sigma, kMostSigma))));
  const size_t width = Wide(size.width), height = Wide(size.height);
  const size_t stride = width + kBlurPadding;
  for (auto& each : planes_) each.resize(height * stride);
  std::array<const uint8_t*, 2 * kMostLineRadius + 3> taps{};
  const auto tap_count = Wide(2 * weights.radius + 3);
  const bool is_short = weights.radius <= kMostLineRadius;
  const size_t reach = Wide(weights.radius) + 1;
  line_.resize(width + 2 * reach + 2 * kBlurPadding);

  for (size_t y = 0; y < height; ++y) {
    uint8_t* const row = planes_[0].data() + y * stride;
    std::copy_n(plane.data() + y * width, width, row);
    for (int pass = 0; pass < 3; ++pass) {
      uint8_t* const padded = line_.data();
      if (is_short) {
        std::fill_n(padded, reach, row[0]);
        std::copy_n(row, width, padded + reach);
        std::fill_n(padded + reach + width, reach, row[width - 1]);
        for (size_t i = 0; i < tap_count; ++i) taps[i] = padded + i;
        BlurLine({taps.data(), tap_count}, weights, width, row);
      } else {
        std::copy_n(row, width, padded);
        BlurByRunningSum(padded, 1, size.width, weights, row);
      }
    }
  }
  for (int pass = 0; pass < 3; ++pass) {
    const uint8_t* const from = planes_[pass % 2].data();
    uint8_t* const to = planes_[(pass + 1) % 2].data();
    if (!is_short) {
      for (size_t x = 0; x < width; ++x) {
        BlurByRunningSum(from + x, stride, size.height, weights, to + x);
      }
      continue;
    }
    for (size_t y = 0; y < height; ++y) {
      for (size_t i = 0; i < tap_count; ++i) {
        const size_t row = std::clamp(y + i, reach, height - 1 + reach) - reach;
        taps[i] = from + row * stride;
      }
      BlurLine({taps.data(), tap_count}, weights, width, to + y * stride);
    }
  }
  for (size_t y = 0; y < height; ++y) {
    std::copy_n(planes_[1].data() + y * stride, width, plane.data() + y * width);
  }
}

void Blur::Kernel(int32_t kernel_size, double sigma, Size size, MutableBytes plane) {
  const size_t taps = Wide(kernel_size), reach = taps / 2;
  std::array<float, kMostKernelSize> weights{};
  double sum = 0;
  std::array<double, kMostKernelSize> shares{};
  for (size_t i = 0; i < taps; ++i) {
    const double x = (static_cast<double>(i) - static_cast<double>(reach)) / sigma;
    sum += shares[i] = std::exp(-0.5 * x * x);
  }
  for (size_t i = 0; i < taps; ++i) weights[i] = static_cast<float>(shares[i] / sum);

  const size_t width = Wide(size.width), height = Wide(size.height);
  const size_t stride = width + kBlurPadding;
  const size_t padded_stride = width + 2 * reach + kBlurPadding;
  line_.resize(padded_stride);
  floats_[0].resize(padded_stride);
  floats_[1].resize(height * stride);
  std::array<const float*, kMostKernelSize> from{};
  const auto mirrored = [](size_t index, size_t before, size_t count) {
    // `index` counts from `before` pixels in front of the first one.
    if (index < before) return before - index;
    const size_t inside = index - before;
    return inside < count ? inside : 2 * (count - 1) - inside;
  };
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width + 2 * reach; ++x) {
      line_[x] = plane[y * width + mirrored(x, reach, width)];
    }
    ToFloats(line_.data(), width + 2 * reach, floats_[0].data());
    for (size_t i = 0; i < taps; ++i) from[i] = floats_[0].data() + i;
    WeighFloats({from.data(), taps}, {weights.data(), taps}, width, floats_[1].data() + y * stride);
  }
  for (size_t y = 0; y < height; ++y) {
    for (size_t i = 0; i < taps; ++i) {
      from[i] = floats_[1].data() + mirrored(y + i, reach, height) * stride;
    }
    WeighFloats({from.data(), taps}, {weights.data(), taps}, width, floats_[0].data());
    ToValues(floats_[0].data(), width, line_.data());
    std::copy_n(line_.data(), width, plane.data() + y * width);
  }
}

}  // namespace fastinet
