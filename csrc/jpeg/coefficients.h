// The quantised coefficients of one MCU row, laid out for a vectorised inverse DCT.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "jpeg/frame.h"

namespace fastinet {

/// Blocks that lie beside each other share a group: row r of the group holds row r of its first
/// block, then of its second, and so on, so that vectors of 8, 16 or 32 lanes load 1, 2 or 4
/// blocks' rows at once.
inline constexpr int32_t kBlocksPerGroup = 4;
inline constexpr int32_t kGroupRowLength = 8 * kBlocksPerGroup;  // [coefficients]
inline constexpr int32_t kGroupLength = 64 * kBlocksPerGroup;    // [coefficients]

/// One row of blocks of one component.
struct BlockRow {
  int16_t* coefficients = nullptr;  // groups from left to right
  int32_t groups = 0;
  /// For each block the zig-zag index of its last coefficient that may differ from 0.
  uint8_t* last = nullptr;

  /// Sets the coefficients of groups first..end - 1 to 0.
  void Clear(int32_t first, int32_t end) const;
};

/// Memory for the blocks of up to a row of MCUs. Kept between images.
class CoefficientBuffer {
 public:
  /// Makes room for `mcus` MCUs of `frame`.
  void Shape(const Frame& frame, int32_t mcus);

  /// Sets the coefficients to 0, as the entropy decoder, which stores the others only, expects it.
  /// InverseDct leaves them so.
  void Clear();

  /// Row `down` of component `c`'s blocks in each MCU.
  const BlockRow& row(size_t c, size_t down) const { return rows_[c][down]; }

 private:
  std::vector<int16_t> storage_;
  std::vector<uint8_t> last_;
  std::array<std::array<BlockRow, 4>, 3> rows_;
  size_t used_ = 0;  // [coefficients]
};

}  // namespace fastinet
