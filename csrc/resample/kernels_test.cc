// The kernels against plain loops, for every instruction set that this machine has, and for widths
// that fill vectors and that do not.
#include "resample/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "base/test_targets.h"

namespace fastinet {
namespace {

constexpr uint8_t kUntouched = 0xA5;

std::mt19937& Random() {
  static std::mt19937 random(1);
  return random;
}

std::vector<uint8_t> RandomBytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(Random()());
  return bytes;
}

// ------------------------------------------------------------------------------------- strips

void TestTransposition(size_t columns) {
  std::array<std::vector<uint8_t>, kStripRows> rows;
  std::array<const uint8_t*, kStripRows> from;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = RandomBytes(columns);  // nothing beyond the columns: the sanitizer sees a read there
    from[i] = rows[i].data();
  }
  std::vector<uint8_t> strip(kStripRows * columns + kPaddingBytes);
  RowsToStrip(from.data(), columns, strip.data());
  for (size_t x = 0; x < columns; ++x) {
    for (size_t i = 0; i < rows.size(); ++i) REQUIRE(strip[x * kStripRows + i] == rows[i][x]);
  }
  std::array<std::vector<uint8_t>, kStripRows> back;
  std::array<uint8_t*, kStripRows> to;
  for (size_t i = 0; i < back.size(); ++i) {
    back[i].resize(columns + kPaddingBytes);
    to[i] = back[i].data();
  }
  StripToRows(strip.data(), columns, to.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(std::equal(rows[i].begin(), rows[i].end(), back[i].begin()));
  }
}

// ------------------------------------------------------------------------------------- passes

/// Pillow's clip8 of a sum of weighted pixels (libImaging/Resample.c).
uint8_t Rounded(int32_t sum) {
  return static_cast<uint8_t>(std::clamp((sum + (1 << (kWeightBits - 1))) >> kWeightBits, 0, 255));
}

AxisWeights WeightsFor(int32_t input, int32_t output, Interpolation interpolation) {
  AxisWeights weights;
  REQUIRE(weights.Compute({input, output, 0, output, false}, interpolation).ok());
  return weights;
}

void TestHorizontalPass(int32_t input, int32_t output, Interpolation interpolation) {
  const AxisWeights weights = WeightsFor(input, output, interpolation);
  constexpr ptrdiff_t kPixelStride = 3 * kStripRows;  // interleaved RGB, the second channel
  const std::vector<uint8_t> strip =
      RandomBytes(static_cast<size_t>(input) * kPixelStride + kPaddingBytes);
  const StripPlane plane{strip.data() + kStripRows, kPixelStride};
  std::vector<uint8_t> out(static_cast<size_t>(output) * kStripRows + kPaddingBytes);
  ResampleStrip(plane, weights, out.data());
  for (int32_t i = 0; i < output; ++i) {
    for (int32_t row = 0; row < kStripRows; ++row) {
      int32_t sum = 0, x = weights.start(i);
      for (const int32_t tap : weights.taps(i)) {
        sum += tap * plane.first_column[x++ * kPixelStride + row];
      }
      REQUIRE(out[static_cast<size_t>(i * kStripRows + row)] == Rounded(sum));
    }
  }
}

void TestVerticalPass(size_t width, int32_t input, Interpolation interpolation) {
  const AxisWeights weights = WeightsFor(input, 1, interpolation);
  const auto taps = weights.taps(0);
  std::vector<std::vector<uint8_t>> rows;
  std::vector<const uint8_t*> pointers;
  for (size_t k = 0; k < taps.size(); ++k) {
    rows.push_back(RandomBytes(width + kPaddingBytes));
    pointers.push_back(rows.back().data());
  }
  std::vector<uint8_t> out(width + kPaddingBytes);
  ResampleRows(pointers.data(), taps, width, out.data());
  for (size_t x = 0; x < width; ++x) {
    int32_t sum = 0;
    for (size_t k = 0; k < taps.size(); ++k) sum += taps[k] * rows[k][x];
    REQUIRE(out[x] == Rounded(sum));
  }
}

// ------------------------------------------------------------------------------------- formats

float Bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// IEEE 754 round to nearest, ties to even, in plain arithmetic: the multiple of the distance
/// between float16s around `value` that is nearest.
uint16_t ToFloat16(float value) {
  const double magnitude = std::abs(static_cast<double>(value));
  const auto sign = static_cast<uint16_t>(BitsOf(value) >> 16 & 0x8000);
  int exponent = magnitude == 0 ? -14 : std::max(std::ilogb(magnitude), -14);
  double steps = std::nearbyint(std::ldexp(magnitude, 10 - exponent));  // ties to even
  if (steps == 2048) {
    steps = 1024;
    ++exponent;
  }
  const int biased = steps < 1024 ? 0 : exponent + 15;
  const int mantissa = steps < 1024 ? static_cast<int>(steps) : static_cast<int>(steps) - 1024;
  return static_cast<uint16_t>(sign | biased << 10 | mantissa);
}

uint16_t ToBFloat16(float value) {
  const uint32_t bits = BitsOf(value);
  const uint32_t low = bits & 0xFFFF, high = bits >> 16;
  const bool up = low > 0x8000 || (low == 0x8000 && (high & 1) != 0);
  return static_cast<uint16_t>(high + (up ? 1 : 0));
}

