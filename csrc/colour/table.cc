#include "colour/table.h"

#include <algorithm>

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

ValueTable AutoContrastTable(const Histogram& histogram) {
  const size_t high = Highest(histogram);
  size_t low = 0;
  while (low < high && histogram[low] == 0) ++low;
  if (low == high) return Identity();
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = -static_cast<double>(low) * scale;
  // Truncated towards zero, as Python's int() does it; the bounds keep the conversion defined.
  return TableOf([&](int32_t v) {
    return static_cast<int32_t>(std::clamp(static_cast<double>(v) * scale + offset, -1.0, 256.0));
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
  ValueTable table;
  uint64_t below = step / 2;
  for (size_t v = 0; v < table.size(); ++v) {
    table[v] = static_cast<uint8_t>(std::min<uint64_t>(below / step, 255));
    below += histogram[v];
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

Histogram HistogramOf(const uint8_t* values, size_t count) {
  // Four tables, since equal neighbours would wait for one another in one.
  std::array<Histogram, 4> parts{};
  size_t x = 0;
  for (; x + 4 <= count; x += 4) {
    for (size_t part = 0; part < parts.size(); ++part) ++parts[part][values[x + part]];
  }
  for (; x < count; ++x) ++parts[0][values[x]];
  for (size_t v = 0; v < parts[0].size(); ++v) {
    parts[0][v] += parts[1][v] + parts[2][v] + parts[3][v];
  }
  return parts[0];
}

}  // namespace fastinet
