#include "augment/erasing.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/half.h"
#include "rng/normal_kernels.h"
#include "rng/portable_math.h"

namespace fastinet {
namespace {

constexpr int32_t kAttempts = 10;  // for each box, before it is left out
static_assert(1 + ErasingRule::kMostBoxes * kAttempts <= 256);

/// Python's round(): to the nearest integer, ties to even. Values beyond any row, to which extreme
/// ratios lead, become one that is too large still.
int32_t RoundHalfEven(double value) {
  constexpr double kBeyondAnyRow = 1 << 30;
  return static_cast<int32_t>(std::nearbyint(std::min(value, kBeyondAnyRow)));
}

bool IsBoundsOf(const std::array<double, 2>& bounds, double highest) {
  return bounds[0] > 0 && bounds[0] <= bounds[1] && bounds[1] <= highest;
}

/// Box number `box` of `boxes`: that of the first try that is smaller than the row on both sides.
Box DrawBox(const ErasingRule& rule, Size size, int32_t boxes, int32_t box, const AugmentKey& key) {
  const double area = static_cast<double>(size.width) * size.height;
  const double log_ratio_low = PortableLog(rule.ratio[0]);
  const double log_ratio_high = PortableLog(rule.ratio[1]);
  for (int32_t attempt = 0; attempt < kAttempts; ++attempt) {
    const PhiloxBlock bits =
        key.Bits(RandomUse::kErase, static_cast<uint8_t>(1 + box * kAttempts + attempt));
    const double share = rule.scale[0] + (rule.scale[1] - rule.scale[0]) * UnitInterval(bits[0]);
    const double target_area = share * area / boxes;
    const double ratio =
        PortableExp(log_ratio_low + (log_ratio_high - log_ratio_low) * UnitInterval(bits[1]));
    const int32_t height = RoundHalfEven(std::sqrt(target_area * ratio));
    const int32_t width = RoundHalfEven(std::sqrt(target_area / ratio));
    if (height >= size.height || width >= size.width) continue;
    // In small rows a side may be rounded to nothing. That counts as a box, of no pixels.
    if (height == 0 || width == 0) break;
    return {UniformBelow(bits[3], size.width - width + 1),
            UniformBelow(bits[2], size.height - height + 1), width, height};
  }
  return {};
}

/// How many numbers KeepNoise keeps of a box.
size_t NoiseOfBox(EraseMode mode, const Box& box) {
  const auto pixels = static_cast<size_t>(box.width) * static_cast<size_t>(box.height);
  return 3 * (mode == EraseMode::kPixel ? pixels : std::min(pixels, size_t{1}));
}

bool Holds(const Box& box, int32_t x, int32_t y) {
  return x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
}

/// A float32 as an element of rows.
template <class Element>
Element Rounded(float value, DType dtype);
template <>
float Rounded<float>(float value, DType /*dtype*/) {
  return value;
}
template <>
uint16_t Rounded<uint16_t>(float value, DType dtype) {
  return dtype == DType::kFloat16 ? Float16Bits(value) : BFloat16Bits(value);
}

/// Replaces the pixels of one box. `values_of(first, values)` gives those of the box from number
/// `first` on: one for each channel of each pixel.
template <class Element, class ValuesOf>
void EraseBox(const Box& box, Size size, const OutputFormat& format, Element* row,
              const ValuesOf& values_of) {
  // A part of a line at a time, so that the values stay in the nearest cache.
  constexpr size_t kMostPixels = 256;
  std::array<float, 3 * kMostPixels> values;
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const auto box_width = static_cast<size_t>(box.width);
  for (size_t line = 0; line < static_cast<size_t>(box.height); ++line) {
    const size_t y = static_cast<size_t>(box.y) + line;
    for (size_t begin = 0; begin < box_width; begin += kMostPixels) {
      const size_t pixels = std::min(kMostPixels, box_width - begin);
      const size_t x = static_cast<size_t>(box.x) + begin;
      values_of(3 * (line * box_width + begin), std::span(values).first(3 * pixels));
      for (size_t i = 0; i < pixels; ++i) {
        for (size_t c = 0; c < 3; ++c) {
          const size_t at = format.layout == Layout::kNHWC ? (y * width + x + i) * 3 + c
                                                           : (c * height + y) * width + x + i;
          row[at] = Rounded<Element>(values[3 * i + c], format.dtype);
        }
      }
    }
  }
}

template <class Element>
void EraseAll(const ErasingRule& rule, std::span<const Box> boxes, PhiloxKey noise, Size size,
              const OutputFormat& format, Element* row) {
  for (size_t number = 0; number < boxes.size(); ++number) {
    const auto number_bits = static_cast<uint32_t>(number);
    if (rule.mode == EraseMode::kPixel) {
      EraseBox(boxes[number], size, format, row, [&](size_t first, std::span<float> values) {
        FillNoise(noise, number_bits, first, values);
      });
      continue;
    }
    std::array<float, 3> colour = rule.value;
    if (rule.mode == EraseMode::kRand) FillNoise(noise, number_bits, 0, colour);
    EraseBox(boxes[number], size, format, row, [&](size_t, std::span<float> values) {
      for (size_t i = 0; i < values.size(); ++i) values[i] = colour[i % 3];
    });
  }
}

}  // namespace

Status ErasingRule::Validate() const {
  if (!(probability >= 0 && probability <= 1)) {
    return InvalidArgument("the probability of erasing must be 0 to 1, got " +
                           std::to_string(probability));
  }
  if (!IsBoundsOf(scale, 1)) {
    return InvalidArgument("scale of erasing must satisfy 0 < low <= high <= 1, got (" +
                           std::to_string(scale[0]) + ", " + std::to_string(scale[1]) + ")");
  }
  constexpr double kMostRatio = 1e6;
  if (!IsBoundsOf(ratio, kMostRatio) || ratio[0] < 1 / kMostRatio) {
    return InvalidArgument("ratio of erasing must satisfy 1e-6 <= low <= high <= 1e6, got (" +
                           std::to_string(ratio[0]) + ", " + std::to_string(ratio[1]) + ")");
  }
  for (const float channel : value) {
    if (!(std::abs(channel) <= kMostValue)) {
      return InvalidArgument("value of erasing must be within -65504 to 65504, got " +
                             std::to_string(channel));
    }
  }
  if (count < 1 || count > kMostBoxes) {
    return InvalidArgument("count of erasing must be 1 to " + std::to_string(kMostBoxes) +
                           ", got " + std::to_string(count));
  }
  return {};
}

void DrawErasedBoxes(const ErasingRule& rule, Size size, const AugmentKey& key,
                     std::span<Box> boxes) {
  std::ranges::fill(boxes, Box{});
  const PhiloxBlock bits = key.Bits(RandomUse::kErase, 0);
  if (UnitInterval(bits[0]) >= rule.probability) return;
  const int32_t drawn = 1 + UniformBelow(bits[1], rule.count);
  for (int32_t box = 0; box < drawn; ++box) {
    boxes[static_cast<size_t>(box)] = DrawBox(rule, size, drawn, box, key);
  }
}

PhiloxKey NoiseKey(const AugmentKey& key) {
  const PhiloxBlock bits = key.Bits(RandomUse::kNoise, 0);
  return {bits[0], bits[1]};
}

void FillNoise(PhiloxKey key, uint32_t box, size_t first, std::span<float> values) {
  constexpr size_t kWords = std::tuple_size_v<PhiloxBlock>;
  std::array<uint32_t, 256 * kWords> bits;
  size_t skipped = first % kWords;  // of the first block
  auto block = static_cast<uint32_t>(first / kWords);
  while (!values.empty()) {
    const size_t count = std::min(values.size(), bits.size() - skipped);
    for (size_t i = 0; i < skipped + count; i += kWords) {
      std::ranges::copy(Philox4x32(key, {block++, box, 0, 0}), &bits[i]);
    }
    StandardNormals(&bits[skipped], count, values.data());
    values = values.subspan(count);
    skipped = 0;
  }
}

void EraseBoxes(const ErasingRule& rule, std::span<const Box> boxes, PhiloxKey noise, Size size,
                const OutputFormat& format, MutableBytes row) {
  if (format.dtype == DType::kUint8) return;
  if (format.dtype == DType::kFloat32) {
    return EraseAll(rule, boxes, noise, size, format, reinterpret_cast<float*>(row.data()));
  }
  EraseAll(rule, boxes, noise, size, format, reinterpret_cast<uint16_t*>(row.data()));
}

void KeepNoise(const ErasingRule& rule, std::span<const Box> boxes, PhiloxKey key,
               std::vector<float>& noise) {
  size_t count = 0;
  if (rule.mode != EraseMode::kConst) {
    for (const Box& box : boxes) count += NoiseOfBox(rule.mode, box);
  }
  // Given back where there is none: of all rows of a slot together, only some need memory.
  if (count == 0) noise = {};
  noise.resize(count);
  std::span<float> rest = noise;
  for (uint32_t number = 0; !rest.empty(); ++number) {
    const size_t of_box = NoiseOfBox(rule.mode, boxes[number]);
    FillNoise(key, number, 0, rest.first(of_box));
    rest = rest.subspan(of_box);
  }
}

size_t MostErasedPixels(std::span<const Box> boxes) {
  size_t pixels = 0;
  for (const Box& box : boxes) {
    pixels += static_cast<size_t>(box.width) * static_cast<size_t>(box.height);
  }
  return pixels;
}

size_t ListErasedPixels(const ErasingRule& rule, std::span<const Box> boxes,
                        std::span<const float> noise, Size size, int64_t first_pixel,
                        PixelList out) {
  size_t listed = 0;
  for (; !boxes.empty(); boxes = boxes.subspan(1)) {
    const Box& box = boxes.front();
    const auto later = boxes.subspan(1);
    const float* value = rule.mode == EraseMode::kConst ? rule.value.data() : noise.data();
    const ptrdiff_t step = rule.mode == EraseMode::kPixel ? 3 : 0;
    for (int32_t y = box.y; y < box.y + box.height; ++y) {
      const int64_t line = first_pixel + int64_t{y} * size.width;
      const bool is_free = std::ranges::none_of(
          later, [&](const Box& other) { return y >= other.y && y < other.y + other.height; });
      for (int32_t x = box.x; x < box.x + box.width; ++x, value += step) {
        const auto replaces = [&](const Box& other) { return Holds(other, x, y); };
        if (!is_free && std::ranges::any_of(later, replaces)) continue;
        out.pixels[listed] = line + x;
        std::copy_n(value, 3, &out.values[3 * listed]);
        ++listed;
      }
    }
    if (rule.mode != EraseMode::kConst) noise = noise.subspan(NoiseOfBox(rule.mode, box));
  }
  return listed;
}

}  // namespace fastinet
