#include "jpeg/smoothing.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

namespace fastinet {
namespace {

/// Weights of the mean values (DC) of a block and of the 24 around it.
using Window = std::array<std::array<int32_t, 5>, 5>;

constexpr Window Transposed(const Window& window) {
  Window result{};
  for (size_t y = 0; y < 5; ++y) {
    for (size_t x = 0; x < 5; ++x) result[x][y] = window[y][x];
  }
  return result;
}

// In 256ths. Where no AC coefficient of the component is known, nine of them and the mean itself
// are estimated, with a kernel like a Gaussian's; where some are known, five, by a rule like that
// in section K.8 of ITU-T T.81, but of 5 x 5 blocks. Those of coefficient (v, u) are those of
// (u, v), transposed. (jdcoefct.c)
constexpr Window kMean{{{-2, -6, -8, -6, -2},
                        {-6, 6, 42, 6, -6},
                        {-8, 42, 152, 42, -8},
                        {-6, 6, 42, 6, -6},
                        {-2, -6, -8, -6, -2}}};
constexpr Window kAc01{{{-1, -1, 0, 1, 1},
                        {-3, 13, 0, -13, 3},
                        {-3, 38, 0, -38, 3},
                        {-3, 13, 0, -13, 3},
                        {-1, -1, 0, 1, 1}}};
constexpr Window kAc02{{{}, {0, 2, -5, 2, 0}, {1, 7, -14, 7, 1}, {0, 2, -5, 2, 0}, {}}};
constexpr Window kAc11{
    {{-1, 0, 0, 0, 1}, {0, 9, 0, -9, 0}, {}, {0, -9, 0, 9, 0}, {1, 0, 0, 0, -1}}};
constexpr Window kAc03{{{}, {0, 1, 0, -1, 0}, {0, 2, 0, -2, 0}, {0, 1, 0, -1, 0}, {}}};
constexpr Window kAc12{{{}, {0, 1, -3, 1, 0}, {}, {0, -1, 3, -1, 0}, {}}};

constexpr Window kAc01BesideAc{{{}, {}, {-7, 50, 0, -50, 7}, {}, {}}};
constexpr Window kAc02BesideAc{{{}, {}, {-1, 13, -24, 13, -1}, {}, {}}};
constexpr Window kAc11BesideAc{
    {{0, -1, 0, 1, 0}, {-1, 10, 0, -10, 1}, {}, {1, -10, 0, 10, -1}, {0, 1, 0, -1, 0}}};

/// How one coefficient is estimated.
struct Estimate {
  size_t place;  // in a block, row by row
  Window alone;  // the weights where no AC coefficient is known
  Window beside_ac;
};

/// In zigzag order, from the first AC coefficient on; the last four only where none is known.
constexpr std::array<Estimate, 9> kEstimates{{{1, kAc01, kAc01BesideAc},
                                              {8, Transposed(kAc01), Transposed(kAc01BesideAc)},
                                              {16, Transposed(kAc02), Transposed(kAc02BesideAc)},
                                              {9, kAc11, kAc11BesideAc},
                                              {2, kAc02, kAc02BesideAc},
                                              {3, kAc03, {}},
                                              {10, kAc12, {}},
                                              {17, Transposed(kAc12), {}},
                                              {24, Transposed(kAc03), {}}}};
constexpr size_t kEstimatesBesideAc = 5;

/// The mean values of a component's blocks before any was changed.
struct Means {
  std::vector<int16_t> values;  // [rows, columns], those of unseen blocks below the image too
  JDIMENSION rows = 0;
  JDIMENSION columns = 0;

