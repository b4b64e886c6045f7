// The two passes by dot products of four bytes (dot_weights.h), where a processor has AVX-512 with
// VNNI and VBMI: Ice Lake, Zen 4 and newer. The same bits as the kernels of kernels.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "resample/dot_weights.h"

namespace fastinet {

/// Whether this processor has these kernels.
bool HasDotKernels();

/// The horizontal pass, for rows of one plane: out[i][x] = the weighted sum of output x's pixels
/// in row i. `count` is a multiple of 4. Reads the rows' pixels and nothing beyond; writes up to 15
/// bytes beyond the outputs.
void ResampleWideWindows(const uint8_t* const* rows, int32_t count, const WideWeights& weights,
                         uint8_t* const* out);

/// The vertical pass, for one line: out[x] = the sum of taps[k] * rows[k][x] for x < width, where
/// `rows` has a pointer for all taps of each four. Rows and line are padded by kPaddingBytes.
void ResampleQuads(const uint8_t* const* rows, std::span<const TapQuad> quads, size_t width,
                   uint8_t* out);

}  // namespace fastinet
