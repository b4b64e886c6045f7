// The kernels of dot_kernels.h by Intel's names: included where they are compiled for processors
// that have them, and in a test that emulates these instructions on any other.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "resample/dot_weights.h"

namespace fastinet {
namespace FASTINET_DOT_NAMESPACE {
namespace {

/// The sums of three parts' products with pixels.
struct DotSums {
  __m512i parts[3];
};

inline DotSums ZeroDots() {
  return {{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}};
}

inline void AddDots(__m512i pixels, const __m512i (&weights)[3], DotSums* sums) {
  for (size_t i = 0; i < 3; ++i) {
    sums->parts[i] = _mm512_dpbusd_epi32(sums->parts[i], pixels, weights[i]);
  }
}

/// Rounded sums, not yet clamped.
inline __m512i RoundedDots(const DotSums& sums) {
  constexpr int kHalf = 1 << (kWeightBits - 1);
  const __m512i ab = _mm512_add_epi32(_mm512_slli_epi32(sums.parts[0], 8), sums.parts[1]);
  const __m512i c = _mm512_add_epi32(sums.parts[2], _mm512_set1_epi32(kHalf));
  return _mm512_srai_epi32(_mm512_add_epi32(_mm512_slli_epi32(ab, 8), c), kWeightBits);
}

/// Four sums of each of the quarters of four vectors, as 16 pixels, clamped.
inline __m512i PackDots(const __m512i (&sums)[4]) {
  return _mm512_packus_epi16(_mm512_packs_epi32(sums[0], sums[1]),
                             _mm512_packs_epi32(sums[2], sums[3]));
}

inline void ResampleWideWindows(const uint8_t* const* rows, int32_t count,
                                const WideWeights& weights, uint8_t* const* out) {
  const int32_t windows = weights.windows();
  // From four outputs of each row, quarter by quarter, to the rows.
  const __m512i by_rows = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  for (int32_t i = 0; i < count; i += 4) {
    const QuadWindow* window = weights.data();
    for (int32_t x = 0; x < weights.outputs(); x += kWideOutputs) {
      DotSums sums[4] = {ZeroDots(), ZeroDots(), ZeroDots(), ZeroDots()};
      for (int32_t w = 0; w < windows; ++w, ++window) {
        const __m512i index = _mm512_loadu_si512(window->index);
        const __m512i parts[3] = {_mm512_loadu_si512(window->parts[0]),
                                  _mm512_loadu_si512(window->parts[1]),
                                  _mm512_loadu_si512(window->parts[2])};
        const int32_t pixels = weights.row_pixels() - window->base;
        const uint64_t in_row =
            pixels >= kWideWindowBytes ? ~uint64_t{0} : (uint64_t{1} << pixels) - 1;
        for (int32_t r = 0; r < 4; ++r) {
          const __m512i row = _mm512_maskz_loadu_epi8(in_row, rows[i + r] + window->base);
          AddDots(_mm512_permutexvar_epi8(index, row), parts, &sums[r]);
        }
      }
      const __m512i rounded[4] = {RoundedDots(sums[0]), RoundedDots(sums[1]), RoundedDots(sums[2]),
                                  RoundedDots(sums[3])};
      const __m512i packed = _mm512_permutexvar_epi32(by_rows, PackDots(rounded));
      uint8_t* const* to = out + i;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to[0] + x), _mm512_extracti32x4_epi32(packed, 0));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to[1] + x), _mm512_extracti32x4_epi32(packed, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to[2] + x), _mm512_extracti32x4_epi32(packed, 2));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to[3] + x), _mm512_extracti32x4_epi32(packed, 3));
    }
  }
}

inline void ResampleQuads(const uint8_t* const* rows, std::span<const TapQuad> quads, size_t width,
                          uint8_t* out) {
  for (size_t x = 0; x < width; x += 64) {
    DotSums sums[4] = {ZeroDots(), ZeroDots(), ZeroDots(), ZeroDots()};
    for (size_t q = 0; q < quads.size(); ++q) {
      __m512i parts[3];
      for (size_t i = 0; i < 3; ++i) {
        int32_t bytes;
        std::memcpy(&bytes, quads[q].parts[i], sizeof(bytes));
        parts[i] = _mm512_set1_epi32(bytes);
      }
      const uint8_t* const* row = rows + 4 * q;
      const __m512i row0 = _mm512_loadu_si512(row[0] + x), row1 = _mm512_loadu_si512(row[1] + x);
      const __m512i row2 = _mm512_loadu_si512(row[2] + x), row3 = _mm512_loadu_si512(row[3] + x);
      const __m512i lower01 = _mm512_unpacklo_epi8(row0, row1);
      const __m512i upper01 = _mm512_unpackhi_epi8(row0, row1);
      const __m512i lower23 = _mm512_unpacklo_epi8(row2, row3);
      const __m512i upper23 = _mm512_unpackhi_epi8(row2, row3);
      AddDots(_mm512_unpacklo_epi16(lower01, lower23), parts, &sums[0]);
      AddDots(_mm512_unpackhi_epi16(lower01, lower23), parts, &sums[1]);
      AddDots(_mm512_unpacklo_epi16(upper01, upper23), parts, &sums[2]);
      AddDots(_mm512_unpackhi_epi16(upper01, upper23), parts, &sums[3]);
    }
    const __m512i rounded[4] = {RoundedDots(sums[0]), RoundedDots(sums[1]), RoundedDots(sums[2]),
                                RoundedDots(sums[3])};
    _mm512_storeu_si512(out + x, PackDots(rounded));
  }
}

}  // namespace
}  // namespace FASTINET_DOT_NAMESPACE
}  // namespace fastinet
