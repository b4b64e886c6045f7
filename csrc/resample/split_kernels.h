// The two passes by weights that are taken apart (split_weights.h), straight from rows: no strips,
// no transposition. The same bits as the kernels of kernels.h, for less work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "resample/split_weights.h"

namespace fastinet {

/// Whether this processor has these kernels.
bool HasSplitKernels();

/// Rows that ResampleWindows makes at once.
inline constexpr int32_t kWindowRows = 4;

/// The horizontal pass, for rows of one plane: out[i][x] = the weighted sum of output x's pixels
/// in row i. `count` is a multiple of kWindowRows. Reads the rows' pixels and nothing beyond;
/// writes up to 15 bytes beyond the outputs.
void ResampleWindows(const uint8_t* const* rows, int32_t count, const WindowedWeights& weights,
                     uint8_t* const* out);

/// The vertical pass, for one line: out[x] = the sum of taps[k] * rows[k][x] for x < width, where
/// `rows` has a pointer for both taps of each pair. Rows and line are padded by kPaddingBytes.
void ResamplePairs(const uint8_t* const* rows, std::span<const TapPair> pairs, size_t width,
                   uint8_t* out);

}  // namespace fastinet
