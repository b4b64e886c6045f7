#include "resample/dot_weights.h"

#include <algorithm>

#include "resample/split_weights.h"

namespace fastinet {
namespace {

bool FitsBytes(std::span<const int32_t> taps) {
  return CanBeSplit(taps) && std::all_of(taps.begin(), taps.end(), [](int32_t tap) {
           return tap >= kLeastByteWeight && tap <= kMostByteWeight;
         });
}

}  // namespace

void QuadWeights::Compute(const AxisWeights& weights) {
  const int32_t outputs = weights.outputs();
  runs_.resize(static_cast<size_t>(outputs));
  const auto most = static_cast<size_t>(weights.max_taps() + 3) / 4;
  quads_.resize(std::max(quads_.size(), static_cast<size_t>(outputs) * most));
  size_t used = 0;
  for (int32_t i = 0; i < outputs; ++i) {
    const auto taps = weights.taps(i);
    Run& run = runs_[static_cast<size_t>(i)];
    run = {used, FitsBytes(taps) ? (taps.size() + 3) / 4 : 0};
    for (size_t q = 0; q < run.count; ++q) quads_[used + q] = {};
    for (size_t k = 0; k < 4 * run.count && k < taps.size(); ++k) {
      const WeightBytes bytes = SplitIntoBytes(taps[k]);
      for (size_t part = 0; part < 3; ++part) {
        quads_[used + k / 4].parts[part][k % 4] = bytes[part];
      }
    }
    used += run.count;
  }
}

bool WideWeights::Compute(const AxisWeights& weights) {
  outputs_ = weights.outputs();
  row_pixels_ = weights.region_size();
  windows_ = (weights.max_taps() + 3) / 4;
  const int32_t blocks = (outputs_ + kWideOutputs - 1) / kWideOutputs;
  quads_.resize(std::max(quads_.size(), static_cast<size_t>(blocks * windows_)));
  QuadWindow* window = quads_.data();
  for (int32_t first = 0; first < outputs_; first += kWideOutputs) {
    const int32_t here = std::min(kWideOutputs, outputs_ - first);
    int32_t start = row_pixels_ - 1;
    for (int32_t i = 0; i < here; ++i) {
      const auto taps = weights.taps(first + i);
      if (!FitsBytes(taps)) return false;
      if (!taps.empty()) start = std::min(start, weights.start(first + i));
    }
    for (int32_t tap = 0; tap < 4 * windows_; tap += 4, ++window) {
      *window = {};
      window->base = std::min(start + tap, row_pixels_ - 1);
      for (int32_t i = 0; i < here; ++i) {
        const auto taps = weights.taps(first + i);
        const int32_t used = std::min(4, static_cast<int32_t>(taps.size()) - tap);
        const int32_t index = weights.start(first + i) + tap - window->base;
        if (used > 0 && index + used > kWideWindowBytes) return false;
        for (int32_t t = 0; t < used; ++t) {
          const WeightBytes bytes =
              SplitIntoBytes(taps[static_cast<size_t>(tap) + static_cast<size_t>(t)]);
          window->index[4 * i + t] = static_cast<uint8_t>(index + t);
          for (size_t part = 0; part < 3; ++part) window->parts[part][4 * i + t] = bytes[part];
        }
      }
    }
  }
  return true;
}

}  // namespace fastinet
