#include "resample/resampler.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "resample/axis_passes.h"
#include "resample/kernels.h"

namespace fastinet {
namespace {

using Planes = std::array<uint8_t*, 3>;

/// Whether Pillow 13 resizes the columns first: when that shrinks the image, and saves more rows
/// than twice the columns that the other order would save. Found by comparing Pillow 13.0's
/// results with both orders over thousands of random sizes (tests/pixels/test_rows.py repeats it).
bool ColumnsFirst(const ResizeSpec& spec) {
  if (spec.order == PassOrder::kHorizontalFirst) return false;
  const int64_t rows_saved = int64_t{spec.box.height} - spec.resized.height;
  const int64_t columns_saved = int64_t{spec.box.width} - spec.resized.width;
  return rows_saved > 0 && rows_saved > 2 * columns_saved;
}

Box Intersection(const Box& a, const Box& b) {
  const int32_t left = std::max(a.x, b.x), right = std::min(a.x + a.width, b.x + b.width);
  const int32_t top = std::max(a.y, b.y), bottom = std::min(a.y + a.height, b.y + b.height);
  if (left >= right || top >= bottom) return {};
  return {left, top, right - left, bottom - top};
}

}  // namespace

/// The roads of a band:
///
///   same size:      band -> line -> batch row
///   rows first:     band -> horizontal pass -> vertical pass's ring -> line -> batch row
///   columns first:  band -> vertical pass's ring -> line, 16 of them -> horizontal pass -> batch
///   row
struct Resampler::State {
  OutputFormat format;
  MutableBytes row;
  Box window;              // of the resized box
  Box region;              // of the box: what the window depends on
  bool same_size = false;  // nothing to resize
  bool flip = false;       // used where nothing is resized; else the weights mirror
  bool columns_first = false;
  AxisWeights horizontal_weights, vertical_weights;
  HorizontalPass horizontal;
  VerticalPass vertical;
  int32_t channels = 0;  // of the region, known with its first band; 0 before
  int32_t rows_received = 0;
  int32_t lines_stored = 0;

  PaddedBuffer line;  // the planes of one line
  PaddedBuffer
      waiting;  // columns first: lines of the vertical pass that wait for the horizontal one
  int32_t lines_waiting = 0;
  RowBand waiting_band;  // describes `waiting`
  PaddedBuffer resized;  // columns first: up to 16 lines, planar

  Status Begin(const ResizeSpec& spec, const OutputFormat& output_format, MutableBytes out);
  void PrepareFor(const RowBand& band);
  void TakeSameSize(const RowBand& band, int32_t row_of_band);
  bool TryStoreInPlace(const RowBand& band, int32_t row_of_band);
  void TakeRowsFirst(const RowBand& band, int32_t first, int32_t count);
  void TakeColumnsFirst(const RowBand& band, int32_t first, int32_t count);
  void ResampleWaitingLines();
  void StoreNextLine(const Planes& planes);
  void StoreBlackLine();

