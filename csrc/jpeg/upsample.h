// Brings rows of subsampled components to full size, bit-equal to libjpeg-turbo (jdsample.c).
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastinet {

/// Bytes beyond the last sample or pixel that the functions here and in colour.h may read or write.
inline constexpr size_t kRowPadding = 128;

/// Triangle filter along a row, 2 pixels from each of `count` samples: `samples[-1]` and
/// `samples[count]` must be there too, at the plane's edges as copies of the outermost samples.
void UpsampleH2V1(const uint8_t* samples, size_t count, uint8_t* pixels);

/// Triangle filter in both directions, 2 pixels from each of `count` samples. `near` is the row of
/// samples that the row of pixels lies in, `far` the one above or below that it leans to; both need
/// the samples beside their ends that UpsampleH2V1 needs.
void UpsampleH2V2(const uint8_t* near, const uint8_t* far, size_t count, uint8_t* pixels);

/// Triangle filter down the columns: of the two rows of pixels that lie in the row of samples
/// `near`, the upper one (`lower` false), for which `far` is the row above, or the lower one.
void UpsampleH1V2(const uint8_t* near, const uint8_t* far, bool lower, size_t count,
                  uint8_t* pixels);

/// Repeats each of `count` samples `expand` times.
void Replicate(const uint8_t* samples, size_t count, size_t expand, uint8_t* pixels);

}  // namespace fastinet
