// A shuffle for items that come one by one: each next one is drawn among those that are held.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "rng/philox.h"
#include "stream/item_stream.h"

namespace fastinet {

/// Holds up to `size` items and gives them out in drawn order: which one goes next is a function of
/// (seed, epoch, how many went before). An item goes at most size - 1 positions earlier than it
/// came, and on average waits for `size` others.
class ShuffleWindow {
 public:
  ShuffleWindow(int64_t size, uint64_t seed, uint32_t epoch)
      : size_(static_cast<size_t>(size)), key_{.seed = seed, .epoch = epoch} {}

  /// Takes an item in and, when the window is full, gives one out.
  [[nodiscard]] std::optional<StreamItem> Exchange(StreamItem item) {
    held_.push_back(std::move(item));
    return held_.size() < size_ ? std::nullopt : std::optional(Draw());
  }

  /// Gives out an item of those that are left; nothing when none is.
  std::optional<StreamItem> Drain() { return held_.empty() ? std::nullopt : std::optional(Draw()); }

 private:
  StreamItem Draw() {
    AugmentKey key = key_;
    key.item = drawn_++;
    const uint32_t bits = key.Bits(RandomUse::kShuffle, 0)[0];
    const auto chosen = static_cast<size_t>(UniformBelow(bits, static_cast<int32_t>(held_.size())));
    std::swap(held_[chosen], held_.back());
    StreamItem item = std::move(held_.back());
    held_.pop_back();
    return item;
  }

  size_t size_;
  AugmentKey key_;
  uint64_t drawn_ = 0;
  std::vector<StreamItem> held_;
};

}  // namespace fastinet
