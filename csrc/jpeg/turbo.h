// libjpeg-turbo as a decoder of regions, for the JPEGs that the decoder of our own does not take.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"

namespace fastinet {

/// Decodes with libjpeg-turbo; keeps its buffers, and nothing else, between images. Not
/// thread-safe.
class TurboDecoder {
 public:
  TurboDecoder();
  ~TurboDecoder();
  TurboDecoder(TurboDecoder&&) noexcept;
  TurboDecoder& operator=(TurboDecoder&&) noexcept;

  /// Decodes `region` of `jpeg` and hands its rows to `sink`: grey as 1 channel, all else as RGB.
  ///
  /// Pixels equal those of a full decode with the accurate integer IDCT and fancy upsampling, bit
  /// for bit. Rows below the region are not decoded, columns beside it are not transformed. CMYK
  /// and YCCK become RGB by Pillow's rule. `region` must lie inside the image. Each scan costs a
  /// pass over all coefficients, so that a small file of many could ask for hours: kTooLarge where
  /// there are more than `max_scans`. Real ones have at most a few dozen.
  Status DecodeRegion(Bytes jpeg, const Box& region, RowSink& sink,
                      int32_t max_scans = kDefaultMaxScans);

  static constexpr int32_t kDefaultMaxScans = 1000;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastinet
