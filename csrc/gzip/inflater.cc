#include "gzip/inflater.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/memory_source.h"

namespace fastinet {
namespace {

// RFC 1952, 2.3.1.
constexpr uint8_t kMethodDeflate = 8;
constexpr uint8_t kHasHeaderCrc = 1 << 1, kHasExtra = 1 << 2, kHasName = 1 << 3,
                  kHasComment = 1 << 4, kReserved = 0xe0;

// File names end at 4096 bytes (PATH_MAX on Linux); a comment of 64 KiB is generous. Without a
// bound, damage in a header could pass the rest of the file for a name.
constexpr size_t kMaxTextBytes = size_t{1} << 16;

constexpr size_t kTrailerBytes = 8;

}  // namespace

GzipInflater::GzipInflater(const Source& source, InflateObserver* observer)
    : source_(source), observer_(observer), buffer_(kBufferBytes) {}

void GzipInflater::Rewind() {
  state_ = State::kHeader;
  point_ = {};
  at_block_ = false;
  member_start_ = buffer_offset_ = begin_ = end_ = 0;
}

Status GzipInflater::StartAt(const InflatePoint& point, Bytes window) {
  Rewind();
  point_ = point;
  buffer_offset_ = point.bit_offset / 8;
  if (point.first_bits() > 0) {
    FASTINET_ASSIGN_OR_RETURN(point_.first_byte, Byte());
  }
  FASTINET_RETURN_IF_ERROR(raw_.Start(point.first_bits(), point_.first_byte, window));
  state_ = State::kBody;
  return {};
}

Status GzipInflater::Next(MutableBytes out, bool stop_at_blocks, size_t* produced) {
  *produced = 0;
  at_block_ = false;
  while (!done() && !at_block_ && *produced < out.size()) {
    switch (state_) {
      case State::kHeader:
        FASTINET_RETURN_IF_ERROR(ReadHeader());
        at_block_ = stop_at_blocks;
        break;
      case State::kBody:
        FASTINET_RETURN_IF_ERROR(Inflate(out.subspan(*produced), stop_at_blocks, produced));
        break;
      case State::kTrailer:
        FASTINET_RETURN_IF_ERROR(ReadTrailer());
        break;
      case State::kBetween:
        FASTINET_RETURN_IF_ERROR(PassPadding());
        break;
      case State::kDone:
        break;
    }
  }
  return {};
}

Status GzipInflater::ReadHeader() {
  member_start_ = position_bytes();
  header_crc_ = 0;
  std::array<uint8_t, 10> fixed;
  for (size_t i = 0; i < fixed.size(); ++i) {
    FASTINET_ASSIGN_OR_RETURN(fixed[i], Byte());
    // At once: five bytes of something else are no header that is cut short.
    if (i < kGzipMagic.size() && fixed[i] != kGzipMagic[i]) {
      return Failed(
          Corrupt(member_start_ == 0 ? "not a gzip file"
                                     : "behind the end of the gzip data is something that "
                                       "is neither a gzip member nor a padding of zeros"),
          member_start_);
    }
  }
  const uint8_t flags = fixed[3];
  if (fixed[2] != kMethodDeflate || (flags & kReserved) != 0) {
    return Failed(Unsupported("a gzip member with a compression method or flags that RFC 1952 does "
                              "not define"),
                  member_start_);
  }
  if ((flags & kHasExtra) != 0) {
    FASTINET_ASSIGN_OR_RETURN(const uint8_t low, Byte());
    FASTINET_ASSIGN_OR_RETURN(const uint8_t high, Byte());
    for (uint32_t left = low | (uint32_t{high} << 8); left > 0; --left) {
      FASTINET_RETURN_IF_ERROR(Byte().status());
    }
  }
  if ((flags & kHasName) != 0) FASTINET_RETURN_IF_ERROR(SkipText());
  if ((flags & kHasComment) != 0) FASTINET_RETURN_IF_ERROR(SkipText());
  if ((flags & kHasHeaderCrc) != 0) {
    const uint32_t computed = header_crc_ & 0xffff;
    FASTINET_ASSIGN_OR_RETURN(const uint8_t low, Byte());
    FASTINET_ASSIGN_OR_RETURN(const uint8_t high, Byte());
    if (computed != (low | (uint32_t{high} << 8))) {
      return Failed(Corrupt("the checksum of a gzip header is wrong"), member_start_);
    }
  }
  FASTINET_RETURN_IF_ERROR(raw_.Start(0, 0, {}));
  point_.bit_offset = position_bytes() * 8;
  point_.checked = true;
  point_.crc = 0;
  point_.member_bytes = 0;
  state_ = State::kBody;
  return {};
}

Status GzipInflater::Inflate(MutableBytes out, bool stop_at_blocks, size_t* produced) {
  if (begin_ == end_) {
    FASTINET_ASSIGN_OR_RETURN(const bool more, Refill());
    if (!more) {
      return Failed(Corrupt("truncated: the gzip data end within a member"), position_bytes());
    }
  }
  // zlib counts in 32 bits.
  out = out.first(std::min<size_t>(out.size(), size_t{1} << 30));
  const Bytes in = rest();
  const RawInflate::Call call = raw_.Inflate(in, out, stop_at_blocks);
  const uint64_t called_at = position_bytes();
  begin_ += call.consumed;
  if (call.consumed > 0) last_byte_ = in[call.consumed - 1];
  *produced += call.produced;
  point_.offset += call.produced;
  point_.member_bytes += call.produced;
  if (point_.checked) {
    point_.crc = static_cast<uint32_t>(crc32_z(point_.crc, out.data(), call.produced));
  }
  if (observer_ != nullptr) FASTINET_RETURN_IF_ERROR(observer_->OnCall(in, out, call));
  switch (call.code) {
    case Z_STREAM_END:
      if (observer_ != nullptr) observer_->OnMemberEnd();
      state_ = State::kTrailer;
      return {};
    case Z_OK:
    case Z_BUF_ERROR:  // nothing came of what was left of a byte: there is more to read
      at_block_ = call.at_boundary;
      point_.bit_offset = position_bytes() * 8 - static_cast<uint64_t>(call.unused_bits);
      point_.first_byte = last_byte_;
      if (call.consumed == 0 && call.produced == 0 && !at_block_ && begin_ != end_) {
        return Failed({StatusCode::kInternal, "zlib makes no progress"}, called_at);
      }
      return {};
    case Z_MEM_ERROR:
      return Failed(RawInflate::OutOfMemory(), called_at);
    default:
      return Failed(Corrupt(std::string("damaged gzip data: ") + raw_.message()), position_bytes());
  }
}

Status GzipInflater::ReadTrailer() {
  std::array<uint8_t, kTrailerBytes> trailer;
  const uint64_t trailer_start = position_bytes();
  for (uint8_t& byte : trailer) {
    FASTINET_ASSIGN_OR_RETURN(byte, Byte());
  }
  state_ = State::kBetween;
  if (!point_.checked) return {};
  if (LoadLittleEndian32(trailer.data()) != point_.crc) {
    return Failed(Corrupt("damaged gzip data: the checksum (CRC-32) of a member is wrong"),
                  trailer_start);
  }
  if (LoadLittleEndian32(trailer.data() + 4) != static_cast<uint32_t>(point_.member_bytes)) {
    return Failed(Corrupt("damaged gzip data: the length that a member states is wrong"),
                  trailer_start + 4);
  }
  return {};
}

/// Finds the next member, or the end of the file, perhaps behind zeros.
Status GzipInflater::PassPadding() {
  bool padded = false;
  while (true) {
    FASTINET_ASSIGN_OR_RETURN(const bool more, begin_ != end_ ? Result<bool>(true) : Refill());
    if (!more) {
      state_ = State::kDone;
      return {};
    }
    const Bytes here = rest();
    const auto content = std::find_if(here.begin(), here.end(), [](uint8_t b) { return b != 0; });
    const auto zeros = static_cast<size_t>(content - here.begin());
    begin_ += zeros;
    padded = padded || zeros > 0;
    if (content == here.end()) continue;
    if (padded) {
      return Failed(Corrupt("behind the end of the gzip data are zeros, and then something else"),
                    position_bytes());
    }
    state_ = State::kHeader;
    return {};
  }
}

/// Reads on when the buffer is used up; false at the end of the file.
Result<bool> GzipInflater::Refill() {
  buffer_offset_ += begin_;
  begin_ = end_ = 0;
  FASTINET_ASSIGN_OR_RETURN(end_, source_.ReadUpTo(buffer_offset_, buffer_));
  return end_ > 0;
}

/// The next byte of a header or a trailer.
Result<uint8_t> GzipInflater::Byte() {
  if (begin_ == end_) {
    FASTINET_ASSIGN_OR_RETURN(const bool more, Refill());
    if (!more) {
      const bool empty = position_bytes() == 0;
      return Failed(Corrupt(empty ? "the file is empty"
                                  : "truncated: the gzip data end within a header or a trailer"),
                    position_bytes());
    }
  }
  const uint8_t byte = buffer_[begin_++];
  header_crc_ = static_cast<uint32_t>(crc32_z(header_crc_, &byte, 1));
  return byte;
}

/// Passes a text that ends in a zero.
Status GzipInflater::SkipText() {
  for (size_t i = 0; i < kMaxTextBytes; ++i) {
    FASTINET_ASSIGN_OR_RETURN(const uint8_t byte, Byte());
    if (byte == 0) return {};
  }
  return Failed(TooLarge("a name or comment of more than " + std::to_string(kMaxTextBytes) +
                         " bytes in a gzip header"),
                member_start_);
}

Status GzipInflater::Failed(Status status, uint64_t offset) const {
  return std::move(status).AtOffset(static_cast<int64_t>(offset));
}

Result<std::vector<uint8_t>> InflateAll(Bytes data, uint64_t limit_bytes) {
  constexpr size_t kStepBytes = size_t{1} << 16;
  const MemorySource source(data);
  GzipInflater inflater(source);
  std::vector<uint8_t> all;
  while (!inflater.done()) {
    const size_t before = all.size();
    // Twice as much at each step, so that little is copied; never much beyond the limit.
    const uint64_t room = std::max<uint64_t>(kStepBytes, before);
    all.resize(before + static_cast<size_t>(std::min(room, limit_bytes - before + 1)));
    size_t produced = 0;
    FASTINET_RETURN_IF_ERROR(inflater.Next(MutableBytes(all).subspan(before), false, &produced));
    all.resize(before + produced);
    if (all.size() > limit_bytes) {
      return TooLarge("the gzip data inflate to more than " + std::to_string(limit_bytes) +
                      " bytes, which is the limit");
    }
  }
  return all;
}

}  // namespace fastinet