  int32_t at(JDIMENSION row, JDIMENSION column) const {
    return values[size_t{row} * columns + column];
  }
};

/// Which rows of blocks lie two above, one above, at, one below and two below one.
using Neighbours = std::array<JDIMENSION, 5>;

/// Those of block row `down` of MCU row `mcu_row`, by libjpeg-turbo's rules for the edges: they
/// count rows as if all MCU rows had as many as this one, of which the last may have fewer.
Neighbours RowsAround(JDIMENSION mcu_row, JDIMENSION down, JDIMENSION mcu_rows, JDIMENSION across,
                      JDIMENSION seen) {
  const JDIMENSION row = mcu_row * across + down;
  const JDIMENSION counted = mcu_row * seen + down;
  const JDIMENSION counted_rows = mcu_rows * seen;
  Neighbours rows{row, row, row, row, row};
  if (counted > 0) rows[0] = rows[1] = row - 1;
  if (counted > 1) rows[0] = row - 2;
  if (counted + 1 < counted_rows) rows[3] = rows[4] = row + 1;
  if (counted + 2 < counted_rows) rows[4] = row + 2;
  return rows;
}

Neighbours ColumnsAround(JDIMENSION column, JDIMENSION columns) {
  const JDIMENSION last = columns - 1;
  return {column - std::min<JDIMENSION>(column, 2), column - std::min<JDIMENSION>(column, 1),
          column, std::min(column + 1, last), std::min(column + 2, last)};
}

int64_t Weigh(const Window& weights, const std::array<std::array<int32_t, 5>, 5>& means) {
  int64_t sum = 0;
  for (size_t y = 0; y < 5; ++y) {
    for (size_t x = 0; x < 5; ++x) sum += int64_t{weights[y][x]} * means[y][x];
  }
  return sum;
}

/// `numerator` / (256 `step`), rounded; where all but the last `low_bits` bits of the coefficient
/// are known to be zero (low_bits > 0), no more than these can say.
JCOEF Estimated(int64_t numerator, int64_t step, int low_bits) {
  const int64_t size = numerator < 0 ? -numerator : numerator;
  auto estimate = static_cast<int32_t>((step * 128 + size) / (step * 256));
  if (low_bits > 0 && estimate >= 1 << low_bits) estimate = (1 << low_bits) - 1;
  return static_cast<JCOEF>(numerator < 0 ? -estimate : estimate);
}

bool KnowsNoAc(const int* known_bits) {
  return std::all_of(known_bits + 1, known_bits + 1 + kEstimates.size(),
                     [](int bits) { return bits == -1; });
}

/// Fills in what is not known of one block. `known_bits`: of each coefficient in zigzag order, how
/// many low bits are missing; -1: nothing is known.
void SmoothBlock(const std::array<std::array<int32_t, 5>, 5>& means, const JQUANT_TBL& steps,
                 const int* known_bits, JCOEF* block) {
  const bool alone = KnowsNoAc(known_bits);
  const int64_t mean_step = steps.quantval[0];
  const size_t count = alone ? kEstimates.size() : kEstimatesBesideAc;
  for (size_t i = 0; i < count; ++i) {
    const Estimate& estimate = kEstimates[i];
    const int bits = known_bits[i + 1];
    if (bits == 0 || block[estimate.place] != 0) continue;
    const Window& weights = alone ? estimate.alone : estimate.beside_ac;
    block[estimate.place] =
        Estimated(mean_step * Weigh(weights, means), steps.quantval[estimate.place], bits);
  }
  if (alone) block[0] = Estimated(mean_step * Weigh(kMean, means), mean_step, 0);
}

/// Smooths one component in its coefficient array. Leaves by longjmp where that cannot be had.
void SmoothComponent(jpeg_decompress_struct* decompressor, jvirt_barray_ptr array, int index,
                     Means* means) {
  auto* const common = reinterpret_cast<j_common_ptr>(decompressor);
  const jpeg_component_info& component = decompressor->comp_info[index];
  for (JDIMENSION row = 0; row < means->rows; ++row) {
    JBLOCKARRAY blocks = decompressor->mem->access_virt_barray(common, array, row, 1, FALSE);
    for (JDIMENSION column = 0; column < means->columns; ++column) {
      means->values[size_t{row} * means->columns + column] = blocks[0][column][0];
    }
  }
  const auto across = static_cast<JDIMENSION>(component.v_samp_factor);
  const JDIMENSION mcu_rows = decompressor->total_iMCU_rows;
  for (JDIMENSION row = 0; row < component.height_in_blocks; ++row) {
    const JDIMENSION mcu_row = row / across;
    const JDIMENSION seen =
        mcu_row + 1 < mcu_rows ? across : component.height_in_blocks - mcu_row * across;
    const Neighbours rows = RowsAround(mcu_row, row % across, mcu_rows, across, seen);
    JBLOCKARRAY blocks = decompressor->mem->access_virt_barray(common, array, row, 1, TRUE);
    for (JDIMENSION column = 0; column < means->columns; ++column) {
      const Neighbours columns = ColumnsAround(column, means->columns);
      std::array<std::array<int32_t, 5>, 5> around;
      for (size_t y = 0; y < 5; ++y) {
        for (size_t x = 0; x < 5; ++x) around[y][x] = means->at(rows[y], columns[x]);
      }
      SmoothBlock(around, *component.quant_table, decompressor->coef_bits[index],
                  blocks[0][column]);
    }
  }
}

[[nodiscard]] bool ReadCoefficients(TurboSession* session, jvirt_barray_ptr** arrays) {
  if (setjmp(session->errors.on_error) != 0) return false;
  *arrays = jpeg_read_coefficients(&session->decompressor);
  return true;
}

[[nodiscard]] bool SmoothCoefficients(TurboSession* session, jvirt_barray_ptr* arrays,
                                      std::array<Means, MAX_COMPONENTS>* means) {
  if (setjmp(session->errors.on_error) != 0) return false;
  for (int i = 0; i < session->decompressor.num_components; ++i) {
    SmoothComponent(&session->decompressor, arrays[i], i, &(*means)[static_cast<size_t>(i)]);
  }
  return true;
}

/// A compressor that writes into a vector. Plain data.
struct Writer {
  jpeg_compress_struct compressor;
  TurboErrors errors;
  jpeg_destination_mgr destination;
  std::vector<uint8_t>* bytes;
  std::array<jpeg_scan_info, MAX_COMPONENTS> scans;
};

// libjpeg hands its own part back, which a pointer to the whole has to be made of.
static_assert(std::is_standard_layout_v<Writer> && offsetof(Writer, compressor) == 0);

constexpr size_t kFirstBytes = size_t{64} << 10;

/// Makes `bytes` longer and goes on writing behind `filled` of them.
void Grow(j_compress_ptr compressor, size_t filled, size_t size) {
  auto* const writer = reinterpret_cast<Writer*>(compressor);
  bool grown = true;
  try {
    writer->bytes->resize(size);
  } catch (const std::bad_alloc&) {
    grown = false;
  }
  if (!grown) ERREXIT1(compressor, JERR_OUT_OF_MEMORY, 0);
  writer->destination.next_output_byte = writer->bytes->data() + filled;
  writer->destination.free_in_buffer = size - filled;
}

class WriterEnd {
 public:
  explicit WriterEnd(Writer* writer) : writer_(writer) { writer_->compressor = {}; }
  WriterEnd(const WriterEnd&) = delete;
  WriterEnd& operator=(const WriterEnd&) = delete;
  ~WriterEnd() { jpeg_destroy_compress(&writer_->compressor); }

