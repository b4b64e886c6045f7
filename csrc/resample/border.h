// What lies beyond an image, for rows that reach there.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace fastinet {

/// torchvision's padding modes, which are NumPy's.
enum class PaddingMode : uint8_t {
  kConstant,   // one colour
  kEdge,       // the outermost pixel again and again
  kReflect,    // mirrored at the centre of the outermost pixel: 2 1 | 0 1 2 3 | 2 1
  kSymmetric,  // mirrored at its edge:                          1 0 | 0 1 2 3 | 3 2
};

/// The same, with the colour.
struct Border {
  PaddingMode mode = PaddingMode::kConstant;
  std::array<uint8_t, 3> fill{};  // kConstant: RGB
  friend bool operator==(const Border&, const Border&) = default;
};

/// kBeyond: no pixel of the line, but the border's colour.
inline constexpr int32_t kBeyond = -1;

/// The pixel of a line of `length` pixels that shows at `position`, which may lie beyond it on
/// either side, as far as one likes: mirror images are mirrored again.
inline int32_t PixelAt(int32_t position, int32_t length, PaddingMode mode) {
  if (position >= 0 && position < length) return position;
  switch (mode) {
    case PaddingMode::kConstant:
      break;
    case PaddingMode::kEdge:
      return position < 0 ? 0 : length - 1;
    case PaddingMode::kReflect:
    case PaddingMode::kSymmetric: {
      const int64_t shared = mode == PaddingMode::kReflect ? 1 : 0;  // by a line and its mirror
      const int64_t period = std::max<int64_t>(1, 2 * (length - shared));
      const int64_t within = ((position % period) + period) % period;
      return static_cast<int32_t>(within < length ? within : period - 1 + shared - within);
    }
  }
  return kBeyond;
}

/// Consecutive pixels of a line.
struct PixelRun {
  int32_t start = 0;
  int32_t size = 0;
};

/// The pixels of a line of `length` that show in `window`; empty when it lies beyond and shows
/// nothing but the border's colour.
inline PixelRun PixelsShown(const PixelRun& window, int32_t length, PaddingMode mode) {
  if (window.start >= 0 && window.start <= length - window.size) return window;
  int32_t first = length, end = 0;
  for (int32_t i = 0; i < window.size; ++i) {
    const int32_t pixel = PixelAt(window.start + i, length, mode);
    if (pixel == kBeyond) continue;
    first = std::min(first, pixel);
    end = std::max(end, pixel + 1);
  }
  return end == 0 ? PixelRun{} : PixelRun{first, end - first};
}

}  // namespace fastinet
