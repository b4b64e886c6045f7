#include "resample/filter.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/checked.h"

namespace fastinet {
namespace {

/// Weights of one axis are refused beyond this many: 16384 outputs of 4096 taps, 256 MiB.
constexpr int64_t kMaxWeights = int64_t{1} << 26;

// Filters are types, so that the loop over a run's weights is compiled for each, without calls.
// Their `kSupport` is half a width [output pixels when shrinking, else input pixels].

struct Triangle {
  static constexpr double kSupport = 1.0;
  static double Weight(double x) {
    x = std::abs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
  }
};

/// Keys' cubic convolution with a = -0.5 (libImaging/Resample.c, bicubic_filter; the order of the
/// operations is part of the result).
struct Cubic {
  static constexpr double kSupport = 2.0;
  static double Weight(double x) {
    constexpr double a = -0.5;
    x = std::abs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
  }
};

/// sin(x) for |x| <= 3 pi, to less than one unit in the last place. By the four operations alone:
/// the C libraries' sines differ in last bits, and weights must not depend on the machine.
double Sine(double x) {
  // Less a multiple of pi / 2, whose first 33 bits times a small number are exact.
  constexpr double kQuarterTurn = 0x1.921fb544p+0, kRest = 0x1.0b4611a626331p-34;
  const double quarters = std::nearbyint(x * (2 * std::numbers::inv_pi));
  const double less_most = x - quarters * kQuarterTurn;
  const double less_rest = quarters * kRest;
  const double r = less_most - less_rest;  // |r| <= pi / 4
  const double tail = (less_most - r) - less_rest;
  const double z = r * r;
  const auto turn = static_cast<unsigned>(static_cast<int>(quarters)) % 4;
  double value;
  if (turn % 2 == 0) {  // Taylor's series of the sine,
    const double series =
        -1.0 / 6 +
        z * (1.0 / 120 + z * (-1.0 / 5040 +
                              z * (1.0 / 362880 + z * (-1.0 / 39916800 +
                                                       z * (1.0 / 6227020800 +
                                                            z * (-1.0 / 1307674368000 +
                                                                 z * (1.0 / 355687428096000)))))));
    value = r + (r * z * series + tail * (1 - z / 2));
  } else {  // and of the cosine
    const double series =
        1.0 / 24 +
        z * (-1.0 / 720 +
             z * (1.0 / 40320 +
                  z * (-1.0 / 3628800 +
                       z * (1.0 / 479001600 +
                            z * (-1.0 / 87178291200 +
                                 z * (1.0 / 20922789888000 + z * (-1.0 / 6402373705728000)))))));
    const double most = 1 - z / 2;
    value = most + (((1 - most) - z / 2) + (z * z * series - r * tail));
  }
  return turn < 2 ? value : -value;
}

double Sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return Sine(x) / x;
}

/// Lanczos' windowed sinc of three lobes (libImaging/Resample.c, lanczos_filter).
struct Lanczos {
  static constexpr double kSupport = 3.0;
  static double Weight(double x) { return -3.0 <= x && x < 3.0 ? Sinc(x) * Sinc(x / 3) : 0.0; }
};

/// Calls `use` with the filter of an interpolation that weighs pixels: any but kNearest.
template <class Use>
auto WithFilter(Interpolation interpolation, Use use) {
  switch (interpolation) {
    case Interpolation::kBicubic:
      return use(Cubic());
    case Interpolation::kLanczos:
      return use(Lanczos());
    default:
      return use(Triangle());
  }
}

/// Most input pixels that one output depends on.
int64_t MostTaps(const AxisSpec& spec, Interpolation interpolation) {
  if (interpolation == Interpolation::kNearest) return 1;
  const double scale = static_cast<double>(spec.input) / spec.resized;
  const double half_width = WithFilter(interpolation, [](auto filter) { return filter.kSupport; });
  const double support = half_width * std::max(scale, 1.0);
  return std::min<int64_t>(2 * static_cast<int64_t>(std::ceil(support)) + 1, spec.input);
}

int32_t ToFixedPoint(double weight) {
  constexpr double kOne = 1 << kWeightBits;
  return static_cast<int32_t>(weight < 0 ? weight * kOne - 0.5 : weight * kOne + 0.5);
}

}  // namespace

