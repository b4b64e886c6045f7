// The JPEG decoder of our own: regions of sequential JPEGs, at a cost that follows the region.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/image.h"
#include "base/status.h"
#include "jpeg/checkpoints.h"
#include "jpeg/coefficients.h"
#include "jpeg/entropy.h"
#include "jpeg/frame.h"
#include "jpeg/header.h"
#include "jpeg/idct.h"

namespace fastinet {

/// What decoding cost, summed over images.
struct DecodeStats {
  bool measure_time = false;  // whether to fill in the times, at a few clock readings an MCU row
  uint64_t entropy_ns = 0;
  uint64_t idct_ns = 0;
  uint64_t colour_ns = 0;  // upsampling, colour conversion
  uint64_t images = 0;
  uint64_t mcus_decoded = 0;
  uint64_t mcus_skipped = 0;         // passed over on the way to the region
  uint64_t checkpoints_refused = 0;  // images whose checkpoints do not fit the scan
};

/// A part of a JPEG's bytes.
struct JpegSlice {
  Bytes bytes;
  uint64_t offset_bytes = 0;  // of the part's first byte in the file
};

/// A range of a JPEG's bytes, [begin, end).
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// The part of a file of `jpeg_bytes` bytes that RegionDecoder::DecodeRegion needs for `region`,
/// beside what the header says. Without checkpoints (null) that is everything from the scan on.
ByteRange BytesForRegion(const JpegHeader& header, uint64_t jpeg_bytes, const Box& region,
                         const Checkpoints* checkpoints);

/// Decodes regions of one image after another; keeps its buffers between them. Not thread-safe.
class RegionDecoder {
 public:
  /// Whether this decoder takes the file. All else goes to libjpeg-turbo (turbo.h).
  static bool Accepts(const JpegHeader& header) { return HasSimpleFrame(header); }

  /// Decodes `region`, which must lie inside the image, and hands its rows to `sink`: planar grey
  /// or RGB, in bands of RowSink::kBandRows rows.
  ///
  /// Every pixel equals that of a full decode by libjpeg-turbo with the accurate integer DCT and
  /// fancy upsampling. `jpeg` must hold BytesForRegion(...); `checkpoints` may be null and must
  /// otherwise have been made for or parsed with this header.
  ///
  /// Where the checkpoints do not fit the scan, and nothing was handed over yet, decoding starts
  /// again without them, if `jpeg` reaches back to the scan's start. Either way it is counted.
  ///
  /// Fails with kCorrupt where the data that the region needs is damaged, and also where
  /// libjpeg-turbo could give it a meaning by its rules of recovery: a caller that wants that
  /// verdict asks TurboDecoder, which has the last word. Rows may have been handed over before.
  Status DecodeRegion(const JpegHeader& header, const JpegSlice& jpeg, const Box& region,
                      const Checkpoints* checkpoints, RowSink& sink, DecodeStats* stats = nullptr);

 private:
  /// Divides time among stages that follow each other, when asked to: one reading for the end of
  /// one and the start of the next.
  class StageClock {
   public:
    explicit StageClock(bool enabled) : enabled_(enabled) { EndStage(nullptr); }

    /// Adds the time since the last call to a counter; to none where it is null.
    void EndStage(uint64_t* nanoseconds) {
      if (!enabled_) return;
      const auto now = Clock::now();
      if (nanoseconds != nullptr) *nanoseconds += Nanoseconds(now - last_);
      last_ = now;
    }

   private:
    bool enabled_;
    Clock::time_point last_;
  };

  /// The last rows of a component's samples: row y at index y % rows.
  struct SampleRing {
    std::vector<uint8_t> storage;
    uint8_t* origin = nullptr;  // sample `first_column` of row 0
    ptrdiff_t stride = 0;
    int32_t row_mask = 0;
    int32_t first_column = 0;
    DequantizationSteps steps;

    uint8_t* at(int32_t row, int32_t column) const {
      return origin + (row & row_mask) * stride + (column - first_column);
    }
  };

  Status Prepare(const JpegHeader& header, const JpegSlice& jpeg, const Box& region);
  Status DecodeMcuRows(const Checkpoints* checkpoints, RowSink& sink);
  Status VerifyCheckpoints(const Checkpoints& checkpoints) const;
  Status CheckReach(const ScanPoint& point) const;
  Status VerifyArrival(const Checkpoints& checkpoints, const ScanPoint& point) const;
  int64_t FirstMcu(int32_t mcu_row) const;
  Status GoTo(int64_t mcu, const Checkpoints* checkpoints);
  [[nodiscard]] bool FindRestart(int64_t mcu);
  Status DecodeMcuRow(int32_t mcu_row, const Checkpoints* checkpoints);
  bool HasTwin(int32_t mcu_row, const Checkpoints* checkpoints) const;
  Status DecodeTwoMcuRows(int32_t mcu_row, const Checkpoints& checkpoints);
  void TransformMcuRow(int32_t mcu_row, const CoefficientBuffer& coefficients);
  void RepeatEdges(size_t c, int32_t row);
  Status EmitBand(int32_t rows, RowSink& sink, StageClock& clock);
  void ConvertRow(int32_t y, const std::array<uint8_t*, 3>& out);
  const uint8_t* UpsampledRow(size_t c, int32_t y);

  // Of the image at hand.
  Frame frame_;
  RegionExtent extent_;
  Box region_;
  JpegColour colour_ = JpegColour::kUnknown;
  int32_t restart_interval_ = 0;
  uint64_t scan_start_bit_ = 0;
  JpegSlice jpeg_;
  std::optional<ScanPoint> position_;  // of the entropy decoder; nothing before its first row
  ScanPoint restart_;                  // the last restart marker found, or the scan's start
  int32_t next_row_ = 0;               // of the image, to be handed over next
  DecodeStats* stats_ = nullptr;

  // Kept between images.
  EntropyDecoder entropy_;
  std::array<CoefficientBuffer, 2> coefficients_;  // of two MCU rows
  std::array<SampleRing, 3> rings_;
  std::array<std::vector<uint8_t>, 3> upsampled_;  // one row each
  std::vector<uint8_t> band_;
  uint8_t* band_rows_ = nullptr;  // in band_: 3 planes of kBandRows rows
  ptrdiff_t band_stride_ = 0;
};

}  // namespace fastinet
