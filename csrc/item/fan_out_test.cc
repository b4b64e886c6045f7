// Sinks that share a region's rows: each gets what a decoder of its part alone would deliver.
#include "item/fan_out.h"

#include <array>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

constexpr Size kRegion{23, 41};

/// Keeps pixels as they come.
class Collector final : public RowSink {
 public:
  Status OnRows(const RowBand& band) override {
    for (int32_t y = 0; y < band.rows; ++y) {
      for (int32_t x = 0; x < band.width; ++x) {
        for (size_t c = 0; c < static_cast<size_t>(band.channels); ++c) {
          pixels.push_back(band.plane[c][y * band.row_stride + x * band.pixel_stride]);
        }
      }
    }
    ++bands;
    return status;
  }

  std::vector<uint8_t> pixels;
  int bands = 0;
  Status status;
};

/// A value that tells pixel and channel apart from its neighbours.
uint8_t ValueAt(int32_t x, int32_t y, int32_t c) {
  return static_cast<uint8_t>(x * 7 + y * 31 + c * 101);
}

/// Delivers the region in bands of 16 rows: planes, interleaved, or one channel.
Status Deliver(RowSink& sink, int32_t channels, bool planar) {
  const ptrdiff_t pixel_stride = planar ? 1 : channels;
  const ptrdiff_t row_stride = 40 * pixel_stride;
  std::vector<uint8_t> memory(static_cast<size_t>(3 * 16 * 40));
  for (int32_t top = 0; top < kRegion.height; top += 16) {
    RowBand band{.row_stride = row_stride,
                 .pixel_stride = pixel_stride,
                 .channels = channels,
                 .width = kRegion.width,
                 .rows = std::min(16, kRegion.height - top)};
    for (int32_t c = 0; c < channels; ++c) {
      uint8_t* const plane = memory.data() + (planar ? ptrdiff_t{c} * 16 * row_stride : c);
      band.plane[static_cast<size_t>(c)] = plane;
      for (int32_t y = 0; y < band.rows; ++y) {
        for (int32_t x = 0; x < kRegion.width; ++x) {
          plane[y * row_stride + x * pixel_stride] = ValueAt(x, top + y, c);
        }
      }
    }
    FASTINET_RETURN_IF_ERROR(sink.OnRows(band));
  }
  return {};
}

TEST_CASE("each sink gets its part of the rows") {
  const std::array<Box, 6> boxes = {Box{0, 0, 23, 41}, Box{5, 3, 9, 30},  Box{22, 40, 1, 1},
                                    Box{1, 16, 4, 16}, Box{0, 15, 23, 2}, Box{3, 0, 2, 1}};
  for (const int32_t channels : {1, 3}) {
    for (const bool planar : {false, true}) {
      std::array<Collector, boxes.size()> collectors;
      std::vector<FanOutSink::Part> parts;
      parts.reserve(boxes.size());
      for (size_t i = 0; i < boxes.size(); ++i) parts.push_back({boxes[i], &collectors[i]});
      FanOutSink sink(parts);
      REQUIRE(Deliver(sink, channels, planar).ok());
      for (size_t i = 0; i < boxes.size(); ++i) {
        std::vector<uint8_t> expected;
        for (int32_t y = boxes[i].y; y < boxes[i].y + boxes[i].height; ++y) {
          for (int32_t x = boxes[i].x; x < boxes[i].x + boxes[i].width; ++x) {
            for (int32_t c = 0; c < channels; ++c) expected.push_back(ValueAt(x, y, c));
          }
        }
        CAPTURE(i);
        CHECK(collectors[i].pixels == expected);
      }
      CHECK_EQ(collectors[0].bands, 3);
      CHECK_EQ(collectors[2].bands, 1);  // no sink hears of bands that are not its own
    }
  }
}

TEST_CASE("a sink that fails ends it") {
  Collector failing, sound;
  failing.status = Corrupt("enough");
  const std::array<FanOutSink::Part, 2> parts = {FanOutSink::Part{{0, 20, 4, 4}, &failing},
                                                 {{0, 0, 23, 41}, &sound}};
  FanOutSink sink(parts);
  CHECK(Deliver(sink, 3, true).code() == StatusCode::kCorrupt);
  CHECK_EQ(sound.bands, 1);
}

}  // namespace
}  // namespace fastinet
