// A gzip file (RFC 1952) from its start or from a seek point to its end, strictly.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/source.h"
#include "base/status.h"
#include "gzip/raw_inflate.h"

namespace fastinet {

/// How each gzip member begins.
inline constexpr std::array<uint8_t, 2> kGzipMagic = {0x1f, 0x8b};

/// Whether `head` begins as a gzip member does.
inline bool LooksLikeGzip(Bytes head) {
  return head.size() >= kGzipMagic.size() &&
         std::equal(kGzipMagic.begin(), kGzipMagic.end(), head.begin());
}

/// A point of a gzip file where inflating can begin, both in the file and in what it inflates to:
/// the start of a deflate block.
struct InflatePoint {
  uint64_t bit_offset = 0;  // of the block, in the file [bits]
  uint64_t offset = 0;      // of its first byte, in what the file inflates to [bytes]
  /// The byte of the file in which the block begins, if the block begins inside a byte; else 0.
  uint8_t first_byte = 0;

  /// How many bits of `first_byte` are the block's: its high ones, 0 to 7.
  int first_bits() const { return static_cast<int>((8 - bit_offset % 8) % 8); }

  /// What the gzip member had inflated to before: its CRC-32 and length. Nothing is known of it
  /// (`checked` is false) where random access begins, and the member's trailer is passed over then.
  bool checked = false;
  uint32_t crc = 0;
  uint64_t member_bytes = 0;
};

/// Sees all that is inflated, call by call.
class InflateObserver {
 public:
  virtual ~InflateObserver() = default;
  /// zlib was given `in` and `out` and did `call`.
  virtual Status OnCall(Bytes in, MutableBytes out, const RawInflate::Call& call) = 0;
  /// The gzip member ends: what follows does not refer back.
  virtual void OnMemberEnd() = 0;
};

/// Inflates a gzip file forwards: all its members (bgzip's files have thousands of them), each
/// checked against the CRC-32 and the length in its trailer, and header CRCs where there are any.
///
/// Zeros behind the last member are padding, as gzip itself and tapes have it. Anything else there,
/// and a file that ends before its last member does, is kCorrupt. Offsets in errors are in the
/// file.
class GzipInflater {
 public:
  /// `source` must outlive the inflater; so must `observer`, if there is one.
  explicit GzipInflater(const Source& source, InflateObserver* observer = nullptr);

  /// Goes to the file's start, the initial state, or to `point`, behind `window`.
  void Rewind();
  Status StartAt(const InflatePoint& point, Bytes window);

  /// Inflates into `out`, from its start: `produced` bytes. Less than all of it at the file's end
  /// and, if `stop_at_blocks`, wherever a block begins that inflating could start from.
  Status Next(MutableBytes out, bool stop_at_blocks, size_t* produced);

  /// All members have ended, and the file too.
  bool done() const { return state_ == State::kDone; }
  /// Whether the last Next() stopped where a block begins; point() is there then.
  bool at_block() const { return at_block_; }
  const InflatePoint& point() const { return point_; }
  /// How much of the file is behind us [bytes].
  uint64_t position_bytes() const { return buffer_offset_ + begin_; }

 private:
  enum class State { kHeader, kBody, kTrailer, kBetween, kDone };

  Status ReadHeader();
  Status Inflate(MutableBytes out, bool stop_at_blocks, size_t* produced);
  Status ReadTrailer();
  Status PassPadding();

  Result<bool> Refill();
  Result<uint8_t> Byte();
  Status SkipText();
  Status Failed(Status status, uint64_t offset) const;

  Bytes rest() const { return Bytes(buffer_).subspan(begin_, end_ - begin_); }

  // Large enough that a read's own cost does not show, small enough for the nearest caches.
  static constexpr size_t kBufferBytes = size_t{1} << 16;

  const Source& source_;
  InflateObserver* observer_;
  RawInflate raw_;
  State state_ = State::kHeader;
  InflatePoint point_;
  bool at_block_ = false;
  uint64_t member_start_ = 0;  // of the gzip member [bytes in the file]
  uint32_t header_crc_ = 0;
  uint8_t last_byte_ = 0;  // that was consumed

  std::vector<uint8_t> buffer_;  // of the file, from buffer_offset_ on
  uint64_t buffer_offset_ = 0;
  size_t begin_ = 0, end_ = 0;  // what of the buffer is still to be consumed
};

/// All that `data`, a gzip file, inflates to. kTooLarge when that is more than `limit_bytes`.
Result<std::vector<uint8_t>> InflateAll(Bytes data, uint64_t limit_bytes);

}  // namespace fastinet