Status AxisWeights::Compute(const AxisSpec& spec, Interpolation interpolation) {
  const int64_t most_taps = MostTaps(spec, interpolation);
  const auto most_weights = CheckedMul<int64_t>(most_taps, spec.window_size);
  if (!most_weights || *most_weights > kMaxWeights) {
    return TooLarge("resizing " + std::to_string(spec.input) + " pixels to " +
                    std::to_string(spec.window_size) + " needs too many filter weights");
  }
  runs_.clear();
  weights_.resize(std::max(weights_.size(), static_cast<size_t>(*most_weights)));
  weight_count_ = 0;
  scratch_.resize(static_cast<size_t>(most_taps));
  max_taps_ = 0;
  region_start_ = spec.input;
  region_size_ = 0;
  if (interpolation == Interpolation::kNearest) {
    ComputeNearest(spec);
  } else {
    WithFilter(interpolation, [&](auto filter) { ComputeFiltered<decltype(filter)>(spec); });
  }
  int32_t region_end = 0;
  for (const Run& run : runs_) {
    if (run.count == 0) continue;
    region_start_ = std::min(region_start_, run.start);
    region_end = std::max(region_end, run.start + run.count);
  }
  if (region_end == 0) region_start_ = 0;
  region_size_ = region_end - region_start_;
  for (Run& run : runs_) run.start = std::max(run.start - region_start_, 0);
  if (spec.reverse) std::reverse(runs_.begin(), runs_.end());
  return {};
}

/// A run of `count` input pixels from `start` on; returns where their weights belong.
int32_t* AxisWeights::AddRun(int32_t start, int32_t count) {
  runs_.push_back({start, count, weight_count_});
  int32_t* const weights = weights_.data() + weight_count_;
  weight_count_ += count;
  max_taps_ = std::max(max_taps_, count);
  return weights;
}

template <class Filter>
void AxisWeights::ComputeFiltered(const AxisSpec& spec) {
  // All arithmetic in double and in Pillow's order (precompute_coeffs), since a weight that rounds
  // differently changes pixels.
  const double scale = static_cast<double>(spec.input) / spec.resized;
  const double filter_scale = std::max(scale, 1.0);
  const double support = Filter::kSupport * filter_scale;
  const double inverse_filter_scale = 1.0 / filter_scale;
  double* const raw = scratch_.data();
  for (int32_t i = 0; i < spec.window_size; ++i) {
    const int32_t output = PixelAt(spec.window_start + i, spec.resized, spec.beyond);
    if (output == kBeyond) {
      AddRun(0, 0);
      continue;
    }
    const double center = (output + 0.5) * scale;
    const int32_t start = std::max(static_cast<int32_t>(center - support + 0.5), 0);
    const int32_t end = std::min(static_cast<int32_t>(center + support + 0.5), spec.input);
    const int32_t count = end - start;
    double sum = 0.0;
    for (int32_t k = 0; k < count; ++k) {
      raw[k] = Filter::Weight((k + start - center + 0.5) * inverse_filter_scale);
      sum += raw[k];
    }
    int32_t* const weights = AddRun(start, count);
    for (int32_t k = 0; k < count; ++k) {
      weights[k] = ToFixedPoint(sum != 0.0 ? raw[k] / sum : raw[k]);
    }
  }
}

/// One pixel for each output, of the whole weight. Pillow (ImagingScaleAffine in
/// libImaging/Geometry.c) goes from pixel to pixel by adding, whose rounding errors are part of the
/// result; what they carry over the last pixel is black.
void AxisWeights::ComputeNearest(const AxisSpec& spec) {
  // Beyond any image that Pillow can make, where adding would take seconds, it is multiplied.
  constexpr int32_t kMostAdditions = 1 << 22;
  const PixelRun needed =
      PixelsShown({spec.window_start, spec.window_size}, spec.resized, spec.beyond);
  nearest_.resize(static_cast<size_t>(needed.size));
  const double step = static_cast<double>(spec.input) / spec.resized;
  double position = step * 0.5;
  const bool adds = needed.start + needed.size <= kMostAdditions;
  if (adds) {
    for (int32_t i = 0; i < needed.start; ++i) position += step;
  }
  for (int32_t i = 0; i < needed.size; ++i) {
    if (!adds) position = (needed.start + i + 0.5) * step;
    nearest_[static_cast<size_t>(i)] = static_cast<int32_t>(position);
    position += step;
  }
  for (int32_t i = 0; i < spec.window_size; ++i) {
    const int32_t output = PixelAt(spec.window_start + i, spec.resized, spec.beyond);
    const int32_t pixel =
        output == kBeyond ? spec.input : nearest_[static_cast<size_t>(output - needed.start)];
    if (pixel >= spec.input) {
      AddRun(0, 0);
      continue;
    }
    *AddRun(pixel, 1) = 1 << kWeightBits;
  }
}

}  // namespace fastinet
