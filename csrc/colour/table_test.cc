// Tables of values against their definitions, and the histograms that some are made of.
#include "colour/table.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("tables have what their operations say") {
  for (int32_t v = 0; v < 256; ++v) {
    const auto i = static_cast<size_t>(v);
    CHECK(InvertTable()[i] == 255 - v);
    CHECK(SolarizeTable(99.5)[i] == (v <= 99 ? v : 255 - v));
    CHECK(SolarizeTable(0)[i] == 255 - v);
    CHECK(SolarizeAddTable(200, 128)[i] == (v < 128 ? std::min(v + 200, 255) : v));
    CHECK(SolarizeAddTable(-20, 128)[i] == (v < 128 ? std::max(v - 20, 0) : v));
    CHECK(PosterizeTable(0)[i] == 0);
    CHECK(PosterizeTable(3)[i] == v / 32 * 32);
    CHECK(PosterizeTable(8)[i] == v);
    CHECK(BlendTable(100, 0.5f)[i] == (100 + v) / 2);
  }
}

TEST_CASE("tables follow one another as the operations would") {
  ColourTable table;
  CHECK(table.is_identity());
  table.Append(PosterizeTable(2));
  table.Append(1, InvertTable());
  CHECK(!table.is_identity());
  std::vector<uint8_t> red(300), green, blue;
  for (size_t i = 0; i < red.size(); ++i) red[i] = static_cast<uint8_t>(i);
  green = blue = red;
  table.Apply({red.data(), green.data(), blue.data(), red.size()});
  for (size_t i = 0; i < red.size(); ++i) {
    const auto posterized = static_cast<uint8_t>(static_cast<uint8_t>(i) / 64 * 64);
    CHECK(red[i] == posterized);
    CHECK(green[i] == 255 - posterized);
    CHECK(blue[i] == posterized);
  }
  table.Clear();
  CHECK(table.is_identity());
}

TEST_CASE("a histogram behind a table is that of the values it gives") {
  std::mt19937 random(3);
  std::vector<uint8_t> values(1003);
  for (uint8_t& value : values) value = static_cast<uint8_t>(random());
  ColourTable table;
  table.Append(SolarizeTable(77));
  const Histogram mapped = table.Mapped(2, HistogramOf(values.data(), values.size()));
  std::vector<uint8_t> unused = values, mapped_values = values;
  table.Apply({unused.data(), unused.data(), mapped_values.data(), values.size()});
  CHECK(mapped == HistogramOf(mapped_values.data(), mapped_values.size()));
}

TEST_CASE("a histogram counts every value, at any length") {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{3}, size_t{4}, size_t{1021}}) {
    std::vector<uint8_t> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<uint8_t>(i * 7);
    const Histogram histogram = HistogramOf(values.data(), count);
    for (size_t v = 0; v < 256; ++v) {
      CHECK(histogram[v] == static_cast<uint32_t>(std::count(values.begin(), values.end(), v)));
    }
  }
}

TEST_CASE("what has one value is neither stretched nor equalised") {
  Histogram one{};
  for (const size_t value : {size_t{0}, size_t{100}, size_t{255}}) {
    one.fill(0);
    one[value] = 10'000;
    CHECK(AutoContrastTable(one)[value] == value);
    CHECK(EqualizeTable(one)[value] == value);
  }
  one.fill(0);  // no pixel at all
  CHECK(AutoContrastTable(one)[9] == 9);
  CHECK(EqualizeTable(one)[9] == 9);
}

TEST_CASE("the extremes that occur become 0 and 255") {
  Histogram histogram{};
  histogram[50] = histogram[70] = 1;
  histogram[90] = 1000;
  const ValueTable table = AutoContrastTable(histogram);
  CHECK(table[50] == 0);
  CHECK(table[70] == 127);
  CHECK(table[90] == 255);
  CHECK(table[10] == 0);
  CHECK(table[200] == 255);
}

}  // namespace
}  // namespace fastinet
