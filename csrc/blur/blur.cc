#include "blur/blur.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/correct_math.h"

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

/// Looks for the weights of radius 0 in 16 bits: a pixel p between the ends l and r becomes
/// (p * inner + (l + r) * edge + 2^23) >> 24, where inner + 2 * edge is 2^24, or 1 less, which
/// counts if it does so for any p. So it changes by (t * edge + 2^23) >> 24, where t = l + r - 2 p
/// has 1021 values only, and a short factor is found for nine in ten edges that gives the same for
/// all of them.
void FindShort(BoxWeights* weights) {
  constexpr int32_t kMost = 510, kCount = 2 * kMost + 1;
  const int64_t edge = weights->edge;
  const int64_t lacking = (int64_t{1} << 24) - weights->inner - 2 * edge;
  std::array<int32_t, kCount> changes;
  for (int32_t i = 0; i < kCount; ++i) {
    const int64_t sum = (i - kMost) * edge + (1 << 23);
    if (((sum - 255 * lacking) >> 24) != (sum >> 24)) return;
    changes[static_cast<size_t>(i)] = static_cast<int32_t>(sum >> 24);
  }
  // The factor has as many bits as fit, and 10 of those that the product has behind the point go
  // with the 64 in it and its lower half.
  constexpr int32_t kMostBits = 22, kLost = 10, kMostFactor = std::numeric_limits<int16_t>::max();
  int32_t bits = 15;
  while (bits < kMostBits && ((edge << (bits + 1)) >> 24) < kMostFactor) ++bits;
  const int32_t shift = bits - kLost;
  for (int32_t more : {0, 1, -1, 2}) {
    const auto factor = static_cast<int32_t>((edge << bits) >> 24) + more;
    if (factor < 0 || factor > kMostFactor) continue;
    // What may be added for every t to get its change.
    int32_t least = 0, most = (1 << shift) - 1;
    for (int32_t i = 0; i < kCount; ++i) {
      const int32_t part = ((i - kMost) * 64 * factor) >> 16;
      const int32_t low = changes[static_cast<size_t>(i)] * (1 << shift) - part;
      least = std::max(least, low);
      most = std::min(most, low + (1 << shift) - 1);
    }
    if (least > most) continue;
    weights->short_factor = static_cast<int16_t>(factor);
    weights->short_addend = static_cast<int16_t>(least);
    weights->short_shift = shift;
    return;
  }
}

BoxWeights WeightsOf(float radius) {
  BoxWeights weights;
  weights.radius = static_cast<int32_t>(radius);
  weights.inner = static_cast<uint32_t>((1 << 24) / (radius * 2 + 1));
  weights.edge = ((1 << 24) - static_cast<uint32_t>(weights.radius * 2 + 1) * weights.inner) / 2;
  if (weights.radius == 0) FindShort(&weights);
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
  sigma = std::min(sigma, kMostSigma);
  if (sigma != sigma_) {
    sigma_ = sigma;
    weights_ = WeightsOf(BoxRadius(static_cast<float>(sigma)));
  }
  const BoxWeights& weights = weights_;
  const size_t width = Wide(size.width), height = Wide(size.height);
  const size_t stride = width + kBlurPadding;
  for (auto& each : planes_) each.resize(height * stride);
  std::array<const uint8_t*, 2 * kMostLineRadius + 3> taps{};
  const auto tap_count = Wide(2 * weights.radius + 3);
  const bool is_short = weights.radius <= kMostLineRadius;
  const size_t reach = Wide(weights.radius) + 1;
  // Some lines with room for their ends repeated, twice, for passes from one to the other. One line
  // alone would have each pass wait for what the one before has just written.
  constexpr size_t kLines = 8;
  const size_t padded_stride = width + 2 * reach + kBlurPadding;
  line_.resize(2 * kLines * padded_stride);
  for (size_t first = 0; first < height; first += kLines) {
    const size_t lines = std::min(kLines, height - first);
    for (size_t pass = 0; pass < 3; ++pass) {
      for (size_t i = 0; i < lines; ++i) {
        const auto padded = [&](size_t which) {
          return line_.data() + (which % 2 * kLines + i) * padded_stride;
        };
        const size_t y = first + i;
        uint8_t* const ends = padded(pass);
        uint8_t* const line = ends + reach;
        if (pass == 0) std::copy_n(plane.data() + y * width, width, line);
        uint8_t* const to = pass == 2 ? planes_[0].data() + y * stride : padded(pass + 1) + reach;
        if (!is_short) {
          BlurByRunningSum(line, 1, size.width, weights, to);
          continue;
        }
        std::fill_n(ends, reach, line[0]);
        std::fill_n(line + width, reach, line[width - 1]);
        for (size_t tap = 0; tap < tap_count; ++tap) taps[tap] = ends + tap;
        BlurLine({taps.data(), tap_count}, weights, width, to);
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
    // Those behind the middle are the same as those before it.
    shares[i] = i <= reach ? CorrectExp(-0.5 * x * x) : shares[2 * reach - i];
    sum += shares[i];
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
    const uint8_t* const row = plane.data() + y * width;
    std::copy_n(row, width, line_.data() + reach);
    for (size_t i = 0; i < reach; ++i) {
      line_[i] = row[mirrored(i, reach, width)];
      line_[reach + width + i] = row[mirrored(reach + width + i, reach, width)];
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
