// How large an item may be that a pass looks at.
#pragma once

#include <cstdint>

namespace fastinet {

/// The largest encoded item that passes over a dataset take into memory [bytes]: more than any
/// image within the default pixel limit takes. An epoch has its own limit, by its max_pixels:
/// MaxItemBytes.
inline constexpr uint64_t kMaxPassItemBytes = uint64_t{1} << 30;

}  // namespace fastinet
