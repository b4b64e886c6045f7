#include "resample/filter.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"

namespace fastinet {
namespace {

/// Weights of one axis are refused beyond this many: 16384 outputs of 4096 taps, 256 MiB.
constexpr int64_t kMaxWeights = int64_t{1} << 26;

double Triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

/// Keys' cubic convolution with a = -0.5 (libImaging/Resample.c, bicubic_filter; the order of the
/// operations is part of the result).
double Cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

struct Filter {
  double (*weight)(double);
  double support;  // half width [output pixels when shrinking, else input pixels]
};

constexpr Filter FilterFor(Interpolation interpolation) {
  return interpolation == Interpolation::kBilinear ? Filter{Triangle, 1.0} : Filter{Cubic, 2.0};
}

int32_t ToFixedPoint(double weight) {
  constexpr double kOne = 1 << kWeightBits;
  return static_cast<int32_t>(weight < 0 ? weight * kOne - 0.5 : weight * kOne + 0.5);
}

}  // namespace

Status AxisWeights::Compute(const AxisSpec& spec, Interpolation interpolation) {
  const Filter filter = FilterFor(interpolation);
  // All arithmetic in double and in Pillow's order (precompute_coeffs), since a weight that rounds
  // differently changes pixels.
  const double scale = static_cast<double>(spec.input) / spec.resized;
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter.support * filter_scale;
  const double inverse_filter_scale = 1.0 / filter_scale;

  const auto most_taps =
      std::min<int64_t>(2 * static_cast<int64_t>(std::ceil(support)) + 1, spec.input);
  const auto most_weights = CheckedMul<int64_t>(most_taps, spec.window_size);
  if (!most_weights || *most_weights > kMaxWeights) {
    return TooLarge("resizing " + std::to_string(spec.input) + " pixels to " +
                    std::to_string(spec.window_size) + " needs too many filter weights");
  }
  runs_.clear();
  weights_.clear();
  scratch_.resize(static_cast<size_t>(most_taps));
  max_taps_ = 0;

  int32_t region_start = spec.input, region_end = 0;
  int32_t last_start = 0;
  for (int32_t i = 0; i < spec.window_size; ++i) {
    const int32_t output = spec.window_start + i;
    const auto first_weight = static_cast<int32_t>(weights_.size());
    if (output < 0 || output >= spec.resized) {
      runs_.push_back({last_start, 0, first_weight});
      continue;
    }
    const double center = (output + 0.5) * scale;
    const int32_t start = std::max(static_cast<int32_t>(center - support + 0.5), 0);
    const int32_t end = std::min(static_cast<int32_t>(center + support + 0.5), spec.input);
    const int32_t count = end - start;
    double sum = 0.0;
    for (int32_t k = 0; k < count; ++k) {
      const double weight = filter.weight((k + start - center + 0.5) * inverse_filter_scale);
      scratch_[static_cast<size_t>(k)] = weight;
      sum += weight;
    }
    for (int32_t k = 0; k < count; ++k) {
      const double weight = scratch_[static_cast<size_t>(k)];
      weights_.push_back(ToFixedPoint(sum != 0.0 ? weight / sum : weight));
    }
    runs_.push_back({start, count, first_weight});
    last_start = start;
    max_taps_ = std::max(max_taps_, count);
    region_start = std::min(region_start, start);
    region_end = std::max(region_end, end);
  }
  if (region_end == 0) region_start = 0;
  region_start_ = region_start;
  region_size_ = region_end - region_start;
  for (Run& run : runs_) run.start = std::max(run.start - region_start, 0);
  if (spec.reverse) std::reverse(runs_.begin(), runs_.end());
  return {};
}

}  // namespace fastinet
