// Fixed-point filter weights for one axis of a resize, as Pillow computes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "resample/border.h"

namespace fastinet {

enum class Interpolation : uint8_t { kBilinear, kBicubic, kLanczos, kNearest };

/// Fraction bits of a weight: 32 minus 8 bits of pixel minus 2 of headroom for the negative lobes
/// (PRECISION_BITS in Pillow's libImaging/Resample.c).
inline constexpr int kWeightBits = 32 - 8 - 2;

/// One axis of a resize: `input` pixels become `resized`, of which [window_start, window_start +
/// window_size) are wanted; `reverse` mirrors the wanted ones. Beyond the resized ones there is
/// what `beyond` says.
struct AxisSpec {
  int32_t input = 0;
  int32_t resized = 0;
  int32_t window_start = 0;
  int32_t window_size = 0;
  bool reverse = false;
  PaddingMode beyond = PaddingMode::kConstant;
};

/// For each wanted output pixel a run of input pixels and their weights.
class AxisWeights {
 public:
  /// Fails with kTooLarge when the weights would not fit a sensible amount of memory.
  Status Compute(const AxisSpec& spec, Interpolation interpolation);

  /// The input pixels that any output depends on: [region_start, region_start + region_size).
  int32_t region_start() const { return region_start_; }
  int32_t region_size() const { return region_size_; }

  int32_t outputs() const { return static_cast<int32_t>(runs_.size()); }
  /// Most input pixels that one output depends on.
  int32_t max_taps() const { return max_taps_; }

  /// First input pixel of output `i`, counted from the region's start. Outputs of the border's
  /// colour have no taps.
  int32_t start(int32_t i) const { return runs_[i].start; }
  std::span<const int32_t> taps(int32_t i) const {
    return {weights_.data() + runs_[i].first_weight, static_cast<size_t>(runs_[i].count)};
  }

 private:
  struct Run {
    int32_t start;
    int32_t count;
    int32_t first_weight;
  };
  void ComputeNearest(const AxisSpec& spec);
  template <class Filter>
  void ComputeFiltered(const AxisSpec& spec);
  int32_t* AddRun(int32_t start, int32_t count);

  std::vector<Run> runs_;
  std::vector<int32_t> weights_;  // grows, never shrinks: the first weight_count_ are in use
  int32_t weight_count_ = 0;
  std::vector<double> scratch_;
  std::vector<int32_t> nearest_;
  int32_t region_start_ = 0;
  int32_t region_size_ = 0;
  int32_t max_taps_ = 0;
};

}  // namespace fastinet
