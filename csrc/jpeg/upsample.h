// Brings rows of subsampled components to full size, bit-equal to libjpeg-turbo (jdsample.c).
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastinet {

/// Bytes beyond the last sample or pixel that the functions here and in colour.h may read or write.
inline constexpr size_t kRowPadding = 128;

/// Triangle filter, 2 pixels from each of `count` samples: `samples[-1]` and `samples[count]` must
/// be there too, at the plane's edges as copies of the outermost samples.
void UpsampleH2V1(const uint8_t* samples, size_t count, uint8_t* pixels);

/// The same in both directions: `near` is the row of samples that the row of pixels lies in, `far`
/// the other one that it leans to.
void UpsampleH2V2(const uint8_t* near, const uint8_t* far, size_t count, uint8_t* pixels);

/// Triangle filter down the columns, for the upper (`lower` false) or the lower of the two rows of
/// pixels in row `near`.
void UpsampleH1V2(const uint8_t* near, const uint8_t* far, bool lower, size_t count,
                  uint8_t* pixels);

/// Repeats each of `count` samples `expand` times.
void Replicate(const uint8_t* samples, size_t count, size_t expand, uint8_t* pixels);

}  // namespace fastinet
