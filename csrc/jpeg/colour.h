// YCbCr to RGB, bit-equal to libjpeg-turbo (jdcolor.c, JFIF 1.02's equations).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fastinet {

/// Converts a row of `width` pixels from planes Y, Cb, Cr to planes R, G, B. Up to kRowPadding
/// bytes (upsample.h) beyond the row's end may be read and written.
void ConvertYCbCrRow(const std::array<const uint8_t*, 3>& ycc, size_t width,
                     const std::array<uint8_t*, 3>& rgb);

}  // namespace fastinet
