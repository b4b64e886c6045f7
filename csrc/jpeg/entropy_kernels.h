// The hot loops of the entropy decoder, chosen by the CPU at run time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jpeg/coefficients.h"
#include "jpeg/entropy.h"

namespace fastinet {

enum class EntropyFault : uint8_t {
  kNone,
  kBadCode,              // bits that are no code of the table
  kTooManyCoefficients,  // a run that leaves the block
  kOutOfData,            // the data, or a marker in it, ended before the MCUs did
};

/// Decodes `count` MCUs of one restart interval. `buffer` may be null: then the coefficients are
/// passed over.
EntropyFault DecodeMcus(EntropyDecoder::State& state, const EntropyDecoder::Block* blocks,
                        size_t block_count, int32_t count, const CoefficientBuffer* buffer,
                        int32_t column);

}  // namespace fastinet
