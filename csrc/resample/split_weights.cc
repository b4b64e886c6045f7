#include "resample/split_weights.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace fastinet {
namespace {

/// Whether vpmaddubsw's sum of two products, of 16 bits, holds 255 times these two.
bool FitsBytes(int32_t high0, int32_t high1) {
  constexpr int32_t kMost = 32767 / 255;
  return std::abs(high0) + std::abs(high1) <= kMost && high0 < 128 && high1 < 128;
}

}  // namespace

bool CanBeSplit(std::span<const int32_t> taps) {
  int64_t sum = 0;
  for (const int32_t tap : taps) sum += std::abs(int64_t{tap});
  return taps.size() <= kMostSplitTaps && sum <= kMostSplitSum;
}

void PairedWeights::Compute(const AxisWeights& weights) {
  const int32_t outputs = weights.outputs();
  runs_.resize(static_cast<size_t>(outputs));
  const auto most = static_cast<size_t>(weights.max_taps() + 1) / 2;
  pairs_.resize(std::max(pairs_.size(), static_cast<size_t>(outputs) * most));
  size_t used = 0;
  for (int32_t i = 0; i < outputs; ++i) {
    const auto taps = weights.taps(i);
    Run& run = runs_[static_cast<size_t>(i)];
    run = {used, (taps.size() + 1) / 2};
    bool fits = CanBeSplit(taps);
    for (size_t k = 0; k < run.count && fits; ++k) {
      const SplitWeight first = Split(taps[2 * k]);
      const SplitWeight second =
          2 * k + 1 < taps.size() ? Split(taps[2 * k + 1]) : SplitWeight{0, 0};
      fits = FitsBytes(first.high, second.high);
      pairs_[used + k] = {{static_cast<int16_t>(first.low), static_cast<int16_t>(second.low)},
                          {static_cast<int8_t>(first.high), static_cast<int8_t>(second.high)}};
    }
    if (!fits) run.count = 0;
    used += run.count;
  }
}

bool WindowedWeights::Compute(const AxisWeights& weights) {
  outputs_ = weights.outputs();
  if (weights.region_size() < kWindowBytes) return false;
  for (int32_t i = 0; i < outputs_; ++i) {
    if (!CanBeSplit(weights.taps(i))) return false;
  }
  is_whole_ = true;
  if (Fill(weights)) return true;
  is_whole_ = false;
  return Fill(weights);
}

/// Returns false where a window is too short, or the parts of a pair do not fit.
bool WindowedWeights::Fill(const AxisWeights& weights) {
  const int32_t last_base = weights.region_size() - kWindowBytes;
  windows_ = (weights.max_taps() + 1) / 2;
  const int32_t filled = (outputs_ + kBlockOutputs - 1) / kBlockOutputs * kBlockOutputs;
  const auto count =
      static_cast<size_t>(filled / PairWindow::kOutputs) * static_cast<size_t>(windows_);
  pairs_.resize(std::max(pairs_.size(), count));
  bases_.resize(std::max(bases_.size(), count));
  PairWindow* window = pairs_.data();
  Bases* bases = bases_.data();
  constexpr int32_t kHalf = PairWindow::kOutputs / 2;
  for (int32_t first = 0; first < filled; first += PairWindow::kOutputs) {
    const int32_t here = std::clamp(outputs_ - first, 0, PairWindow::kOutputs);
    Bases starts = {last_base, last_base};
    for (int32_t i = 0; i < here; ++i) {
      int32_t& start = starts[i < kHalf ? 0 : 1];
      if (!weights.taps(first + i).empty()) start = std::min(start, weights.start(first + i));
    }
    if (is_whole_) starts.fill(std::min(starts[0], starts[1]));
    for (int32_t tap = 0; tap < 2 * windows_; tap += 2, ++window, ++bases) {
      for (size_t half = 0; half < 2; ++half) {
        (*bases)[half] = std::min(starts[half] + tap, last_base);
      }
      *window = PairWindow();
      std::memset(window->index, 0x80, sizeof(window->index));
      for (int32_t i = 0; i < here; ++i) {
        const auto taps = weights.taps(first + i);
        const auto left = static_cast<int32_t>(taps.size()) - tap;
        if (left <= 0) continue;
        const int32_t index = weights.start(first + i) + tap - (*bases)[i < kHalf ? 0 : 1];
        const SplitWeight parts[2] = {
            Split(taps[static_cast<size_t>(tap)]),
            left > 1 ? Split(taps[static_cast<size_t>(tap) + 1]) : SplitWeight{0, 0}};
        const int32_t used = std::min(left, 2);
        if (index + used > kWindowBytes || !FitsBytes(parts[0].high, parts[1].high)) return false;
        for (int32_t t = 0; t < used; ++t) {
          window->index[2 * i + t] = static_cast<uint8_t>(index + t);
          window->low[2 * i + t] = static_cast<int16_t>(parts[t].low);
          window->high[2 * i + t] = static_cast<int8_t>(parts[t].high);
        }
      }
    }
  }
  return true;
}

}  // namespace fastinet
