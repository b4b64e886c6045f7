// Antialiased resize with Pillow's arithmetic, from decoded rows straight to a batch row.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "resample/border.h"
#include "resample/filter.h"
#include "resample/output.h"

namespace fastinet {

/// Which pass comes first. It matters to the last bit, since pixels are rounded between them.
enum class PassOrder : uint8_t {
  kPillow13,         // the cheaper one first, as Pillow does since 13.0
  kHorizontalFirst,  // always the horizontal one: Pillow before 13.0
};

/// Everything about one resize but the pixels. See Crop (crop/crop.h) for `resized` and `window`.
struct ResizeSpec {
  Size box;            // of the input: the crop box
  Size resized;        // what the box becomes
  Box window;          // the part of it that is wanted
  Border border{};     // what the window has beyond the resized box
  bool flip = false;   // mirrors the window left to right,
  bool vflip = false;  // and turns it upside down
  Interpolation interpolation = Interpolation::kBilinear;
  PassOrder order = PassOrder::kPillow13;
};

/// Resizes one region after another; keeps its buffers between them. Not thread-safe.
///
///     resampler.Begin(spec, format, row);         // row: RowBytes(window size), caller-owned
///     decoder.DecodeRegion(resampler.region(), resampler);   // feeds OnRows
///     resampler.Finish();
///
/// Bit-equal to Pillow's `crop(box).resize(resized).crop(window)`: fixed-point weights of 22 bits,
/// rounding to uint8 after either pass (libImaging/Resample.c). Borders and flips take no pass of
/// their own: columns come out of the horizontal pass where they belong, in as many places as they
/// show in, and lines are stored so.
class Resampler final : public RowSink {
 public:
  Resampler();
  ~Resampler() override;
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  /// Prepares for a region. `row` must stay valid until Finish and hold format.RowBytes(window).
  Status Begin(const ResizeSpec& spec, const OutputFormat& format, MutableBytes row);

  /// The part of the box that the window depends on, relative to the box: what the decoder must
  /// deliver, no more and no less. Empty when the window shows nothing but the border's colour.
  Box region() const;

  Status OnRows(const RowBand& band) override;

  /// Checks that every row came and that `row` is complete.
  Status Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
