#include "jpeg/entropy.h"

#include <algorithm>
#include <span>

#include "jpeg/entropy_kernels.h"

namespace fastinet {
namespace {

int64_t OffsetOf(const ScanPoint& point) { return static_cast<int64_t>(point.bit / 8); }

Status FaultAt(EntropyFault fault, const ScanPoint& point) {
  switch (fault) {
    case EntropyFault::kNone:
      return {};
    case EntropyFault::kBadCode:
      return Corrupt("the scan has bits that are no Huffman code").AtOffset(OffsetOf(point));
    case EntropyFault::kTooManyCoefficients:
      return Corrupt("the scan has a block with too many coefficients").AtOffset(OffsetOf(point));
    case EntropyFault::kOutOfData:
      return Corrupt("the scan ends too early").AtOffset(OffsetOf(point));
  }
  return {};
}

}  // namespace

Status EntropyDecoder::Begin(const JpegHeader& header, const Frame& frame) {
  // Components mostly share tables; a table is built once.
  const auto components = static_cast<size_t>(frame.component_count);
  const JpegScan& scan = header.scan;
  std::array<size_t, 3> dc_of{0, 1, 2};
  std::array<size_t, 3> ac_of{0, 1, 2};
  for (size_t c = 0; c < components; ++c) {
    for (size_t before = c; before-- > 0;) {
      if (scan.dc_table[before] == scan.dc_table[c]) dc_of[c] = before;
      if (scan.ac_table[before] == scan.ac_table[c]) ac_of[c] = before;
    }
    if (dc_of[c] == c) {
      const HuffmanSpec& spec = header.dc_huffman[scan.dc_table[c]];
      if (Status status = dc_tables_[c].Build(spec); !status.ok()) {
        return std::move(status).AtOffset(header.scan_offset_bytes);
      }
    }
    if (ac_of[c] == c) {
      const HuffmanSpec& spec = header.ac_huffman[scan.ac_table[c]];
      if (Status status = ac_tables_[c].Build(spec); !status.ok()) {
        return std::move(status).AtOffset(header.scan_offset_bytes);
      }
      ac_specs_[c] = spec;
    }
  }
  can_skip_ = false;
  block_count_ = 0;
  for (size_t c = 0; c < components; ++c) {
    const ComponentPlane& plane = frame.planes[c];
    for (int32_t down = 0; down < plane.blocks_down; ++down) {
      for (int32_t across = 0; across < plane.blocks_across; ++across) {
        blocks_[block_count_++] = {.dc = &dc_tables_[dc_of[c]],
                                   .ac = &ac_tables_[ac_of[c]],
                                   .skip = &skip_tables_[ac_of[c]],
                                   .component = static_cast<uint8_t>(c),
                                   .down = static_cast<uint8_t>(down),
                                   .across = static_cast<uint8_t>(across),
                                   .blocks_across = static_cast<uint8_t>(plane.blocks_across)};
      }
    }
  }
  restart_interval_ = header.restart_interval;
  return {};
}

void EntropyDecoder::SetData(Bytes bytes, uint64_t offset_bytes) {
  bytes_ = bytes;
  offset_bytes_ = offset_bytes;
}

void EntropyDecoder::Seek(const ScanPoint& point) {
  mcu_ = point.mcu;
  state_ = StateAt(point);
}

EntropyDecoder::State EntropyDecoder::StateAt(const ScanPoint& point) const {
  State state;
  state.dc = point.dc;
  state.next = bytes_.data() + (point.bit / 8 - offset_bytes_);
  state.end = bytes_.data() + bytes_.size();
  const auto used = static_cast<int32_t>(point.bit % 8);
  if (used == 0 || state.next >= state.end) return state;
  const uint64_t byte = *state.next++;
  if (byte == 0xFF && state.next < state.end) ++state.next;  // the stuffed 00
  state.window = byte << (56 + used);
  state.window_bits = 8 - used;
  return state;
}

Status EntropyDecoder::DecodeMcus(int32_t count, const CoefficientBuffer& buffer, int32_t column) {
  return DecodeIntervals(count, &buffer, column);
}

Status EntropyDecoder::SkipMcus(int32_t count) {
  if (count > 0) PrepareToSkip();
  return DecodeIntervals(count, nullptr, 0);
}

/// Makes the skip tables, unless they are made: many images need none.
void EntropyDecoder::PrepareToSkip() {
  if (can_skip_) return;
  for (size_t i = 0; i < block_count_; ++i) {
    const auto table = static_cast<size_t>(blocks_[i].ac - ac_tables_.data());
    if (i > 0 && blocks_[i].ac == blocks_[i - 1].ac) continue;
    skip_tables_[table].Build(ac_specs_[table]);
  }
  can_skip_ = true;
}

/// Decodes `count` MCUs restart interval by restart interval; passes over them where `buffer` is
/// null.
Status EntropyDecoder::DecodeIntervals(int32_t count, const CoefficientBuffer* buffer,
                                       int32_t column) {
  const auto blocks = std::span(blocks_).first(block_count_);
  while (count > 0) {
    int32_t now = count;
    if (restart_interval_ > 0) {
      const auto done = static_cast<int32_t>(mcu_ % restart_interval_);
      if (done == 0 && mcu_ > 0) FASTINET_RETURN_IF_ERROR(PassRestartMarker());
      now = std::min(now, restart_interval_ - done);
    }
    const EntropyFault fault = DecodeBlocks(state_, blocks, {column, column + now}, buffer);
    if (fault != EntropyFault::kNone) return FaultAt(fault, Tell());
    mcu_ += now;
    column += now;
    count -= now;
  }
  return {};
}

Status EntropyDecoder::DecodeMcusInTurn(int32_t skip, int32_t count,
                                        const std::array<CoefficientBuffer, 2>& buffers,
                                        std::array<ScanPoint, 2>* points) {
  const auto blocks = std::span(blocks_).first(block_count_);
  std::array<State, 2> states = {StateAt((*points)[0]), StateAt((*points)[1])};
  if (skip > 0) PrepareToSkip();
  EntropyFault fault = DecodeBlocksInTurn(states, blocks, {0, skip}, {nullptr, nullptr});
  if (fault == EntropyFault::kNone) {
    fault = DecodeBlocksInTurn(states, blocks, {0, count}, {buffers.data(), &buffers[1]});
  }
  for (size_t i = 0; i < states.size(); ++i) {
    (*points)[i] = PointOf(states[i], (*points)[i].mcu + skip + count);
  }
  return FaultAt(fault, (*points)[0]);
}

/// Expects the next restart marker (T.81 F.2.1.3.1) right after the bits that pad the last byte.
Status EntropyDecoder::PassRestartMarker() {
  uint32_t bit = 0;
  const uint8_t* p = NextUnreadByte(state_, &bit);
  if (bit > 0) p += *p == 0xFF ? 2 : 1;
  const auto number = static_cast<uint32_t>(mcu_ / restart_interval_ - 1) % 8;
  const uint8_t* const marker = p;
  while (p < state_.end && *p == 0xFF) ++p;
  if (p == marker || p >= state_.end || *p != 0xD0 + number) {
    return Corrupt("the scan lacks a restart marker").AtOffset(OffsetOf(Tell()));
  }
  state_.next = p + 1;
  state_.window = 0;
  state_.window_bits = 0;
  state_.dc = {};
  return {};
}

/// The byte that holds the next unread bit, and which of its bits that is.
const uint8_t* EntropyDecoder::NextUnreadByte(const State& state, uint32_t* bit) const {
  const uint8_t* p = state.next;
  const auto bits = static_cast<uint32_t>(std::max(state.window_bits, 0));
  for (uint32_t i = 0; i < (bits + 7) / 8; ++i) {
    --p;
    if (p > bytes_.data() && *p == 0 && p[-1] == 0xFF) --p;
  }
  *bit = -bits % 8;
  return p;
}

ScanPoint EntropyDecoder::Tell() const { return PointOf(state_, mcu_); }

ScanPoint EntropyDecoder::PointOf(const State& state, int64_t mcu) const {
  uint32_t bit = 0;
  const uint8_t* p = NextUnreadByte(state, &bit);
  return {.mcu = mcu,
          .bit = (offset_bytes_ + static_cast<uint64_t>(p - bytes_.data())) * 8 + bit,
          .dc = state.dc};
}

}  // namespace fastinet
