#include "jpeg/checkpoints.h"

#include <algorithm>
#include <optional>

#include "base/checked.h"
#include "jpeg/frame.h"
#include "jpeg/hash.h"
#include "jpeg/scan_end.h"

namespace fastinet {
namespace {

// A record, all numbers little-endian:
//   1 byte    version
//   varint    stride
//   8 bytes   fingerprint
//   for each checkpoint:
//     varint  its bit, as the change of the distance to the checkpoint before (not for the first)
//     varints its predictors, as differences to the checkpoint before (not for the first)
//     2 bytes check (not for the last)
//   4 bytes   checksum of all that
// Changes of sign are zig-zag coded. How many checkpoints there are follows from the frame and the
// stride.

constexpr uint8_t kVersion = 1;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kCheckedBytes = 8;  // that a checkpoint's check looks at, at most

uint64_t ZigZag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}

int64_t UnZigZag(uint64_t code) { return static_cast<int64_t>(code >> 1 ^ (0 - (code & 1))); }

uint32_t ChecksumOf(Bytes bytes) { return static_cast<uint32_t>(HashBytes(bytes, 0)); }

class RecordWriter {
 public:
  explicit RecordWriter(std::vector<uint8_t>* out) : out_(out) {}

  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<uint8_t>(value | 0x80));
    out_->push_back(static_cast<uint8_t>(value));
  }

  void Fixed(uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) out_->push_back(static_cast<uint8_t>(value >> (8 * i)));
  }

 private:
  std::vector<uint8_t>* out_;
};

/// Reads what RecordWriter wrote. Once the record is over, or a number in it is too long, all reads
/// give 0 and `ok` is false.
class RecordReader {
 public:
  explicit RecordReader(Bytes bytes) : bytes_(bytes) {}

  uint64_t Varint() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 63; shift += 7) {
      const uint64_t byte = Fixed(1);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }

  uint64_t Fixed(size_t count) {
    if (count > bytes_.size()) ok_ = false;
    if (!ok_) return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value |= uint64_t{bytes_[i]} << (8 * i);
    bytes_ = bytes_.subspan(count);
    return value;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
  bool ok_ = true;
};

/// The MCU index of checkpoint after checkpoint.
class CheckpointWalk {
 public:
  CheckpointWalk(const Frame& frame, int32_t stride)
      : frame_(frame),
        stride_(stride > 0 ? std::min(stride, frame.mcus_across) : frame.mcus_across) {}

  size_t count() const {
    const auto in_row = static_cast<size_t>(CeilDiv(frame_.mcus_across, stride_));
    return static_cast<size_t>(frame_.mcus_down) * in_row + 1;
  }

  /// Of the next checkpoint; the frame's number of MCUs at the end.
  int64_t mcu() const { return int64_t{row_} * frame_.mcus_across + column_; }

  void Advance() {
    column_ += stride_;
    if (column_ < frame_.mcus_across) return;
    column_ = 0;
    ++row_;
  }

 private:
  const Frame& frame_;
  int32_t stride_;
  int32_t row_ = 0;
  int32_t column_ = 0;
};

uint64_t FingerprintOf(const JpegHeader& header, uint64_t jpeg_bytes) {
  return HashNumber(jpeg_bytes, header.fingerprint);
}

Status Stale(const char* cause) {
  return Corrupt(std::string("the checkpoints ") + cause + "; build them anew");
}

}  // namespace

uint16_t CheckOf(Bytes bytes, uint64_t offset_bytes, const ScanPoint& point, uint64_t limit_bytes) {
  uint64_t hash = HashNumber(point.bit, static_cast<uint64_t>(point.mcu));
  for (const int32_t dc : point.dc) hash = HashNumber(static_cast<uint32_t>(dc), hash);
  const uint64_t begin = point.bit / 8;
  const uint64_t end = std::min({begin + kCheckedBytes, limit_bytes, offset_bytes + bytes.size()});
  if (begin >= offset_bytes && begin < end) {
    hash = HashBytes(bytes.subspan(begin - offset_bytes, end - begin), hash);
  }
  return static_cast<uint16_t>(hash);
}

Result<Checkpoints> BuildCheckpoints(const JpegHeader& header, Bytes jpeg, int32_t stride) {
  if (!HasSimpleFrame(header)) {
    return Unsupported("only sequential JPEGs of one scan have checkpoints");
  }
  const Frame frame = FrameOf(header);
  EntropyDecoder decoder;
  FASTINET_RETURN_IF_ERROR(decoder.Begin(header, frame));
  decoder.SetData(jpeg, 0);
  decoder.Seek({.mcu = 0, .bit = uint64_t{header.scan.data_offset_bytes} * 8, .dc = {}});

  Checkpoints checkpoints;
  checkpoints.stride_ = std::max(stride, 0);
  checkpoints.fingerprint_ = FingerprintOf(header, jpeg.size());
  CheckpointWalk walk(frame, stride);
  auto& made = checkpoints.all_;
  made.reserve(walk.count());
  while (true) {
    made.push_back({.point = decoder.Tell(), .check = 0});
    if (made.size() == walk.count()) break;
    const int64_t from = walk.mcu();
    walk.Advance();
    FASTINET_RETURN_IF_ERROR(decoder.SkipMcus(static_cast<int32_t>(walk.mcu() - from)));
  }
  FASTINET_RETURN_IF_ERROR(CheckScanEnd(jpeg, made.back().point.bit / 8));
  for (size_t i = 0; i + 1 < made.size(); ++i) {
    made[i].check = CheckOf(jpeg, 0, made[i].point, made[i + 1].point.bit / 8);
  }
  return checkpoints;
}

