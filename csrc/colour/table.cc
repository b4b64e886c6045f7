#include "colour/table.h"

#include <algorithm>
#include <cstring>

#include "base/fused.h"
#include "colour/look_up.h"

namespace fastinet {
namespace {

template <class Map>
ValueTable TableOf(Map map) {
  ValueTable table;
  for (size_t v = 0; v < table.size(); ++v) {
    table[v] = static_cast<uint8_t>(std::clamp(map(static_cast<int32_t>(v)), 0, 255));
  }
  return table;
}

/// What becomes of each value in float, clipped and cut off.
template <class Map>
ValueTable TensorTableOf(Map map) {
  return TableOf([&](int32_t v) {
    return static_cast<int32_t>(std::clamp(map(static_cast<float>(v)), 0.0f, 255.0f));
  });
}

ValueTable Identity() {
  return TableOf([](int32_t v) { return v; });
}

/// The highest value that occurs; 0 where there is none.
size_t Highest(const Histogram& histogram) {
  size_t v = histogram.size() - 1;
  while (v > 0 && histogram[v] == 0) --v;
  return v;
}

}  // namespace

ValueTable InvertTable() {
  return TableOf([](int32_t v) { return 255 - v; });
}

ValueTable SolarizeTable(double threshold) {
  return TableOf([&](int32_t v) { return v < threshold ? v : 255 - v; });
}

ValueTable SolarizeAddTable(int32_t addition, int32_t threshold) {
  addition = std::clamp(addition, -255, 255);
  return TableOf([&](int32_t v) { return v < threshold ? v + addition : v; });
}

ValueTable PosterizeTable(int32_t bits) {
  const int32_t mask = 0xFF << (8 - std::clamp(bits, 0, 8));
  return TableOf([&](int32_t v) { return v & mask; });
}

ValueTable BlendTable(uint8_t background, float factor) {
  ValueTable table = Identity();
  BlendWithValue(table.data(), table.size(), background, factor);
  return table;
}

ValueTable AutoContrastTable(const Extremes& extremes) {
  const auto [low, high] = extremes;
  if (low >= high) return Identity();
  const double scale = 255.0 / (high - low);
  const double offset = -static_cast<double>(low) * scale;
  // Truncated towards zero, as Python's int() does it; the bounds keep the conversion defined.
  return TableOf([&](int32_t v) {
    return static_cast<int32_t>(std::clamp(static_cast<double>(v) * scale + offset, -1.0, 256.0));
  });
}

ValueTable TensorContrastTable(float mean, double factor, TransformsVersion version) {
  const auto share = static_cast<float>(factor), rest = static_cast<float>(1.0 - factor);
  return TensorTableOf([&](float v) {
    const float part = share * v;
    return version == TransformsVersion::k1 ? part + rest * mean : FusedMulAdd(mean, rest, part);
  });
}

ValueTable TensorAutoContrastTable(const Extremes& extremes, TransformsVersion version) {
  if (extremes.least >= extremes.greatest) return Identity();
  const auto low = static_cast<float>(extremes.least);
  const float range = static_cast<float>(extremes.greatest) - low;
  // torch divides a number by a tensor by way of the tensor's reciprocal.
  const float scale = 1.0f / range * 255.0f, part = range * static_cast<float>(1.0 / 255.0);
  return TensorTableOf([&](float v) {
    return version == TransformsVersion::k1 ? (v - low) * scale : (v - low) / part;
  });
}

ValueTable EqualizeTable(const Histogram& histogram) {
  uint64_t count = 0;
  size_t levels = 0;
  for (const uint32_t pixels : histogram) {
    count += pixels;
    levels += pixels > 0 ? 1 : 0;
  }
  if (levels <= 1) return Identity();
  const uint64_t step = (count - histogram[Highest(histogram)]) / 255;
  if (step == 0) return Identity();
  // Whole numbers below 2^53 are divided in double, several at a time: a quotient that is not whole
  // is too far from the next whole number to be rounded to it.
  std::array<double, 256> below;
  uint64_t sum = step / 2;
  for (size_t v = 0; v < below.size(); ++v) {
    below[v] = static_cast<double>(sum);
    sum += histogram[v];
  }
  ValueTable table;
  for (size_t v = 0; v < table.size(); ++v) {
    table[v] = static_cast<uint8_t>(std::min(below[v] / static_cast<double>(step), 255.0));
  }
  return table;
}

void ColourTable::Clear() {
  tables_.fill(Identity());
  identity_ = true;
}

void ColourTable::Append(size_t channel, const ValueTable& next) {
  for (uint8_t& value : tables_[channel]) value = next[value];
  identity_ = false;
}

void ColourTable::Append(const ValueTable& next) {
  for (size_t channel = 0; channel < tables_.size(); ++channel) Append(channel, next);
}

Histogram ColourTable::Mapped(size_t channel, const Histogram& histogram) const {
  Histogram mapped{};
  for (size_t v = 0; v < histogram.size(); ++v) mapped[tables_[channel][v]] += histogram[v];
  return mapped;
}

void ColourTable::Apply(const RgbPlanes& planes) const {
  if (identity_) return;
  LookUp(planes.red, planes.pixels, tables_[0].data());
  LookUp(planes.green, planes.pixels, tables_[1].data());
  LookUp(planes.blue, planes.pixels, tables_[2].data());
}

std::array<Histogram, 3> HistogramsOf(const RgbPlanes& planes) {
  // Several tables of each channel, and the channels in turn, since equal neighbours would wait for
  // one another.
  constexpr size_t kParts = 4, kRead = sizeof(uint64_t);
  std::array<std::array<Histogram, 3>, kParts> parts{};
  const std::array<const uint8_t*, 3> channels = {planes.red, planes.green, planes.blue};
  size_t x = 0;
  for (; x + kRead <= planes.pixels; x += kRead) {
    std::array<uint64_t, 3> values{};  // that a register holds, in whatever order
    for (size_t c = 0; c < 3; ++c) std::memcpy(&values[c], channels[c] + x, kRead);
    for (size_t i = 0; i < kRead; ++i) {
      for (size_t c = 0; c < 3; ++c) ++parts[i % kParts][c][(values[c] >> (8 * i)) & 0xFF];
    }
  }
  for (; x < planes.pixels; ++x) {
    for (size_t c = 0; c < 3; ++c) ++parts[0][c][channels[c][x]];
  }
  for (size_t part = 1; part < kParts; ++part) {
    for (size_t c = 0; c < 3; ++c) {
      for (size_t v = 0; v < 256; ++v) parts[0][c][v] += parts[part][c][v];
    }
  }
  return parts[0];
}

}  // namespace fastinet
