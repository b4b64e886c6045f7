// The inner loops of blurs, each compiled for every instruction set and chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fastinet {

/// out[x] = the mean of 3 x 3 pixels whose centre counts five times, rounded half up, for
/// `count` pixels; `above`, `line` and `below` are rows from the left neighbour of the first pixel
/// on. ImageFilter.SMOOTH: its sum over 13 plus a half, in float, is never so close to a whole
/// number that this differs.
void SmoothLine(const uint8_t* above, const uint8_t* line, const uint8_t* below, size_t count,
                uint8_t* out);

/// The weights of one pass of a box blur whose radius is no whole number, in 2^-24: those of the
/// pixels within `radius`, and of the two next to them.
struct BoxWeights {
  int32_t radius = 0;
  uint32_t inner = 0;
  uint32_t edge = 0;
  /// Of radius 0 the same in 16 bits, where there is such a thing: a pixel changes by ((64 *
  /// short_factor * difference >> 16) + short_addend) >> short_shift, where the difference is that
  /// of the two next to it from twice itself. `short_shift` is 0 where there is not.
  int16_t short_factor = 0;
  int16_t short_addend = 0;
  int32_t short_shift = 0;
};

/// The largest radius that BlurLine takes.
inline constexpr int32_t kMostLineRadius = 2;

/// out[x] = the weighted sum of the pixels at taps[0][x] to taps[2 * radius + 2][x], rounded;
/// `count` of them. The taps are neighbours in a row, or the same pixel of neighbouring rows.
/// Writes up to kBlurPadding bytes beyond.
void BlurLine(std::span<const uint8_t* const> taps, const BoxWeights& weights, size_t count,
              uint8_t* out);

/// How many bytes beyond `count` BlurLine and SmoothLine may read and write.
inline constexpr size_t kBlurPadding = 64;

/// out[x] = the sum of weights[i] * taps[i][x], in this order, each product and sum rounded to
/// float.
void WeighFloats(std::span<const float* const> taps, std::span<const float> weights, size_t count,
                 float* out);

/// Values as floats; and floats to the nearest whole values, ties to even, within 0 to 255.
void ToFloats(const uint8_t* values, size_t count, float* out);
void ToValues(const float* floats, size_t count, uint8_t* out);

}  // namespace fastinet
