// What has passed of each sample of a tar, by its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace fastinet {

/// A few bits for each of many names, which are kept as 64-bit hashes: 8 to 16 bytes a name.
class NameSet {
 public:
  /// Names that are kept at most, 64 MiB of them; later ones are forgotten.
  static constexpr size_t kMaxNames = size_t{1} << 22;

  /// Adds `bits`, 1 to 7, to those of `name`. Returns those that it had before; 0: it is new.
  uint8_t Add(std::string_view name, uint8_t bits) {
    if (count_ < kMaxNames && 2 * (count_ + 1) > slots_.size()) Grow();
    uint64_t& slot = slots_[Find(slots_, HashOf(name))];
    const auto before = static_cast<uint8_t>(slot & kBits);
    if (slot == 0) {
      if (count_ == kMaxNames) return 0;
      ++count_;
      slot = HashOf(name);
    }
    slot |= bits;
    return before;
  }

  void Clear() {
    slots_.clear();
    count_ = 0;
  }

 private:
  static constexpr uint64_t kBits = 7;
  static constexpr size_t kFirstSlots = 64;

  /// FNV-1a, with its bits mixed (the end of MurmurHash3); the lowest three are left free.
  static uint64_t HashOf(std::string_view name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
    return (hash ^ (hash >> 33)) & ~kBits;
  }

  /// The slot of a hash, or the free one that it would have.
  static size_t Find(const std::vector<uint64_t>& slots, uint64_t hash) {
    size_t slot = static_cast<size_t>(hash >> 3) & (slots.size() - 1);
    while (slots[slot] != 0 && (slots[slot] & ~kBits) != hash) {
      slot = (slot + 1) & (slots.size() - 1);
    }
    return slot;
  }

  void Grow() {
    std::vector<uint64_t> larger(slots_.empty() ? kFirstSlots : 2 * slots_.size());
    for (const uint64_t slot : slots_) {
      if (slot != 0) larger[Find(larger, slot & ~kBits)] = slot;
    }
    slots_ = std::move(larger);
  }

  std::vector<uint64_t> slots_;  // a power of two of them, less than half of them taken
  size_t count_ = 0;
};

}  // namespace fastinet
