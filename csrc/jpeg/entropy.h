// Huffman decoding of a sequential scan: bits in, quantised coefficients out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"
#include "jpeg/coefficients.h"
#include "jpeg/frame.h"
#include "jpeg/header.h"
#include "jpeg/huffman.h"

namespace fastinet {

/// A point between two MCUs of a scan, and all that decoding from there on needs to know.
struct ScanPoint {
  int64_t mcu = 0;  // index of the next MCU
  /// The next bit [bits from the file's start, stuffed bytes included]. Where a restart marker
  /// comes next, any bit from the end of the coded data to the end of the marker.
  uint64_t bit = 0;
  std::array<int32_t, 3> dc{};  // predictions, by component
  friend bool operator==(const ScanPoint&, const ScanPoint&) = default;
};

/// Decodes MCUs of one image after another.
///
/// Strict: whatever libjpeg-turbo would report as lost data, and anything that only its recovery
/// gives a meaning to (codes that are in no table, more than 63 AC coefficients, bytes before a
/// restart marker, filled-up FF bytes), is kCorrupt. What it decodes without complaint has the
/// coefficients that libjpeg-turbo gets.
class EntropyDecoder {
 public:
  /// Prepares for the image of `header`; HasSimpleFrame(header) must be true.
  Status Begin(const JpegHeader& header, const Frame& frame);

  /// Gives the bytes to read: a part of the file that starts `offset_bytes` into it. They must stay
  /// valid while the decoder is used.
  void SetData(Bytes bytes, uint64_t offset_bytes);

  /// Goes to `point`, whose next byte must lie in the bytes given.
  void Seek(const ScanPoint& point);

  /// Decodes `count` MCUs. The first one's blocks are number `column` * blocks_across in the rows
  /// of `buffer`.
  Status DecodeMcus(int32_t count, const CoefficientBuffer& buffer, int32_t column);

  /// Passes over `count` MCUs.
  Status SkipMcus(int32_t count);

  /// Where the next MCU starts.
  ScanPoint Tell() const;

  /// Decodes two parts of a scan at once, which is faster than one after the other: from each of
  /// `points` passes over `skip` MCUs and decodes the following `count` into the buffer of the same
  /// index. Leaves in `points` where each ended. The scan must have no restart intervals; the point
  /// of Seek and Tell is not touched.
  Status DecodeMcusInTurn(int32_t skip, int32_t count,
                          const std::array<CoefficientBuffer, 2>& buffers,
                          std::array<ScanPoint, 2>* points);

  /// What the kernels read and write.
  struct State {
    uint64_t window = 0;  // the next bits, first one highest; zeros where the data ends
    /// Bits of `window` that count; negative after more was used than there was.
    int32_t window_bits = 0;
    const uint8_t* next = nullptr;  // the first byte that no counted bit comes from
    const uint8_t* end = nullptr;
    std::array<int32_t, 3> dc{};
  };

  /// One block of an MCU.
  struct Block {
    const DcTable* dc = nullptr;
    const AcTable* ac = nullptr;
    const AcSkipTable* skip = nullptr;  // made when blocks are to be passed over
    uint8_t component = 0;
    uint8_t down = 0;           // row of blocks in the component's part of the MCU
    uint8_t across = 0;         // and column
    uint8_t blocks_across = 1;  // of the component in an MCU
  };

 private:
  Status DecodeIntervals(int32_t count, const CoefficientBuffer* buffer, int32_t column);
  Status PassRestartMarker();
  void PrepareToSkip();
  State StateAt(const ScanPoint& point) const;
  ScanPoint PointOf(const State& state, int64_t mcu) const;
  const uint8_t* NextUnreadByte(const State& state, uint32_t* bit) const;

  State state_;
  std::array<Block, 10> blocks_;  // of an MCU
  size_t block_count_ = 0;
  int32_t restart_interval_ = 0;  // [MCUs]; 0: none
  int64_t mcu_ = 0;
  Bytes bytes_;
  uint64_t offset_bytes_ = 0;         // of bytes_ in the file
  std::array<DcTable, 3> dc_tables_;  // by component
  std::array<AcTable, 3> ac_tables_;
  std::array<HuffmanSpec, 3> ac_specs_;  // of those that are in use
  std::array<AcSkipTable, 3> skip_tables_;
  bool can_skip_ = false;  // whether they are made
};

}  // namespace fastinet
