// Borders of lines against NumPy's drawings of them.
#include "resample/border.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// The pixels that show from `from` on, one letter each: a is the line's first, . is the colour.
std::string Drawn(int32_t from, int32_t length, std::string_view expected, PaddingMode mode) {
  std::string drawn;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int32_t pixel = PixelAt(from + static_cast<int32_t>(i), length, mode);
    drawn += pixel == kBeyond ? '.' : static_cast<char>('a' + pixel);
  }
  return drawn;
}

void Check(int32_t from, int32_t length, PaddingMode mode, std::string_view expected) {
  CHECK_EQ(Drawn(from, length, expected, mode), expected);
}

TEST_CASE("lines and what lies beyond them") {
  Check(-2, 3, PaddingMode::kConstant, "..abc..");
  Check(-2, 3, PaddingMode::kEdge, "aaabccc");
  Check(-8, 3, PaddingMode::kReflect, "abcbabcbabcbabcba");
  Check(-7, 3, PaddingMode::kSymmetric, "aabccbaabccbaabccb");
  Check(-3, 1, PaddingMode::kReflect, "aaaaaaa");
  Check(-3, 1, PaddingMode::kSymmetric, "aaaaaaa");
  Check(-4, 2, PaddingMode::kReflect, "ababababab");
  Check(-4, 2, PaddingMode::kSymmetric, "abbaabbaab");
}

TEST_CASE("pixels that show in a window") {
  const auto shown = [](int32_t start, int32_t size, PaddingMode mode) {
    const PixelRun run = PixelsShown({start, size}, 10, mode);
    return std::to_string(run.start) + "+" + std::to_string(run.size);
  };
  CHECK_EQ(shown(2, 3, PaddingMode::kReflect), "2+3");
  CHECK_EQ(shown(-4, 9, PaddingMode::kReflect), "0+5");
  CHECK_EQ(shown(-4, 2, PaddingMode::kReflect), "3+2");
  CHECK_EQ(shown(-4, 2, PaddingMode::kSymmetric), "2+2");
  CHECK_EQ(shown(-4, 2, PaddingMode::kEdge), "0+1");
  CHECK_EQ(shown(8, 7, PaddingMode::kConstant), "8+2");
  CHECK_EQ(shown(10, 7, PaddingMode::kConstant), "0+0");
  CHECK_EQ(shown(-100, 300, PaddingMode::kReflect), "0+10");
}

TEST_CASE("positions as far away as there are") {
  for (const PaddingMode mode : {PaddingMode::kReflect, PaddingMode::kSymmetric}) {
    for (const int32_t position : {INT32_MIN, INT32_MAX}) {
      for (const int32_t length : {1, 2, 1000, INT32_MAX}) {
        const int32_t pixel = PixelAt(position, length, mode);
        CHECK(pixel >= 0);
        CHECK(pixel < length);
      }
    }
  }
}

}  // namespace
}  // namespace fastinet
