#include "resample/resampler.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

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
  Size resized_size;
  Box window;              // of the resized box
  Border border;           // beyond it
  PixelRun shown;          // the lines of the resized box that show in the window
  Box region;              // of the box: what the window depends on
  bool same_size = false;  // nothing to resize
  bool flip = false;       // used where nothing is resized; else the weights mirror
  bool vflip = false;
  bool columns_first = false;
  AxisWeights horizontal_weights, vertical_weights;
  HorizontalPass horizontal;
  VerticalPass vertical;
  int32_t channels = 0;  // of the region, known with its first band; 0 before
  int32_t rows_received = 0;
  int32_t lines_stored = 0;  // of those that show
  /// Lines that show in the border, too: where in the window, in the order of the lines.
  struct Copy {
    int32_t line;
    int32_t y;
  };
  std::vector<Copy> copies;
  size_t copies_stored = 0;

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
  void FindCopies();
  void TakeBorder(const RowBand& band, int32_t row_of_band);
  PlanarRow WithFill(const Planes& planes);
  void StoreNextLine(const Planes& planes);
  void StoreShown(const PlanarRow& stored);
  void StoreAt(int32_t y, const PlanarRow& stored) const;
  void StoreFill();

  /// Columns of the window that lie before the resized box, and behind it.
  size_t columns_before() const {
    return static_cast<size_t>(std::clamp(-window.x, 0, window.width));
  }
  size_t columns_behind() const {
    return static_cast<size_t>(
        std::clamp(window.x + window.width - resized_size.width, 0, window.width));
  }
  size_t width() const { return static_cast<size_t>(window.width); }
  /// A line's planes lie side by side, so that the vertical pass makes all of them in one go.
  Planes PlanesFrom(uint8_t* first) const { return {first, first + width(), first + 2 * width()}; }
  Planes LinePlanes() { return PlanesFrom(line.data()); }
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
  resized_size = spec.resized;
  window = spec.window;
  border = spec.border;
  flip = spec.flip;
  vflip = spec.vflip;
  channels = 0;
  rows_received = 0;
  lines_stored = 0;
  lines_waiting = 0;
  line.Reserve(3 * width());
  shown = PixelsShown({window.y, window.height}, spec.resized.height, border.mode);
  FindCopies();
  same_size = spec.resized == spec.box;
  region = {};
  if (same_size) {
    const PixelRun columns = PixelsShown({window.x, window.width}, spec.resized.width, border.mode);
    if (columns.size > 0 && shown.size > 0) {
      region = {columns.start, shown.start, columns.size, shown.size};
    }
    return {};
  }
  columns_first = ColumnsFirst(spec);
  FASTINET_RETURN_IF_ERROR(horizontal_weights.Compute({.input = spec.box.width,
                                                       .resized = spec.resized.width,
                                                       .window_start = window.x,
                                                       .window_size = window.width,
                                                       .reverse = spec.flip,
                                                       .beyond = border.mode},
                                                      spec.interpolation));
  FASTINET_RETURN_IF_ERROR(vertical_weights.Compute({.input = spec.box.height,
                                                     .resized = spec.resized.height,
                                                     .window_start = shown.start,
                                                     .window_size = shown.size},
                                                    spec.interpolation));
  if (horizontal_weights.region_size() > 0 && vertical_weights.region_size() > 0) {
    region = {horizontal_weights.region_start(), vertical_weights.region_start(),
              horizontal_weights.region_size(), vertical_weights.region_size()};
  }
  return {};
}

/// Notes which lines show beyond the resized box, and where.
void Resampler::State::FindCopies() {
  copies.clear();
  copies_stored = 0;
  if (border.mode == PaddingMode::kConstant) return;
  for (int32_t y = 0; y < window.height; ++y) {
    const int32_t at = window.y + y;
    if (at >= 0 && at < resized_size.height) continue;
    copies.push_back({PixelAt(at, resized_size.height, border.mode), y});
  }
  std::sort(copies.begin(), copies.end(),
            [](const Copy& a, const Copy& b) { return a.line < b.line; });
}

void Resampler::State::PrepareFor(const RowBand& band) {
  channels = band.channels;
  if (same_size) return;
  horizontal.Prepare(horizontal_weights, channels);
  if (!columns_first) {
    vertical.Prepare(vertical_weights, static_cast<size_t>(channels) * width());
    return;
  }
  const size_t row_bytes = static_cast<size_t>(PlanesOf(band)) * PlaneBytes(band);
  vertical.Prepare(vertical_weights, row_bytes);
  waiting.Reserve(kStripRows * RowStride(row_bytes));
  resized.Reserve(kStripRows * RowStride(3 * width()));
  waiting_band = band;
  waiting_band.row_stride = static_cast<ptrdiff_t>(RowStride(row_bytes));
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    waiting_band.plane[c] = waiting.data() + c * (band.pixel_stride == 1 ? PlaneBytes(band) : 1);
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
  StoreShown(planar);
  return true;
}

/// Copies a row of `band` to where the window has it.
void Resampler::State::TakeSameSize(const RowBand& band, int32_t row_of_band) {
  if (TryStoreInPlace(band, row_of_band)) return;
  const Planes planes = LinePlanes();
  const size_t before = columns_before();
  const size_t copied = width() - std::min(width(), before + columns_behind());
  const ptrdiff_t offset =
      row_of_band * band.row_stride + (std::max(window.x, 0) - region.x) * band.pixel_stride;
  if (copied < width()) TakeBorder(band, row_of_band);
  if (copied > 0 && band.pixel_stride == 3) {
    const Planes starts{planes[0] + before, planes[1] + before, planes[2] + before};
    Deinterleave(band.plane[0] + offset, copied, starts.data());
  } else if (copied > 0) {
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      std::memcpy(planes[c] + before, band.plane[c] + offset, copied);
    }
  }
  if (flip) {
    for (uint8_t* plane : planes) std::reverse(plane, plane + width());
  }
  StoreNextLine(planes);
}

