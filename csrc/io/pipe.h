// Pipes that no program inherits which this process starts.
#pragma once

#include <array>

namespace fastinet {

/// The two ends of a new pipe, to read from and to write to, both without waiting: closed in
/// programs that the process starts, from the first moment on. False, with the cause in errno, when
/// the system has none.
[[nodiscard]] bool OpenPipe(std::array<int, 2>& ends) noexcept;

}  // namespace fastinet
