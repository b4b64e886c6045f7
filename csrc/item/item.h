// From an item's bytes to one batch row: the only place where decoding, cropping and resizing meet.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "crop/crop.h"
#include "resample/output.h"
#include "resample/resampler.h"

namespace fastinet {

/// How every item of a dataset becomes rows.
struct ItemSpec {
  Transform transform;
  Interpolation interpolation = Interpolation::kBilinear;
  OutputFormat format;
  int64_t max_pixels = kDefaultMaxPixels;  // of an image; larger ones are refused unread

  /// Twice Pillow's decompression-bomb limit of 1024^3 / 12 pixels, where Pillow too refuses.
  static constexpr int64_t kDefaultMaxPixels = 178'956'970;
};

/// What a header tells about an image.
struct ImageInfo {
  Size size;
};

/// Wall time that one thread spent in each stage [nanoseconds], and what it did.
struct ItemCounters {
  uint64_t header_ns = 0;
  uint64_t decode_ns = 0;
  uint64_t render_ns = 0;
  uint64_t items = 0;
};

/// Turns items into rows, one after another; keeps decoders and buffers between them. One per
/// thread. The same arguments give the same row, whatever was rendered before.
class ItemRenderer {
 public:
  ItemRenderer();
  ~ItemRenderer();
  ItemRenderer(ItemRenderer&&) noexcept;
  ItemRenderer& operator=(ItemRenderer&&) noexcept;

  /// Size of the image in `data`, checked against `max_pixels`.
  Result<ImageInfo> ReadInfo(Bytes data, int64_t max_pixels);

  /// Renders `crop` of the image in `data` into `row` (format.RowBytes(crop.output()) bytes).
  /// On failure `row` is unspecified.
  Status Render(Bytes data, const Crop& crop, Interpolation interpolation,
                const OutputFormat& format, int64_t max_pixels, MutableBytes row);

  /// Draws the crop that `spec.transform` gives for `key` and renders it. `crop` tells which.
  Status RenderItem(Bytes data, const ItemSpec& spec, const AugmentKey& key, MutableBytes row,
                    Crop* crop);

  /// What was spent since construction.
  const ItemCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
