// Which regions of an image are decoded in one go, because they have so much in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/image.h"

namespace fastinet {

/// The smallest box around both, of which one or both may be empty.
Box Around(const Box& a, const Box& b);

/// Divides regions of an image among decodes, each of which decodes the box around its regions.
/// Keeps its buffers from image to image.
///
/// The regions come in turn, the most expensive first, and each joins the decode where that saves
/// the most, or begins one of its own where it saves nothing. That is not always the best division,
/// but where boxes are drawn at random within an image it hardly ever misses it: a large one is
/// there early, and what lies in it costs nothing more.
class SharedRegions {
 public:
  /// Most regions of a decode: each has a resampler with buffers of its own.
  static constexpr size_t kMost = 32;

  /// `cost(box)` is what decoding a box costs; in any unit, and monotone.
  template <class Cost>
  void Divide(std::span<const Box> regions, const Cost& cost);

  /// How many decodes there are.
  size_t decodes() const { return count_; }
  /// Indices of the regions that a decode is for.
  std::span<const size_t> RegionsOf(size_t decode) const { return decodes_[decode].regions; }

 private:
  struct Decode {
    Box box;
    double cost = 0;
    std::vector<size_t> regions;
  };

  Decode& NewDecode();

  std::vector<double> costs_;
  std::vector<size_t> order_;
  std::vector<Decode> decodes_;  // the first count_ are of the image in hand
  size_t count_ = 0;
};

template <class Cost>
void SharedRegions::Divide(std::span<const Box> regions, const Cost& cost) {
  costs_.clear();
  for (const Box& region : regions) costs_.push_back(cost(region));
  order_.resize(regions.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::ranges::sort(order_, [&](size_t a, size_t b) {
    return costs_[a] != costs_[b] ? costs_[a] > costs_[b] : a < b;
  });
  count_ = 0;
  for (const size_t i : order_) {
    Decode* best = nullptr;
    double most_saved = 0, best_cost = 0;
    for (Decode& decode : std::span(decodes_).first(count_)) {
      if (decode.regions.size() == kMost) continue;
      const double together = cost(Around(decode.box, regions[i]));
      const double saved = decode.cost + costs_[i] - together;
      if (saved > most_saved) {
        best = &decode;
        most_saved = saved;
        best_cost = together;
      }
    }
    if (best == nullptr) {
      best = &NewDecode();
      best_cost = costs_[i];
    }
    best->box = Around(best->box, regions[i]);
    best->cost = best_cost;
    best->regions.push_back(i);
  }
}

}  // namespace fastinet
