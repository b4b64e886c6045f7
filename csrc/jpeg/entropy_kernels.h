// The hot loops of the entropy decoder, chosen by the CPU at run time.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "jpeg/coefficients.h"
#include "jpeg/entropy.h"

namespace fastinet {

enum class [[nodiscard]] EntropyFault : uint8_t {
  kNone,
  kBadCode,              // bits that are no code of the table
  kTooManyCoefficients,  // a run that leaves the block
  kOutOfData,            // the data, or a marker in it, ended before the MCUs did
};

/// Columns first..end - 1 of a CoefficientBuffer, in MCUs.
struct McuRange {
  int32_t first = 0;
  int32_t end = 0;
};

/// Decodes the blocks of MCUs of one restart interval into `buffer`; `blocks` are those of each
/// MCU, in the order of the scan. The buffer may be null: then they are passed over,
/// by their skip tables.
EntropyFault DecodeBlocks(EntropyDecoder::State& state,
                          std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                          const CoefficientBuffer* buffer);

/// Decodes the blocks of the same MCUs of two streams, a block of each in turn, so that one
/// stream's waiting time is the other's working time. The buffers may both be null.
EntropyFault DecodeBlocksInTurn(std::array<EntropyDecoder::State, 2>& states,
                                std::span<const EntropyDecoder::Block> blocks, McuRange mcus,
                                const std::array<const CoefficientBuffer*, 2>& buffers);

}  // namespace fastinet
