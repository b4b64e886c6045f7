// Values by a table, compiled for every instruction set and chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastinet {

/// values[i] = table[values[i]], of 256.
void LookUp(uint8_t* values, size_t count, const uint8_t* table);

}  // namespace fastinet
