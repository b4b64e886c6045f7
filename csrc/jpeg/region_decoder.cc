#include "jpeg/region_decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checked.h"
#include "jpeg/colour.h"
#include "jpeg/upsample.h"

namespace fastinet {
namespace {

constexpr size_t kAlignment = 64;       // [bytes]: the widest vector, a cache line
constexpr ptrdiff_t kLeftPadding = 64;  // room for the sample left of the first

/// The address in `storage`, resized if need be, of `bytes` bytes that start at a cache line.
uint8_t* Aligned(std::vector<uint8_t>* storage, size_t bytes) {
  if (storage->size() < bytes + kAlignment) storage->resize(bytes + kAlignment);
  const auto address = reinterpret_cast<uintptr_t>(storage->data());
  return storage->data() + (-address % kAlignment);
}

size_t PaddedRow(int32_t width) {
  return (static_cast<size_t>(width) + kRowPadding + kAlignment - 1) / kAlignment * kAlignment;
}

bool LooksUpAndDown(const ComponentPlane& plane) {
  return plane.upsampling == Upsampling::kFancyH2V2 || plane.upsampling == Upsampling::kFancyH1V2;
}

bool LooksLeftAndRight(const ComponentPlane& plane) {
  return plane.upsampling == Upsampling::kFancyH2V1 || plane.upsampling == Upsampling::kFancyH2V2;
}

Status DoesNotFit(uint64_t bit) {
  return Corrupt("the checkpoints do not fit the scan; build them anew")
      .AtOffset(static_cast<int64_t>(bit / 8));
}

}  // namespace

ByteRange BytesForRegion(const JpegHeader& header, uint64_t jpeg_bytes, const Box& region,
                         const Checkpoints* checkpoints) {
  ByteRange range{header.scan.data_offset_bytes, jpeg_bytes};
  if (checkpoints == nullptr) return range;
  const Frame frame = FrameOf(header);
  const RegionExtent extent = ExtentOf(frame, region);
  const int64_t first =
      int64_t{extent.mcu_rows.first} * frame.mcus_across + extent.mcu_columns.first;
  const int64_t end =
      int64_t{extent.mcu_rows.last} * frame.mcus_across + extent.mcu_columns.last + 1;
  if (const auto* checkpoint = checkpoints->AtOrBefore(first))
    range.begin = checkpoint->point.bit / 8;
  if (const auto* checkpoint = checkpoints->AtOrAfter(end)) {
    // The next checkpoint's first byte may hold this one's last bits; it may be FF, whose stuffed
    // 00 belongs to it.
    range.end =
        std::min(jpeg_bytes, checkpoint->point.bit / 8 + (checkpoint->point.bit % 8 == 0 ? 0 : 2));
  }
  return range;
}

Status RegionDecoder::DecodeRegion(const JpegHeader& header, const JpegSlice& jpeg,
                                   const Box& region, const Checkpoints* checkpoints, RowSink& sink,
                                   DecodeStats* stats) {
  DecodeStats unused;
  stats_ = stats == nullptr ? &unused : stats;
  if (!Accepts(header)) return Unsupported("our JPEG decoder does not take this JPEG");
  if (!region.IsInside(header.size)) return InvalidArgument("the region lies outside the image");
  FASTINET_RETURN_IF_ERROR(Prepare(header, jpeg, region));
  ++stats_->images;
  Status status = DecodeMcuRows(checkpoints, sink);
  if (status.code() != StatusCode::kCorrupt || checkpoints == nullptr) return status;
  // That may be the checkpoints' fault.
  ++stats_->checkpoints_refused;
  const bool nothing_handed_over = next_row_ == region.y;
  if (!nothing_handed_over || jpeg.offset_bytes > header.scan.data_offset_bytes) return status;
  position_.reset();
  return DecodeMcuRows(nullptr, sink);
}

/// Takes the region's MCU rows from top to bottom, one or two at a time: coefficients, samples, and
/// as many bands of pixels as are complete.
Status RegionDecoder::DecodeMcuRows(const Checkpoints* checkpoints, RowSink& sink) {
  if (checkpoints != nullptr) FASTINET_RETURN_IF_ERROR(VerifyCheckpoints(*checkpoints));
  // The image before may have been left in the middle of a row.
  for (CoefficientBuffer& buffer : coefficients_) buffer.Clear();
  const bool waits_for_next = std::any_of(frame_.planes.begin(), frame_.planes.end(),
                                          [](const auto& plane) { return LooksUpAndDown(plane); });
  const int32_t end = region_.y + region_.height;
  StageClock clock(stats_->measure_time);
  for (int32_t row = extent_.mcu_rows.first; row <= extent_.mcu_rows.last;) {
    const int32_t rows = HasTwin(row, checkpoints) ? 2 : 1;
    FASTINET_RETURN_IF_ERROR(rows == 2 ? DecodeTwoMcuRows(row, *checkpoints)
                                       : DecodeMcuRow(row, checkpoints));
    clock.EndStage(&stats_->entropy_ns);
    for (int32_t i = 0; i < rows; ++i, ++row) {
      TransformMcuRow(row, coefficients_[static_cast<size_t>(i)]);
      clock.EndStage(&stats_->idct_ns);
      // Fancy upsampling leans on the row of samples below.
      const int32_t complete = row == extent_.mcu_rows.last
                                   ? end
                                   : (row + 1) * frame_.mcu_height - (waits_for_next ? 1 : 0);
      while (next_row_ < complete) {
        const int32_t band_rows = std::min(RowSink::kBandRows, complete - next_row_);
        if (band_rows < RowSink::kBandRows && complete != end) break;
        FASTINET_RETURN_IF_ERROR(EmitBand(band_rows, sink, clock));
      }
    }
  }
  return {};
}

/// Takes the image in: tables, geometry, buffers.
Status RegionDecoder::Prepare(const JpegHeader& header, const JpegSlice& jpeg, const Box& region) {
  frame_ = FrameOf(header);
  extent_ = ExtentOf(frame_, region);
  region_ = region;
  colour_ = header.colour;
  restart_interval_ = header.restart_interval;
  scan_start_bit_ = uint64_t{header.scan.data_offset_bytes} * 8;
  jpeg_ = jpeg;
  position_.reset();
  restart_ = {.mcu = 0, .bit = scan_start_bit_, .dc = {}};
  next_row_ = region.y;
  FASTINET_RETURN_IF_ERROR(entropy_.Begin(header, frame_));
  entropy_.SetData(jpeg.bytes, jpeg.offset_bytes);
  for (CoefficientBuffer& buffer : coefficients_) buffer.Shape(frame_, extent_.mcu_columns.count());

  for (size_t c = 0; c < static_cast<size_t>(frame_.component_count); ++c) {
    const ComponentPlane& plane = frame_.planes[c];
    SampleRing& ring = rings_[c];
    // When an MCU row comes in, up to 15 rows of pixels of the one before still wait for their
    // band, one more for the samples below it, and these lean on one row of samples above.
    const int32_t waiting = CeilDiv(frame_.mcu_height + RowSink::kBandRows, plane.expand_down) + 2;
    const auto rows = static_cast<int32_t>(std::bit_ceil(static_cast<uint32_t>(waiting)));
    ring.row_mask = std::max(rows, 8) - 1;
    const int32_t columns = plane.blocks_across * 8;
    ring.first_column = extent_.mcu_columns.first * columns;
    ring.stride =
        kLeftPadding + static_cast<ptrdiff_t>(PaddedRow(extent_.mcu_columns.count() * columns));
    ring.origin = Aligned(&ring.storage, static_cast<size_t>(ring.stride * (ring.row_mask + 1))) +
                  kLeftPadding;
    ring.steps = StepsOf(header.quantization[header.components[c].quantization_table]);
    if (plane.upsampling != Upsampling::kNone) {
      upsampled_[c].resize(PaddedRow(region.width + 2 * plane.expand_across));
    }
  }
  band_stride_ = static_cast<ptrdiff_t>(PaddedRow(region.width));
  band_rows_ = Aligned(&band_, size_t{3 * RowSink::kBandRows} * static_cast<size_t>(band_stride_));
  return {};
}

/// Compares the bytes at every checkpoint that decoding will start from with what the checkpoint
/// says.
Status RegionDecoder::VerifyCheckpoints(const Checkpoints& checkpoints) const {
  const Checkpoint* checked = nullptr;
  for (int32_t row = extent_.mcu_rows.first; row <= extent_.mcu_rows.last; ++row) {
    const auto* checkpoint = checkpoints.AtOrBefore(FirstMcu(row));
    if (checkpoint == nullptr || checkpoint == checked) continue;
    checked = checkpoint;
    const auto* next = checkpoints.AtOrAfter(checkpoint->point.mcu + 1);
    if (next == nullptr || checkpoint->check != CheckOf(jpeg_.bytes, jpeg_.offset_bytes,
                                                        checkpoint->point, next->point.bit / 8)) {
      return DoesNotFit(checkpoint->point.bit);
    }
  }
  return {};
}

Status RegionDecoder::CheckReach(const ScanPoint& point) const {
  const uint64_t byte = point.bit / 8;
  if (byte < jpeg_.offset_bytes || byte - jpeg_.offset_bytes > jpeg_.bytes.size()) {
    return InvalidArgument("the region needs bytes of the scan that were not given");
  }
  return {};
}

int64_t RegionDecoder::FirstMcu(int32_t mcu_row) const {
  return int64_t{mcu_row} * frame_.mcus_across + extent_.mcu_columns.first;
}

/// Brings the entropy decoder to `mcu`, by the shortest way that it knows.
Status RegionDecoder::GoTo(int64_t mcu, const Checkpoints* checkpoints) {
  ScanPoint start{.mcu = 0, .bit = scan_start_bit_, .dc = {}};
  if (checkpoints != nullptr) {
    if (const auto* checkpoint = checkpoints->AtOrBefore(mcu)) start = checkpoint->point;
  } else if (restart_interval_ > 0 && FindRestart(mcu)) {
    start = restart_;
  }
  if (!position_ || position_->mcu < start.mcu) {
    FASTINET_RETURN_IF_ERROR(CheckReach(start));
    entropy_.Seek(start);
    position_ = start;
  }
  const auto skipped = static_cast<int32_t>(mcu - position_->mcu);
  stats_->mcus_skipped += static_cast<uint64_t>(skipped);
  return entropy_.SkipMcus(skipped);
}

/// Looks for the last restart marker at or before `mcu`, without decoding: an FF byte that no 00
/// follows is a marker. Returns false when there is none, or not where it should be.
bool RegionDecoder::FindRestart(int64_t mcu) {
  const int64_t wanted = mcu / restart_interval_;
  const uint8_t* const begin = jpeg_.bytes.data();
  const uint8_t* const end = begin + jpeg_.bytes.size();
  int64_t found = restart_.mcu / restart_interval_;
  if (restart_.bit / 8 < jpeg_.offset_bytes) return false;
  const uint8_t* p = begin + (restart_.bit / 8 - jpeg_.offset_bytes) + (found > 0 ? 2 : 0);
  while (found < wanted) {
    if (p >= end) return false;
    p = static_cast<const uint8_t*>(std::memchr(p, 0xFF, static_cast<size_t>(end - p)));
    if (p == nullptr || end - p < 2) return false;
    if (p[1] == 0x00) {
      p += 2;
    } else if (p[1] == 0xFF) {
      ++p;
    } else if (p[1] == 0xD0 + found % 8) {
      ++found;
      restart_ = {.mcu = found * restart_interval_,
                  .bit = (jpeg_.offset_bytes + static_cast<uint64_t>(p - begin)) * 8,
                  .dc = {}};
      p += 2;
    } else {
      return false;
    }
  }
  return found > 0;
}

/// Decodes the region's MCUs of one row into the first buffer.
Status RegionDecoder::DecodeMcuRow(int32_t mcu_row, const Checkpoints* checkpoints) {
  FASTINET_RETURN_IF_ERROR(GoTo(FirstMcu(mcu_row), checkpoints));
  const int32_t count = extent_.mcu_columns.count();
  FASTINET_RETURN_IF_ERROR(entropy_.DecodeMcus(count, coefficients_[0], 0));
  stats_->mcus_decoded += static_cast<uint64_t>(count);
  position_ = entropy_.Tell();
  return checkpoints == nullptr ? Status() : VerifyArrival(*checkpoints, *position_);
}

/// Whether the row below can be decoded together with this one: when both have a checkpoint of
/// their own, at the same distance from the region.
bool RegionDecoder::HasTwin(int32_t mcu_row, const Checkpoints* checkpoints) const {
  if (checkpoints == nullptr || restart_interval_ > 0 || mcu_row == extent_.mcu_rows.last) {
    return false;
  }
  const auto* upper = checkpoints->AtOrBefore(FirstMcu(mcu_row));
  const auto* lower = checkpoints->AtOrBefore(FirstMcu(mcu_row + 1));
  return upper != nullptr && lower != nullptr &&
         lower->point.mcu - upper->point.mcu == frame_.mcus_across;
}

/// Decodes the region's MCUs of two rows into the two buffers.
Status RegionDecoder::DecodeTwoMcuRows(int32_t mcu_row, const Checkpoints& checkpoints) {
  std::array<ScanPoint, 2> points;
  for (size_t i = 0; i < points.size(); ++i) {
    points[i] = checkpoints.AtOrBefore(FirstMcu(mcu_row + static_cast<int32_t>(i)))->point;
    FASTINET_RETURN_IF_ERROR(CheckReach(points[i]));
  }
  const auto skip = static_cast<int32_t>(FirstMcu(mcu_row) - points[0].mcu);
  const int32_t count = extent_.mcu_columns.count();
  FASTINET_RETURN_IF_ERROR(entropy_.DecodeMcusInTurn(skip, count, coefficients_, &points));
  stats_->mcus_skipped += 2 * static_cast<uint64_t>(skip);
  stats_->mcus_decoded += 2 * static_cast<uint64_t>(count);
  for (const ScanPoint& point : points) {
    FASTINET_RETURN_IF_ERROR(VerifyArrival(checkpoints, point));
  }
  return {};
}

/// Where decoding arrives at a checkpoint, both must agree.
Status RegionDecoder::VerifyArrival(const Checkpoints& checkpoints, const ScanPoint& point) const {
  const auto* checkpoint = checkpoints.AtOrBefore(point.mcu);
  if (checkpoint == nullptr || checkpoint->point.mcu != point.mcu || checkpoint->point == point)
    return {};
  return DoesNotFit(point.bit);
}

/// Turns the coefficients of one MCU row into samples, and leaves all of them at 0.
void RegionDecoder::TransformMcuRow(int32_t mcu_row, const CoefficientBuffer& coefficients) {
  for (size_t c = 0; c < static_cast<size_t>(frame_.component_count); ++c) {
    const ComponentPlane& plane = frame_.planes[c];
    const SampleRing& ring = rings_[c];
    const IndexRange columns = extent_.columns[c];
    const int32_t first = (columns.first - ring.first_column) / kGroupRowLength;
    const int32_t last = (columns.last - ring.first_column) / kGroupRowLength;
    for (int32_t down = 0; down < plane.blocks_down; ++down) {
      const int32_t row = (mcu_row * plane.blocks_down + down) * 8;
      const BlockRow& blocks = coefficients.row(c, static_cast<size_t>(down));
      if (row + 7 < extent_.rows[c].first || row > extent_.rows[c].last) {
        blocks.Clear(0, blocks.groups);
        continue;
      }
      blocks.Clear(0, first);
      blocks.Clear(last + 1, blocks.groups);
      InverseDct(blocks, first, last, ring.steps,
                 ring.at(row, ring.first_column + first * kGroupRowLength), ring.stride);
      if (LooksLeftAndRight(plane)) RepeatEdges(c, row);
    }
  }
}

/// Continues eight rows of samples beyond the plane's edges, for the triangle filter.
void RegionDecoder::RepeatEdges(size_t c, int32_t row) {
  const IndexRange columns = extent_.columns[c];
  for (int32_t y = row; y < row + 8; ++y) {
    uint8_t* first = rings_[c].at(y, columns.first);
    uint8_t* last = rings_[c].at(y, columns.last);
    if (columns.first == 0) first[-1] = first[0];
    if (columns.last == frame_.planes[c].width - 1) last[1] = last[0];
  }
}

/// Hands the next `rows` rows of pixels over.
Status RegionDecoder::EmitBand(int32_t rows, RowSink& sink, StageClock& clock) {
  const ptrdiff_t plane_bytes = RowSink::kBandRows * band_stride_;
  RowBand band{.plane = {band_rows_, band_rows_ + plane_bytes, band_rows_ + 2 * plane_bytes},
               .row_stride = band_stride_,
               .pixel_stride = 1,
               .channels = frame_.component_count,
               .width = region_.width,
               .rows = rows};
  for (int32_t i = 0; i < rows; ++i) {
    uint8_t* out = band_rows_ + i * band_stride_;
    ConvertRow(next_row_ + i, {out, out + plane_bytes, out + 2 * plane_bytes});
  }
  clock.EndStage(&stats_->colour_ns);
  next_row_ += rows;
  FASTINET_RETURN_IF_ERROR(sink.OnRows(band));
  clock.EndStage(nullptr);  // the sink's time is its own
  return {};
}

/// Makes row `y` of pixels: every component at full size, then as RGB.
void RegionDecoder::ConvertRow(int32_t y, const std::array<uint8_t*, 3>& out) {
  const auto width = static_cast<size_t>(region_.width);
  std::array<const uint8_t*, 3> samples{};
  for (size_t c = 0; c < static_cast<size_t>(frame_.component_count); ++c) {
    samples[c] = UpsampledRow(c, y);
  }
  if (colour_ == JpegColour::kYCbCr) {
    ConvertYCbCrRow(samples, width, out);
    return;
  }
  for (size_t c = 0; c < static_cast<size_t>(frame_.component_count); ++c) {
    std::memcpy(out[c], samples[c], width);
  }
}

/// Row `y` of a component at full size, from the region's first column on.
const uint8_t* RegionDecoder::UpsampledRow(size_t c, int32_t y) {
  const ComponentPlane& plane = frame_.planes[c];
  const SampleRing& ring = rings_[c];
  if (plane.upsampling == Upsampling::kNone) return ring.at(y, region_.x);

  const int32_t first = region_.x / plane.expand_across;
  const int32_t last = (region_.x + region_.width - 1) / plane.expand_across;
  const auto count = static_cast<size_t>(last - first) + 1;
  const int32_t near_row = y / plane.expand_down;
  const int32_t far_row = std::clamp(y % 2 == 0 ? near_row - 1 : near_row + 1, 0, plane.height - 1);
  const uint8_t* near = ring.at(near_row, first);
  uint8_t* out = upsampled_[c].data();
  switch (plane.upsampling) {
    case Upsampling::kNone:
      break;
    case Upsampling::kReplicate:
      Replicate(near, count, static_cast<size_t>(plane.expand_across), out);
      break;
    case Upsampling::kFancyH2V1:
      UpsampleH2V1(near, count, out);
      break;
    case Upsampling::kFancyH2V2:
      UpsampleH2V2(near, ring.at(far_row, first), count, out);
      break;
    case Upsampling::kFancyH1V2:
      UpsampleH1V2(near, ring.at(far_row, first), y % 2 != 0, count, out);
      break;
  }
  return out + (region_.x - first * plane.expand_across);
}

}  // namespace fastinet
