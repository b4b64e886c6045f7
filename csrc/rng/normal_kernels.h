// Many normal numbers at once, compiled for every instruction set and chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastinet {

/// out[i] = StandardNormal(bits[i]), rounded to float32, for i < count.
void StandardNormals(const uint32_t* bits, size_t count, float* out);

}  // namespace fastinet
