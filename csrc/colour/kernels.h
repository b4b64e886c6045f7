// The inner loops of colour adjustments, each compiled for every instruction set and chosen at run
// time. Pixels are planes of uint8; results are Pillow's, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastinet {

/// The planes of an RGB image.
struct RgbPlanes {
  uint8_t* red;
  uint8_t* green;
  uint8_t* blue;
  size_t pixels;
};

/// values[i] = background + factor * (values[i] - background), truncated and clipped: PIL's
/// Image.blend with an image of one value (libImaging/Blend.c).
void BlendWithValue(uint8_t* values, size_t count, uint8_t background, float factor);

/// Likewise with the background of each value.
void BlendWithPlane(uint8_t* values, size_t count, const uint8_t* background, float factor);

/// Blends every channel of a pixel with that pixel's own grey, by the arithmetic of BlendWithValue.
void BlendWithGrey(const RgbPlanes& planes, float factor);

/// Sum of the pixels' grey: 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded
/// (libImaging/Convert.c, L24).
uint64_t SumOfGrey(const RgbPlanes& planes);

/// Every channel of a pixel becomes that pixel's grey.
void ReplaceByGrey(const RgbPlanes& planes);

/// sums[i] += weight * values[i], the product and the sum each rounded to float.
void AddWeighted(float* sums, size_t count, const uint8_t* values, float weight);

/// values[i] = sums[i] within 0 .. 255, without its broken part.
void TruncateSums(uint8_t* values, size_t count, const float* sums);

/// The least and the greatest of some values.
struct Extremes {
  uint8_t least;
  uint8_t greatest;
};

/// Those of `count` values; 255 and 0 where there are none.
Extremes ExtremesOf(const uint8_t* values, size_t count);

/// Adds `shift` to the hue, modulo 256: PIL's conversion to HSV and back (libImaging/Convert.c,
/// rgb2hsv_row and hsv2rgb), whose roundings between 8-bit values it repeats.
void ShiftHue(const RgbPlanes& planes, uint8_t shift);

}  // namespace fastinet
