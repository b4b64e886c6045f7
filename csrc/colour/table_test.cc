// Tables of values against their definitions, and the histograms that some are made of.
#include "colour/table.h"

#include <algorithm>
#include <array>
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
  std::vector<uint8_t> values(3 * 1003);
  for (uint8_t& value : values) value = static_cast<uint8_t>(random());
  const RgbPlanes planes{values.data(), values.data() + 1003, values.data() + 2006, 1003};
  ColourTable table;
  table.Append(SolarizeTable(77));
  table.Append(1, PosterizeTable(3));
  const std::array<Histogram, 3> before = HistogramsOf(planes);
  table.Apply(planes);
  const std::array<Histogram, 3> after = HistogramsOf(planes);
  for (size_t c = 0; c < 3; ++c) CHECK(table.Mapped(c, before[c]) == after[c]);
}

TEST_CASE("histograms count every value of every channel, at any length") {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{1021}}) {
    std::array<std::vector<uint8_t>, 3> values;
    for (size_t c = 0; c < 3; ++c) {
      for (size_t i = 0; i < count; ++i) {
        values[c].push_back(static_cast<uint8_t>(i * (3 + 2 * c) / (c + 1)));
      }
    }
    const std::array<Histogram, 3> histograms =
        HistogramsOf({values[0].data(), values[1].data(), values[2].data(), count});
    for (size_t c = 0; c < 3; ++c) {
      for (size_t v = 0; v < 256; ++v) {
        const auto wanted = std::count(values[c].begin(), values[c].end(), v);
        CHECK(histograms[c][v] == static_cast<uint32_t>(wanted));
      }
    }
  }
}

TEST_CASE("what has one value is neither stretched nor equalised") {
  Histogram one{};
  for (const uint8_t value : {uint8_t{0}, uint8_t{100}, uint8_t{255}}) {
    one.fill(0);
    one[value] = 10'000;
    CHECK(AutoContrastTable({value, value})[value] == value);
    CHECK(EqualizeTable(one)[value] == value);
  }
  one.fill(0);  // no pixel at all
  CHECK(AutoContrastTable({255, 0})[9] == 9);
  CHECK(EqualizeTable(one)[9] == 9);
}

TEST_CASE("the extremes that occur become 0 and 255") {
  const ValueTable table = AutoContrastTable({50, 90});
  CHECK(table[50] == 0);
  CHECK(table[70] == 127);
  CHECK(table[90] == 255);
  CHECK(table[10] == 0);
  CHECK(table[200] == 255);
}

}  // namespace
}  // namespace fastinet