void Checkpoints::Append(std::vector<uint8_t>* out) const {
  const size_t begin = out->size();
  RecordWriter writer(out);
  writer.Fixed(kVersion, 1);
  writer.Varint(static_cast<uint64_t>(stride_));
  writer.Fixed(fingerprint_, 8);
  int64_t distance = 0;
  for (size_t i = 0; i < all_.size(); ++i) {
    if (i > 0) {
      const ScanPoint& before = all_[i - 1].point;
      const auto new_distance = static_cast<int64_t>(all_[i].point.bit - before.bit);
      writer.Varint(ZigZag(new_distance - distance));
      distance = new_distance;
      for (size_t c = 0; c < before.dc.size(); ++c) {
        writer.Varint(ZigZag(int64_t{all_[i].point.dc[c]} - before.dc[c]));
      }
    }
    if (i + 1 < all_.size()) writer.Fixed(all_[i].check, 2);
  }
  writer.Fixed(ChecksumOf(Bytes(*out).subspan(begin)), kChecksumBytes);
}

Result<Checkpoints> Checkpoints::Parse(Bytes record, const JpegHeader& header,
                                       uint64_t jpeg_bytes) {
  if (!HasSimpleFrame(header)) return Stale("belong to a file that has none");
  if (record.size() < kChecksumBytes) return Stale("are damaged");
  const Bytes body = record.first(record.size() - kChecksumBytes);
  if (RecordReader(record.last(kChecksumBytes)).Fixed(kChecksumBytes) != ChecksumOf(body)) {
    return Stale("are damaged");
  }
  RecordReader reader(body);
  if (reader.Fixed(1) != kVersion) return Stale("are of another version");
  Checkpoints checkpoints;
  const uint64_t stride = reader.Varint();
  checkpoints.fingerprint_ = reader.Fixed(8);
  if (checkpoints.fingerprint_ != FingerprintOf(header, jpeg_bytes)) {
    return Stale("belong to another file");
  }
  const Frame frame = FrameOf(header);
  if (stride > static_cast<uint64_t>(INT32_MAX)) return Stale("are damaged");
  checkpoints.stride_ = static_cast<int32_t>(stride);
  CheckpointWalk walk(frame, checkpoints.stride_);
  const size_t count = walk.count();
  if (count > body.size()) return Stale("are damaged");  // each checkpoint takes more than a byte
  checkpoints.all_.reserve(count);
  Checkpoint checkpoint;
  checkpoint.point.bit = uint64_t{header.scan.data_offset_bytes} * 8;
  int64_t distance = 0;
  for (size_t i = 0; i < count; ++i, walk.Advance()) {
    checkpoint.point.mcu = walk.mcu();
    if (i > 0) {
      // Sums of hostile numbers may wrap; what counts is that the result lies in the file.
      distance = static_cast<int64_t>(static_cast<uint64_t>(distance) +
                                      static_cast<uint64_t>(UnZigZag(reader.Varint())));
      if (distance < 0 || static_cast<uint64_t>(distance) > jpeg_bytes * 8 - checkpoint.point.bit) {
        return Stale("are damaged");
      }
      checkpoint.point.bit += static_cast<uint64_t>(distance);
      for (int32_t& dc : checkpoint.point.dc) {
        dc = static_cast<int32_t>(static_cast<uint32_t>(dc) +
                                  static_cast<uint32_t>(UnZigZag(reader.Varint())));
      }
    }
    checkpoint.check = i + 1 < count ? static_cast<uint16_t>(reader.Fixed(2)) : uint16_t{0};
    checkpoints.all_.push_back(checkpoint);
  }
  if (!reader.ok() || !reader.at_end()) return Stale("are damaged");
  return checkpoints;
}

const Checkpoint* Checkpoints::AtOrBefore(int64_t mcu) const {
  const auto after = std::upper_bound(
      all_.begin(), all_.end(), mcu,
      [](int64_t index, const Checkpoint& checkpoint) { return index < checkpoint.point.mcu; });
  return after == all_.begin() ? nullptr : &*(after - 1);
}

const Checkpoint* Checkpoints::AtOrAfter(int64_t mcu) const {
  const auto found = std::lower_bound(
      all_.begin(), all_.end(), mcu,
      [](const Checkpoint& checkpoint, int64_t index) { return checkpoint.point.mcu < index; });
  return found == all_.end() ? nullptr : &*found;
}

}  // namespace fastinet