 private:
  Writer* writer_;
};

/// Writes the coefficients without loss, sequentially, each component in a scan of its own: that
/// holds for all samplings, which one scan for all does not (an MCU has ten blocks at most).
[[nodiscard]] bool WriteCoefficients(Writer* writer, jpeg_decompress_struct* decompressor,
                                     jvirt_barray_ptr* arrays) {
  jpeg_compress_struct* compressor = &writer->compressor;
  writer->errors.Watch(reinterpret_cast<j_common_ptr>(compressor));
  if (setjmp(writer->errors.on_error) != 0) return false;
  jpeg_create_compress(compressor);
  writer->destination = {};
  writer->destination.init_destination = [](j_compress_ptr common) {
    Grow(common, 0, kFirstBytes);
  };
  writer->destination.empty_output_buffer = [](j_compress_ptr common) -> boolean {
    const size_t filled = reinterpret_cast<Writer*>(common)->bytes->size();
    Grow(common, filled, 2 * filled);
    return TRUE;
  };
  writer->destination.term_destination = [](j_compress_ptr common) {
    auto* const ending = reinterpret_cast<Writer*>(common);
    ending->bytes->resize(ending->bytes->size() - ending->destination.free_in_buffer);
  };
  compressor->dest = &writer->destination;
  jpeg_copy_critical_parameters(decompressor, compressor);
  compressor->optimize_coding = TRUE;  // the standard tables lack codes
  writer->scans = {};
  for (int i = 0; i < compressor->num_components; ++i) {
    jpeg_scan_info& scan = writer->scans[static_cast<size_t>(i)];
    scan.comps_in_scan = 1;
    scan.component_index[0] = i;
    scan.Se = DCTSIZE2 - 1;
  }
  compressor->scan_info = writer->scans.data();
  compressor->num_scans = compressor->num_components;
  jpeg_write_coefficients(compressor, arrays);
  jpeg_finish_compress(compressor);
  return true;
}

}  // namespace

bool IsSmoothed(const jpeg_decompress_struct& decompressor) {
  if (!decompressor.progressive_mode || decompressor.coef_bits == nullptr) return false;
  bool useful = false;
  for (int c = 0; c < decompressor.num_components; ++c) {
    const JQUANT_TBL* steps = decompressor.comp_info[c].quant_table;
    const int* known_bits = decompressor.coef_bits[c];
    if (steps == nullptr || steps->quantval[0] == 0 || known_bits[0] < 0) return false;
    for (size_t i = 0; i < kEstimates.size(); ++i) {
      if (steps->quantval[kEstimates[i].place] == 0) return false;
      useful = useful || known_bits[i + 1] != 0;
    }
  }
  return useful;
}

Status WriteSmoothed(Bytes jpeg, std::vector<uint8_t>* smoothed) {
  TurboSession session;
  const TurboSessionEnd session_end(&session);
  jvirt_barray_ptr* arrays = nullptr;
  // Its scans have been counted by whoever found that it is to be smoothed.
  constexpr int32_t kAnyScans = std::numeric_limits<int32_t>::max();
  if (!OpenSession(&session, jpeg, kAnyScans) || !ReadCoefficients(&session, &arrays)) {
    return session.errors.ToStatus();
  }
  std::array<Means, MAX_COMPONENTS> means;
  for (int c = 0; c < session.decompressor.num_components; ++c) {
    const jpeg_component_info& component = session.decompressor.comp_info[c];
    Means& of_component = means[static_cast<size_t>(c)];
    of_component.rows =
        session.decompressor.total_iMCU_rows * static_cast<JDIMENSION>(component.v_samp_factor);
    of_component.columns = component.width_in_blocks;
    of_component.values.resize(size_t{of_component.rows} * of_component.columns);
  }
  if (!SmoothCoefficients(&session, arrays, &means)) return session.errors.ToStatus();
  Writer writer;
  writer.bytes = smoothed;
  const WriterEnd writer_end(&writer);
  if (WriteCoefficients(&writer, &session.decompressor, arrays)) return {};
  // Coefficients of sound images can be written. What cannot be is too large for 8-bit samples.
  return writer.errors.ToStatus();
}

}  // namespace fastinet
