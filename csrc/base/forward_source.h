// A stream as a Source, for readers that only ever go forwards.
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_stream.h"
#include "base/source.h"

namespace fastinet {

/// The bytes of a stream by their offset, while they are at hand. A read may begin up to kKeptBytes
/// before the end of the one before it; what lies further back is gone, and what lies between is
/// passed over. For one thread only: ReadAt is const because Source has it so, and moves on in the
/// stream nevertheless.
class ForwardSource final : public Source {
 public:
  /// [bytes] Walking a tar means to look at a header and the first block behind it, and then to
  /// read from there what they announce.
  static constexpr size_t kKeptBytes = size_t{1} << 14;

  /// `stream` must outlive the source.
  explicit ForwardSource(ByteStream& stream) : stream_(stream) {}

  /// kUnknownSize until the stream's end has been seen, which is at the latest when its last byte
  /// has been read.
  uint64_t size_bytes() const override { return over_ ? buffer_offset_ + end_ : kUnknownSize; }

  /// kCorrupt when the stream ends before the range does.
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  Result<size_t> ReadUpTo(uint64_t offset_bytes, MutableBytes out) const override;
  /// `length_bytes` is at most kKeptBytes.
  Status Await(uint64_t offset_bytes, uint64_t length_bytes) const override;
  void Prefetch(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const override {}

 private:
  Status CheckForwards(uint64_t offset_bytes) const;
  Result<bool> PassTo(uint64_t offset_bytes) const;
  Status ReadBuffered(MutableBytes out) const;
  Status ReadThrough(MutableBytes out) const;
  Status Fill(size_t wanted) const;
  Status Ended(uint64_t wanted_end) const;

  ByteStream& stream_;
  // buffer_[begin_ .. end_) are the bytes from buffer_offset_ + begin_ on.
  mutable std::vector<uint8_t> buffer_;
  mutable uint64_t buffer_offset_ = 0;
  mutable size_t begin_ = 0;
  mutable size_t next_ = 0;  // where the range begins that is being read
  mutable size_t end_ = 0;
  mutable bool over_ = false;
};

}  // namespace fastinet
