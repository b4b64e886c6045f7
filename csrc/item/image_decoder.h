// One image of any supported format: what its header says, and regions of its pixels.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "item/item_bytes.h"

namespace fastinet {

enum class ImageFormat : uint8_t { kJpeg, kPng };

/// What a header tells about an image.
struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  Size size;               // as stored
  int32_t components = 0;  // 1 to 4; those that a palette gives, not its indices
  int32_t bits_per_sample = 8;
  bool progressive = false;  // or, of a PNG, interlaced
  bool arithmetic = false;   // arithmetic coding in place of Huffman's
  /// Sampling factors (horizontal, vertical) of each component (T.81 A.1.1); (1, 1) in a PNG.
  std::array<std::array<int32_t, 2>, 4> sampling{{{1, 1}, {1, 1}, {1, 1}, {1, 1}}};
  int32_t restart_interval = 0;  // [MCUs]; 0: none
  uint8_t exif_orientation = 0;  // 1..8, from Exif or else XMP; 0: not given
};

/// The ways from an image's bytes to a region of its pixels.
enum class Road : uint8_t {
  kCheckpoints,  // our JPEG decoder (RegionDecoder), starting where the region does
  kScan,         // our JPEG decoder, from the scan's start
  kTurbo,        // libjpeg-turbo: what our decoder does not take, and what it finds damaged
  kPng,          // libpng
};
inline constexpr size_t kRoads = 4;

/// What decoding did and cost, summed over regions; times in nanoseconds of wall clock. See
/// EngineStats for the way of the counters.
struct DecodeCounters {
  std::array<uint64_t, kRoads> regions{};    // by Road
  std::array<uint64_t, kRoads> fallbacks{};  // roads that were left for another
  uint64_t entropy_ns = 0;                   // our JPEG decoder: Huffman decoding
  uint64_t idct_ns = 0;                      // our JPEG decoder: inverse DCT
  uint64_t colour_ns = 0;                    // our JPEG decoder: upsampling and colour conversion
  uint64_t mcus_decoded = 0;
  uint64_t mcus_skipped = 0;
};

/// Whether the stages within decoding are timed, at a few clock readings for each row of MCUs.
enum class StageTimes : bool { kOff, kOn };

/// Decodes one image after another; keeps its decoders between them. Not thread-safe.
class ImageDecoder {
 public:
  explicit ImageDecoder(StageTimes times);
  ~ImageDecoder();
  ImageDecoder(ImageDecoder&&) noexcept;
  ImageDecoder& operator=(ImageDecoder&&) noexcept;

  /// Recognises the image in `data` by its content and reads its header; one that is gzip-wrapped
  /// is inflated, and is then like any other. Refuses images of more than `max_pixels`, and when
  /// they are decoded those of more than `max_scans`. `data` and `hints` must stay valid as long as
  /// regions are asked for.
  Status Open(ItemBytes& data, const ItemHints& hints, int64_t max_pixels, int32_t max_scans);

  /// Other limits for the image that is open; refuses it as Open does.
  Status SetLimits(int64_t max_pixels, int32_t max_scans);

  /// Of the image that is open.
  const ImageInfo& info() const;

  /// The IJG quality setting that the open image's tables come nearest to, 1..100; none for a PNG.
  /// Not part of `info`, since the search costs as much as reading the header.
  [[nodiscard]] std::optional<int> EstimateQuality() const;

  /// What decoding `region` of the open image takes by the road at hand, about [ns]: good enough to
  /// tell which of two ways to divide an image's regions is cheaper. Nothing for an empty region.
  [[nodiscard]] double EstimateCost(const Box& region) const;

  /// Decodes by the road that is at hand: hands the rows of `region` of the open image to `sink`,
  /// grey as 1 channel, all else as RGB.
  /// `region` is in stored pixels and must lie inside the image.
  ///
  /// On failure some rows may have been handed over. Then FallBack() tells whether there is another
  /// road to try, with a sink that begins anew; the last road's verdict counts.
  Status TryRoad(const Box& region, RowSink& sink);
  [[nodiscard]] bool FallBack();
  /// Takes the road again that Open() chose, so that what one region came upon does not matter to
  /// the next.
  void ReturnToFirstRoad();

  /// What was done and spent since construction.
  const DecodeCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