/// Element (x, c) of line `y` in `format`, as its bytes.
std::array<uint8_t, 4> Expected(const PlanarRow& line, size_t x, size_t c,
                                const OutputFormat& format) {
  const uint8_t pixel = line.plane[c][x];
  const float product = static_cast<float>(pixel) * format.scale[c];
  const float value = product + format.bias[c];
  std::array<uint8_t, 4> bytes{};
  if (format.dtype == DType::kUint8) {
    bytes[0] = pixel;
  } else if (format.dtype == DType::kFloat32) {
    std::memcpy(bytes.data(), &value, 4);
  } else {
    const uint16_t half = format.dtype == DType::kFloat16 ? ToFloat16(value) : ToBFloat16(value);
    std::memcpy(bytes.data(), &half, 2);
  }
  return bytes;
}

void TestStoreLine(size_t width, const OutputFormat& format, bool grey) {
  constexpr size_t kHeight = 3, kLine = 1;
  std::array<std::vector<uint8_t>, 3> planes;
  for (auto& plane : planes) plane = RandomBytes(width + kPaddingBytes);
  const PlanarRow line{{planes[0].data(), planes[grey ? 0 : 1].data(), planes[grey ? 0 : 2].data()},
                       width};
  const size_t bytes = DTypeBytes(format.dtype);
  // Exactly the row: whatever is written beyond it is somebody else's, and the sanitizer sees it.
  std::vector<uint8_t> row(kHeight * width * 3 * bytes, kUntouched);
  StoreLine(line, kLine, kHeight, format, row.data());
  std::vector<uint8_t> wanted(row.size(), kUntouched);
  for (size_t x = 0; x < width; ++x) {
    for (size_t c = 0; c < 3; ++c) {
      const size_t element = format.layout == Layout::kNHWC ? (kLine * width + x) * 3 + c
                                                            : (c * kHeight + kLine) * width + x;
      std::memcpy(&wanted[element * bytes], Expected(line, x, c, format).data(), bytes);
    }
  }
  REQUIRE(row == wanted);
}

/// Every pixel value, in each of the types, under scales that reach normal, subnormal and negative
/// numbers and exact ties.
void TestAllPixelValues(DType dtype) {
  struct Affine {
    float scale, bias;
  };
  const Affine kAffine[] = {{1.0f / 255, 0.0f},
                            {1.0f / (255 * 0.229f), -0.485f / 0.229f},
                            {257.0f, -100.0f},
                            {1.0f + 0x1p-9f, 0.0f},
                            {0x1p-24f, 0.0f},
                            {0x1.8p-26f, -0x1p-20f},
                            {0x1p-25f, 0x1p-14f - 0x1p-25f},
                            {-0x1.004p-3f, 0x1p-13f},
                            {Bits(0x33FFFFFF), 0.0f},
                            {0.0f, -0.0f}};
  std::vector<uint8_t> ramp(256 + kPaddingBytes);
  std::iota(ramp.begin(), ramp.begin() + 256, uint8_t{0});
  for (const Affine& affine : kAffine) {
    OutputFormat format{.dtype = dtype, .layout = Layout::kNCHW, .scale = {}, .bias = {}};
    format.scale.fill(affine.scale);
    format.bias.fill(affine.bias);
    const PlanarRow line{{ramp.data(), ramp.data(), ramp.data()}, 256};
    const size_t bytes = DTypeBytes(dtype);
    std::vector<uint8_t> row(3 * 256 * bytes);
    StoreLine(line, 0, 1, format, row.data());
    for (size_t x = 0; x < 256; ++x) {
      REQUIRE(std::memcmp(&row[x * bytes], Expected(line, x, 0, format).data(), bytes) == 0);
    }
  }
}

void TestAll() {
  for (size_t columns = 1; columns <= 67; ++columns) TestTransposition(columns);
  for (const Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kBicubic,
                                            Interpolation::kLanczos, Interpolation::kNearest}) {
    for (const int32_t output : {1, 2, 15, 16, 17, 40}) {
      for (const int32_t input : {1, 3, 16, 33, 200}) {
        TestHorizontalPass(input, output, interpolation);
      }
    }
    for (size_t width = 1; width <= 70; ++width) TestVerticalPass(width, 5, interpolation);
    TestVerticalPass(333, 100, interpolation);
  }
  for (const DType dtype : {DType::kUint8, DType::kFloat16, DType::kBFloat16, DType::kFloat32}) {
    for (const Layout layout : {Layout::kNHWC, Layout::kNCHW}) {
      const OutputFormat format{.dtype = dtype,
                                .layout = layout,
                                .scale = {1.0f / 58.395f, 1.0f / 57.12f, 1.0f / 57.375f},
                                .bias = {-2.117904f, -2.035714f, -1.804444f}};
      for (size_t width = 1; width <= 70; ++width) TestStoreLine(width, format, width % 4 == 0);
      for (const size_t width : {224u, 255u, 257u, 512u, 1000u}) {
        TestStoreLine(width, format, false);
      }
    }
    TestAllPixelValues(dtype);
  }
}

TEST_CASE("kernels equal plain loops on every instruction set") {
  test::ForEachTarget([](const std::string& target) {
    CAPTURE(target);
    TestAll();
  });
}

}  // namespace
}  // namespace fastinet