  int32_t lines() const { return window.height; }
  size_t width() const { return static_cast<size_t>(window.width); }
  Planes LinePlanes() {
    return {line.data(), line.data() + padded_width(), line.data() + 2 * padded_width()};
  }
  size_t padded_width() const { return width() + kPaddingBytes; }
  /// Runs of bytes that make up a row: one for interleaved pixels.
  static int32_t PlanesOf(const RowBand& band) {
    return band.pixel_stride == 1 ? band.channels : 1;
  }
  static size_t PlaneBytes(const RowBand& band) {
    return static_cast<size_t>(band.width) * static_cast<size_t>(band.pixel_stride);
  }
};

Status Resampler::State::Begin(const ResizeSpec& spec, const OutputFormat& output_format,
                               MutableBytes out) {
  const auto row_bytes = output_format.RowBytes({spec.window.width, spec.window.height});
  if (!row_bytes || out.size() != *row_bytes) {
    return {StatusCode::kInternal, "a batch row does not have the size of its output"};
  }
  format = output_format;
  row = out;
  window = spec.window;
  flip = spec.flip;
  channels = 0;
  rows_received = 0;
  lines_stored = 0;
  lines_waiting = 0;
  line.Reserve(3 * padded_width());
  same_size = spec.resized == spec.box;
  if (same_size) {
    region = Intersection(window, {0, 0, spec.box.width, spec.box.height});
    return {};
  }
  columns_first = ColumnsFirst(spec);
  FASTINET_RETURN_IF_ERROR(horizontal_weights.Compute(
      {spec.box.width, spec.resized.width, spec.window.x, spec.window.width, spec.flip},
      spec.interpolation));
  FASTINET_RETURN_IF_ERROR(vertical_weights.Compute(
      {spec.box.height, spec.resized.height, spec.window.y, spec.window.height, false},
      spec.interpolation));
  region = {};
  if (horizontal_weights.region_size() > 0 && vertical_weights.region_size() > 0) {
    region = {horizontal_weights.region_start(), vertical_weights.region_start(),
              horizontal_weights.region_size(), vertical_weights.region_size()};
  }
  return {};
}

void Resampler::State::PrepareFor(const RowBand& band) {
  channels = band.channels;
  if (same_size) return;
  horizontal.Prepare(horizontal_weights, channels);
  if (!columns_first) {
    vertical.Prepare(vertical_weights, channels, width());
    return;
  }
  const auto planes = static_cast<size_t>(PlanesOf(band));
  const size_t plane_stride = PlaneBytes(band) + kPaddingBytes;
  vertical.Prepare(vertical_weights, PlanesOf(band), PlaneBytes(band));
  waiting.Reserve(kStripRows * planes * plane_stride);
  resized.Reserve(size_t{kStripRows} * 3 * padded_width());
  waiting_band = band;
  waiting_band.row_stride = static_cast<ptrdiff_t>(planes * plane_stride);
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    waiting_band.plane[c] = waiting.data() + (planes == 1 ? c : c * plane_stride);
  }
}

/// Stores a planar row without copying it first, where the batch row takes pixels as they are. The
/// other formats read whole vectors, and a band has no padding.
bool Resampler::State::TryStoreInPlace(const RowBand& band, int32_t row_of_band) {
  const bool is_whole = region.x == window.x && region.width == window.width;
  if (band.pixel_stride != 1 || flip || !is_whole || format.dtype != DType::kUint8) return false;
  const ptrdiff_t offset = row_of_band * band.row_stride;
  PlanarRow planar{{}, width()};
  for (size_t c = 0; c < 3; ++c) planar.plane[c] = band.plane[channels == 1 ? 0 : c] + offset;
  StoreLine(planar, static_cast<size_t>(lines_stored), static_cast<size_t>(lines()), format,
            row.data());
  ++lines_stored;
  return true;
}

/// Copies a row of `band` to where the window has it; what it has beyond the box is black.
void Resampler::State::TakeSameSize(const RowBand& band, int32_t row_of_band) {
  while (lines_stored < region.y - window.y) StoreBlackLine();
  if (TryStoreInPlace(band, row_of_band)) return;
  const Planes planes = LinePlanes();
  const auto left = static_cast<size_t>(region.x - window.x);
  const auto copied = static_cast<size_t>(region.width);
  const ptrdiff_t offset = row_of_band * band.row_stride;
  if (copied < width()) std::memset(line.data(), 0, 3 * padded_width());
  if (band.pixel_stride == 3) {
    const Planes starts{planes[0] + left, planes[1] + left, planes[2] + left};
    Deinterleave(band.plane[0] + offset, copied, starts.data());
  } else {
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      std::memcpy(planes[c] + left, band.plane[c] + offset, copied);
    }
  }
  if (flip) {
    for (uint8_t* plane : planes) std::reverse(plane, plane + width());
  }
  StoreNextLine(planes);
}

void Resampler::State::TakeRowsFirst(const RowBand& band, int32_t first, int32_t count) {
  std::array<HorizontalPass::Rows, 3> rows{};
  for (int32_t c = 0; c < channels; ++c) {
    for (int32_t i = 0; i < kStripRows; ++i) {
      rows[static_cast<size_t>(c)][static_cast<size_t>(i)] =
          vertical.RowPlane(vertical.rows_arrived() + i, c);
    }
  }
  horizontal.Resample(band, first, count, rows);
  vertical.RowsArrived(count);
  const Planes planes = LinePlanes();
  while (vertical.NextLineIsReady()) {
    vertical.ResampleNextLine(planes.data());
    StoreNextLine(planes);
  }
}

