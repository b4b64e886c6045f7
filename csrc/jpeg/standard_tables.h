// Tables that T.81 prints as examples and that files may leave out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "jpeg/header.h"

namespace fastinet {

/// T.81 table K.1: luma quantisation steps, row by row.
inline constexpr std::array<uint8_t, 64> kStandardLumaSteps = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
    14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
    18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};

/// T.81 table K.3 (`chroma` false) or K.4.
HuffmanSpec StandardDcTable(bool chroma);

/// T.81 table K.5 (`chroma` false) or K.6.
HuffmanSpec StandardAcTable(bool chroma);

}  // namespace fastinet
