// What a finished row looks like in memory: element type, order of axes, normalisation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/checked.h"
#include "base/image.h"

namespace fastinet {

enum class DType : uint8_t { kUint8, kFloat16, kBFloat16, kFloat32 };
enum class Layout : uint8_t { kNHWC, kNCHW };

/// Size of one element [bytes].
constexpr size_t DTypeBytes(DType dtype) {
  return dtype == DType::kUint8 ? 1 : dtype == DType::kFloat32 ? 4 : 2;
}

/// How RGB pixels are stored in a batch row. Float types store `pixel * scale[c] + bias[c]`,
/// computed in float32 and rounded once; uint8 stores the pixel.
struct OutputFormat {
  DType dtype = DType::kUint8;
  Layout layout = Layout::kNHWC;
  std::array<float, 3> scale{1.0f, 1.0f, 1.0f};
  std::array<float, 3> bias{0.0f, 0.0f, 0.0f};

  /// Size of one row of `size` pixels in RGB [bytes]; nothing when it does not fit.
  [[nodiscard]] std::optional<size_t> RowBytes(Size size) const {
    const auto pixels = CheckedMul<size_t>(size.width, size.height);
    if (!pixels) return std::nullopt;
    return CheckedMul<size_t>(*pixels, 3 * DTypeBytes(dtype));
  }
};

}  // namespace fastinet
