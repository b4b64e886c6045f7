#include "base/md5.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace fastinet {
namespace {

// RFC 1321, 3.4: element i is floor(2^32 * |sin(i + 1)|).
constexpr std::array<uint32_t, 64> kSines = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

/// One of the 64 steps: a = b + ((a + f + word + sine) <<< shift).
inline void Step(uint32_t& a, uint32_t b, uint32_t f, uint32_t word, uint32_t sine, int shift) {
  a = b + std::rotl(a + f + word + sine, shift);
}

/// Step i of the round that mixes by `kRound` (0..3), in the registers as they stand.
template <int kRound, int kI>
inline void RoundStep(std::array<uint32_t, 4>& r, const std::array<uint32_t, 16>& words) {
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  constexpr int kWord[4] = {kI % 16, (5 * kI + 1) % 16, (3 * kI + 5) % 16, 7 * kI % 16};
  // The registers turn by one place a step, which compilers resolve into names.
  uint32_t& a = r[(64 - kI) % 4];
  const uint32_t b = r[(65 - kI) % 4], c = r[(66 - kI) % 4], d = r[(67 - kI) % 4];
  uint32_t f;
  if constexpr (kRound == 0) f = d ^ (b & (c ^ d));
  if constexpr (kRound == 1) f = c ^ (d & (b ^ c));
  if constexpr (kRound == 2) f = b ^ c ^ d;
  if constexpr (kRound == 3) f = c ^ (b | ~d);
  Step(a, b, f, words[kWord[kRound]], kSines[kI], kShifts[kRound][kI % 4]);
}

template <int... kI>
inline void AllSteps(std::array<uint32_t, 4>& r, const std::array<uint32_t, 16>& words,
                     std::integer_sequence<int, kI...> /*steps*/) {
  (RoundStep<kI / 16, kI>(r, words), ...);
}

}  // namespace

void Md5::Compress(const uint8_t* blocks, size_t count) {
  for (; count > 0; --count, blocks += kBlockBytes) {
    std::array<uint32_t, 16> words;
    for (size_t i = 0; i < words.size(); ++i) words[i] = LoadLittleEndian32(blocks + 4 * i);
    std::array<uint32_t, 4> r = state_;
    AllSteps(r, words, std::make_integer_sequence<int, 64>());
    for (size_t i = 0; i < r.size(); ++i) state_[i] += r[i];
  }
}

void Md5::Update(Bytes data) {
  const size_t held = length_bytes_ % kBlockBytes;
  length_bytes_ += data.size();
  if (held > 0) {
    const size_t taken = std::min(data.size(), kBlockBytes - held);
    std::copy_n(data.begin(), taken, tail_.begin() + held);
    data = data.subspan(taken);
    if (held + taken < kBlockBytes) return;
    Compress(tail_.data(), 1);
  }
  const size_t blocks = data.size() / kBlockBytes;
  Compress(data.data(), blocks);
  data = data.subspan(blocks * kBlockBytes);
  std::copy(data.begin(), data.end(), tail_.begin());
}

Md5::Digest Md5::digest() const {
  Md5 last = *this;
  // RFC 1321, 3.1 and 3.2: a 1 bit, zeros, and the length in bits in the last eight bytes.
  std::array<uint8_t, 2 * kBlockBytes> padding{0x80};
  const size_t held = length_bytes_ % kBlockBytes;
  const size_t zeros_end = (held < kBlockBytes - 8 ? kBlockBytes : 2 * kBlockBytes) - 8 - held;
  StoreLittleEndian64(length_bytes_ * 8, padding.data() + zeros_end);
  last.Update(Bytes(padding).first(zeros_end + 8));
  Digest digest;
  for (size_t i = 0; i < 4; ++i) StoreLittleEndian32(last.state_[i], digest.data() + 4 * i);
  return digest;
}

std::vector<uint8_t> Md5::Save() const {
  std::vector<uint8_t> saved(24 + length_bytes_ % kBlockBytes);
  for (size_t i = 0; i < 4; ++i) StoreLittleEndian32(state_[i], saved.data() + 4 * i);
  StoreLittleEndian64(length_bytes_, saved.data() + 16);
  std::copy_n(tail_.begin(), saved.size() - 24, saved.begin() + 24);
  return saved;
}

Status Md5::Restore(Bytes saved) {
  if (saved.size() < 24 ||
      saved.size() != 24 + LoadLittleEndian64(saved.data() + 16) % kBlockBytes) {
    return InvalidArgument("not a saved state of MD5");
  }
  for (size_t i = 0; i < 4; ++i) state_[i] = LoadLittleEndian32(saved.data() + 4 * i);
  length_bytes_ = LoadLittleEndian64(saved.data() + 16);
  std::copy(saved.begin() + 24, saved.end(), tail_.begin());
  return {};
}

}  // namespace fastinet