/// What the window shows of a row of `band` beyond the box on its left and its right; zeros where
/// that is the border's colour.
void Resampler::State::TakeBorder(const RowBand& band, int32_t row_of_band) {
  const ptrdiff_t offset = row_of_band * band.row_stride;
  const Planes planes = LinePlanes();
  const auto take = [&](size_t first, size_t end) {
    for (size_t x = first; x < end; ++x) {
      const int32_t column =
          PixelAt(window.x + static_cast<int32_t>(x), resized_size.width, border.mode);
      const ptrdiff_t pixel = offset + (column - region.x) * band.pixel_stride;
      for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        planes[c][x] = column == kBeyond ? uint8_t{0} : band.plane[c][pixel];
      }
    }
  };
  take(0, columns_before());
  take(width() - columns_behind(), width());
}

void Resampler::State::TakeRowsFirst(const RowBand& band, int32_t first, int32_t count) {
  std::array<HorizontalPass::Rows, 3> rows{};
  for (size_t i = 0; i < kStripRows; ++i) {
    uint8_t* const row_start = vertical.Row(vertical.rows_arrived() + static_cast<int32_t>(i));
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) rows[c][i] = row_start + c * width();
  }
  horizontal.Resample(band, first, count, rows);
  vertical.RowsArrived(count);
  while (vertical.NextLineIsReady()) {
    vertical.ResampleNextLine(line.data());
    StoreNextLine(LinePlanes());
  }
}

void Resampler::State::TakeColumnsFirst(const RowBand& band, int32_t first, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    const ptrdiff_t offset = (first + i) * band.row_stride;
    uint8_t* to = vertical.Row(vertical.rows_arrived() + i);
    for (int32_t plane = 0; plane < PlanesOf(band); ++plane, to += PlaneBytes(band)) {
      std::memcpy(to, band.plane[static_cast<size_t>(plane)] + offset, PlaneBytes(band));
    }
  }
  vertical.RowsArrived(count);
  while (vertical.NextLineIsReady()) {
    vertical.ResampleNextLine(waiting.data() + lines_waiting * waiting_band.row_stride);
    if (++lines_waiting == kStripRows) ResampleWaitingLines();
  }
  if (vertical.next_line() == vertical_weights.outputs()) ResampleWaitingLines();
}

void Resampler::State::ResampleWaitingLines() {
  if (lines_waiting == 0) return;
  std::array<HorizontalPass::Rows, 3> rows{};
  for (size_t i = 0; i < kStripRows; ++i) {
    const Planes planes = PlanesFrom(resized.data() + i * RowStride(3 * width()));
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) rows[c][i] = planes[c];
  }
  horizontal.Resample(waiting_band, 0, lines_waiting, rows);
  for (int32_t i = 0; i < lines_waiting; ++i) {
    StoreNextLine(PlanesFrom(resized.data() + static_cast<size_t>(i) * RowStride(3 * width())));
  }
  lines_waiting = 0;
}

/// The line in `planes`, with the border's colour at both ends where it shows.
PlanarRow Resampler::State::WithFill(const Planes& planes) {
  const bool grey = channels == 1;
  PlanarRow stored{{planes[0], planes[grey ? 0 : 1], planes[grey ? 0 : 2]}, width()};
  if (border.mode != PaddingMode::kConstant || border.fill == std::array<uint8_t, 3>{}) {
    return stored;
  }
  size_t before = columns_before(), behind = columns_behind();
  if (before + behind == 0) return stored;
  if (flip) std::swap(before, behind);
  for (size_t c = 0; c < 3; ++c) {
    if (grey && c > 0) std::memcpy(planes[c], planes[0], width());
    stored.plane[c] = planes[c];
  }
  for (size_t c = 0; c < 3; ++c) {
    std::memset(planes[c], border.fill[c], before);
    std::memset(planes[c] + width() - behind, border.fill[c], behind);
  }
  return stored;
}

/// Stores the next of the lines that show.
void Resampler::State::StoreNextLine(const Planes& planes) { StoreShown(WithFill(planes)); }

void Resampler::State::StoreShown(const PlanarRow& stored) {
  const int32_t at = shown.start + lines_stored++;
  if (at >= window.y && at - window.y < window.height) StoreAt(at - window.y, stored);
  for (; copies_stored < copies.size() && copies[copies_stored].line == at; ++copies_stored) {
    StoreAt(copies[copies_stored].y, stored);
  }
}

/// Stores a line as the window's line `y`.
void Resampler::State::StoreAt(int32_t y, const PlanarRow& stored) const {
  StoreLine(stored, static_cast<size_t>(vflip ? window.height - 1 - y : y),
            static_cast<size_t>(window.height), format, row.data());
}

/// Stores the lines that show nothing but the border's colour.
void Resampler::State::StoreFill() {
  if (border.mode != PaddingMode::kConstant) return;
  const Planes planes = LinePlanes();
  for (size_t c = 0; c < 3; ++c) std::memset(planes[c], border.fill[c], width());
  for (int32_t y = 0; y < window.height; ++y) {
    const int32_t at = window.y + y;
    if (region != Box{} && at >= 0 && at < resized_size.height) continue;
    StoreAt(y, {{planes[0], planes[1], planes[2]}, width()});
  }
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
  if (state.region != Box{} && state.lines_stored != state.shown.size) {
    return {StatusCode::kInternal, "a resize has not stored all its lines"};
  }
  state.StoreFill();
  return {};
}

}  // namespace fastinet
