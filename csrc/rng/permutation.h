// A random order of 0 .. n-1 that is computed position by position and stored nowhere.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/checked.h"
#include "rng/philox.h"

namespace fastinet {

/// A bijection of {0, ..., n - 1}, drawn by (seed, epoch, use), and by an item where each has one
/// of its own: O(1) memory and time per position.
///
/// A Feistel network over mixed radices (Black and Rogaway, "Ciphers with Arbitrary Finite
/// Domains", CT-RSA 2002): a position is a pair (left < rows, right < columns), and each round adds
/// a keyed hash of one half to the other, which can be undone whatever the hash is. rows * columns
/// exceeds n by O(sqrt(n)); positions that land in the excess walk on along their cycle until they
/// are inside, which again is a bijection and costs 1 + O(1 / sqrt(n)) turns.
class Permutation {
 public:
  /// n is at most 2^62.
  Permutation(uint64_t n, uint64_t seed, uint32_t epoch, RandomUse use = RandomUse::kShuffle,
              uint64_t item = 0)
      : n_(n), rounds_(n < kSmall ? kRoundsIfSmall : kRounds) {
    rows_ = static_cast<uint64_t>(std::sqrt(static_cast<double>(n)));
    // An even number, because with two odd ones every round is an even permutation, and so would
    // all of them together be.
    rows_ = std::max<uint64_t>((rows_ + 1) / 2 * 2, 2);
    columns_ = std::max<uint64_t>(CeilDiv(n, rows_), 1);
    const AugmentKey key{.seed = seed, .epoch = epoch, .item = item};
    for (size_t i = 0; i < rounds_; i += 2) {
      const PhiloxBlock bits = key.Bits(use, static_cast<uint8_t>(i / 2));
      round_keys_[i] = (static_cast<uint64_t>(bits[0]) << 32) | bits[1];
      round_keys_[i + 1] = (static_cast<uint64_t>(bits[2]) << 32) | bits[3];
    }
  }

  /// The item at `position`; both are below n.
  uint64_t operator()(uint64_t position) const {
    uint64_t value = position;
    do {
      value = Encrypt(value);
    } while (value >= n_);
    return value;
  }

 private:
  // Four rounds make a strong pseudo-random permutation of large halves (Luby and Rackoff, 1988);
  // twice that is the margin. Halves of a few values mix slowly: with 24 rounds all orders of up to
  // seven items are equally likely as far as 200 draws of each can tell, with 12 they are not.
  static constexpr uint64_t kSmall = 4096;
  static constexpr size_t kRounds = 8, kRoundsIfSmall = 24;

  uint64_t Encrypt(uint64_t value) const {
    uint64_t left = value / columns_, right = value % columns_;
    for (size_t i = 0; i < rounds_; i += 2) {
      left = AddModulo(left, HashBelow(rows_, right ^ round_keys_[i]), rows_);
      right = AddModulo(right, HashBelow(columns_, left ^ round_keys_[i + 1]), columns_);
    }
    return left * columns_ + right;
  }

  /// MurmurHash3's 64-bit finaliser, scaled to {0, ..., n - 1}; n is at most 2^32.
  static uint64_t HashBelow(uint64_t n, uint64_t bits) {
    bits ^= bits >> 33;
    bits *= 0xFF51AFD7ED558CCD;
    bits ^= bits >> 33;
    bits *= 0xC4CEB9FE1A85EC53;
    return ((bits >> 32) * n) >> 32;
  }

  static uint64_t AddModulo(uint64_t a, uint64_t b, uint64_t n) {
    const uint64_t sum = a + b;
    return sum >= n ? sum - n : sum;
  }

  uint64_t n_;
  size_t rounds_;
  uint64_t rows_, columns_;
  std::array<uint64_t, kRoundsIfSmall> round_keys_;
};

}  // namespace fastinet
