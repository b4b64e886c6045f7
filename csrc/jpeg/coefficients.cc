#include "jpeg/coefficients.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"

namespace fastinet {
namespace {

constexpr size_t kAlignment = 64;  // [bytes]: the widest vector, a cache line

}  // namespace

void BlockRow::Clear(int32_t first, int32_t end) const {
  std::fill_n(coefficients + ptrdiff_t{first} * kGroupLength,
              (ptrdiff_t{end} - first) * kGroupLength, int16_t{0});
}

void CoefficientBuffer::Shape(const Frame& frame, int32_t mcus) {
  // Frames are at most 65500 pixels wide and MCUs at most 10 blocks: nothing here overflows.
  const auto groups_in = [&](const ComponentPlane& plane) {
    return static_cast<size_t>(CeilDiv(mcus * plane.blocks_across, kBlocksPerGroup));
  };
  size_t groups = 0;
  for (size_t c = 0; c < static_cast<size_t>(frame.component_count); ++c) {
    groups += groups_in(frame.planes[c]) * static_cast<size_t>(frame.planes[c].blocks_down);
  }
  used_ = groups * kGroupLength;
  // Each by its own size: memory may run out between the two, and the buffer is used again.
  const size_t elements = used_ + kAlignment / sizeof(int16_t);
  if (storage_.size() < elements) storage_.resize(elements);
  if (last_.size() < groups * kBlocksPerGroup) last_.resize(groups * kBlocksPerGroup);
  const auto address = reinterpret_cast<uintptr_t>(storage_.data());
  const size_t unaligned = (-address % kAlignment) / sizeof(int16_t);
  int16_t* coefficients = storage_.data() + unaligned;
  uint8_t* last = last_.data();
  for (size_t c = 0; c < static_cast<size_t>(frame.component_count); ++c) {
    const size_t across = groups_in(frame.planes[c]);
    for (size_t down = 0; down < static_cast<size_t>(frame.planes[c].blocks_down); ++down) {
      rows_[c][down] = {coefficients, static_cast<int32_t>(across), last};
      coefficients += across * kGroupLength;
      last += across * kBlocksPerGroup;
    }
  }
}

void CoefficientBuffer::Clear() {
  std::memset(rows_[0][0].coefficients, 0, used_ * sizeof(int16_t));
  std::memset(rows_[0][0].last, 0, used_ / 64);
}

}  // namespace fastinet