void Resampler::State::TakeColumnsFirst(const RowBand& band, int32_t first, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    const ptrdiff_t offset = (first + i) * band.row_stride;
    for (int32_t plane = 0; plane < PlanesOf(band); ++plane) {
      std::memcpy(vertical.RowPlane(vertical.rows_arrived() + i, plane),
                  band.plane[static_cast<size_t>(plane)] + offset, PlaneBytes(band));
    }
  }
  vertical.RowsArrived(count);
  while (vertical.NextLineIsReady()) {
    Planes planes{};
    const size_t plane_stride = PlaneBytes(band) + kPaddingBytes;
    for (size_t plane = 0; plane < static_cast<size_t>(PlanesOf(band)); ++plane) {
      planes[plane] =
          waiting.data() + lines_waiting * waiting_band.row_stride + plane * plane_stride;
    }
    vertical.ResampleNextLine(planes.data());
    if (++lines_waiting == kStripRows) ResampleWaitingLines();
  }
  if (vertical.next_line() == lines()) ResampleWaitingLines();
}

void Resampler::State::ResampleWaitingLines() {
  if (lines_waiting == 0) return;
  std::array<HorizontalPass::Rows, 3> rows{};
  const auto plane_of = [&](int32_t i, int32_t c) {
    return resized.data() + static_cast<size_t>(i * 3 + c) * padded_width();
  };
  for (int32_t c = 0; c < channels; ++c) {
    for (int32_t i = 0; i < kStripRows; ++i) {
      rows[static_cast<size_t>(c)][static_cast<size_t>(i)] = plane_of(i, c);
    }
  }
  horizontal.Resample(waiting_band, 0, lines_waiting, rows);
  for (int32_t i = 0; i < lines_waiting; ++i) {
    StoreNextLine({plane_of(i, 0), plane_of(i, 1), plane_of(i, 2)});
  }
  lines_waiting = 0;
}

void Resampler::State::StoreNextLine(const Planes& planes) {
  const bool grey = channels == 1;
  StoreLine({{planes[0], planes[grey ? 0 : 1], planes[grey ? 0 : 2]}, width()},
            static_cast<size_t>(lines_stored), static_cast<size_t>(lines()), format, row.data());
  ++lines_stored;
}

/// A line that lies beyond the resized box.
void Resampler::State::StoreBlackLine() {
  std::memset(line.data(), 0, 3 * padded_width());
  StoreNextLine(LinePlanes());
}

Resampler::Resampler() : state_(std::make_unique<State>()) {}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

Status Resampler::Begin(const ResizeSpec& spec, const OutputFormat& format, MutableBytes row) {
  return state_->Begin(spec, format, row);
}

Box Resampler::region() const { return state_->region; }

Status Resampler::OnRows(const RowBand& band) {
  State& state = *state_;
  if (state.channels == 0) state.PrepareFor(band);
  if (band.channels != state.channels || band.width != state.region.width || band.rows < 1 ||
      band.rows > state.region.height - state.rows_received) {
    return {StatusCode::kInternal, "a decoder delivered rows that nobody asked for"};
  }
  state.rows_received += band.rows;
  if (state.same_size) {
    for (int32_t row = 0; row < band.rows; ++row) state.TakeSameSize(band, row);
    return {};
  }
  for (int32_t first = 0; first < band.rows; first += kStripRows) {
    const int32_t count = std::min(kStripRows, band.rows - first);
    if (state.columns_first) {
      state.TakeColumnsFirst(band, first, count);
    } else {
      state.TakeRowsFirst(band, first, count);
    }
  }
  return {};
}

Status Resampler::Finish() {
  State& state = *state_;
  if (state.rows_received != state.region.height) {
    return {StatusCode::kInternal, "a decoder delivered fewer rows than the region has"};
  }
  while (state.lines_stored < state.lines()) state.StoreBlackLine();
  return {};
}

}  // namespace fastinet
