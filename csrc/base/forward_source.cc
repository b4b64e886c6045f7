#include "base/forward_source.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/checked.h"

namespace fastinet {
namespace {

// What a pipe holds on Linux, and so the most that one read of it gives.
constexpr size_t kChunkBytes = size_t{1} << 16;

}  // namespace

Status ForwardSource::ReadAt(uint64_t offset_bytes, MutableBytes out) const {
  const std::optional<uint64_t> end = CheckedAdd<uint64_t>(offset_bytes, out.size());
  if (!end) return Ended(UINT64_MAX);
  FASTINET_RETURN_IF_ERROR(CheckForwards(offset_bytes));
  FASTINET_ASSIGN_OR_RETURN(const bool is_there, PassTo(offset_bytes));
  if (!is_there) return Ended(offset_bytes);
  FASTINET_RETURN_IF_ERROR(out.size() > kKeptBytes ? ReadThrough(out) : ReadBuffered(out));
  // One byte further, so that whoever has read the last one can know that it was.
  const auto behind = static_cast<size_t>(*end - buffer_offset_);
  if (behind >= end_) (void)Fill(behind + 1);  // what fails here fails the next read, too
  return {};
}

Result<size_t> ForwardSource::ReadUpTo(uint64_t offset_bytes, MutableBytes out) const {
  FASTINET_RETURN_IF_ERROR(CheckForwards(offset_bytes));
  FASTINET_ASSIGN_OR_RETURN(const bool is_there, PassTo(offset_bytes));
  if (!is_there) return Ended(offset_bytes);
  if (next_ == end_) FASTINET_RETURN_IF_ERROR(Fill(next_ + 1));
  const size_t count = std::min(out.size(), end_ - next_);
  if (count > 0) std::memcpy(out.data(), buffer_.data() + next_, count);
  return count;
}

Status ForwardSource::Await(uint64_t offset_bytes, uint64_t length_bytes) const {
  FASTINET_RETURN_IF_ERROR(CheckForwards(offset_bytes));
  FASTINET_ASSIGN_OR_RETURN(const bool is_there, PassTo(offset_bytes));
  return is_there ? Fill(next_ + static_cast<size_t>(length_bytes)) : Status();
}

Status ForwardSource::CheckForwards(uint64_t offset_bytes) const {
  if (offset_bytes >= buffer_offset_ + begin_) return {};
  return Status(StatusCode::kInternal, "a stream cannot go back")
      .AtOffset(static_cast<int64_t>(offset_bytes));
}

/// Fills `out` from where PassTo went, by way of the buffer.
Status ForwardSource::ReadBuffered(MutableBytes out) const {
  FASTINET_RETURN_IF_ERROR(Fill(next_ + out.size()));
  if (end_ - next_ < out.size()) return Ended(buffer_offset_ + next_ + out.size());
  if (!out.empty()) std::memcpy(out.data(), buffer_.data() + next_, out.size());
  return {};
}

/// The same for a large `out`: what is not at hand yet goes straight there, and only what may be
/// asked for once more is put into the buffer.
Status ForwardSource::ReadThrough(MutableBytes out) const {
  const uint64_t out_offset = buffer_offset_ + next_;
  size_t filled = std::min(out.size(), end_ - next_);
  if (filled > 0) std::memcpy(out.data(), buffer_.data() + next_, filled);
  if (filled == out.size()) return {};
  while (filled < out.size()) {
    FASTINET_ASSIGN_OR_RETURN(const size_t count, stream_.Read(out.subspan(filled)));
    filled += count;
    if (count > 0) continue;
    buffer_offset_ = out_offset + filled;
    begin_ = next_ = end_ = 0;
    over_ = true;
    return Ended(out_offset + out.size());
  }
  const Bytes kept = Bytes(out).last(kKeptBytes);
  buffer_.resize(std::max(buffer_.size(), kKeptBytes + kChunkBytes));
  std::copy(kept.begin(), kept.end(), buffer_.begin());
  buffer_offset_ = out_offset + out.size() - kept.size();
  begin_ = next_ = 0;
  end_ = kept.size();
  return {};
}

/// Drops what lies more than kKeptBytes before `offset_bytes`, and reads on until that is at hand;
/// false: the stream ends before.
Result<bool> ForwardSource::PassTo(uint64_t offset_bytes) const {
  const uint64_t keep_from = offset_bytes - std::min<uint64_t>(offset_bytes, kKeptBytes);
  while (buffer_offset_ + end_ < keep_from) {
    buffer_offset_ += end_;
    begin_ = end_ = 0;
    FASTINET_RETURN_IF_ERROR(Fill(1));
    if (end_ == 0) return false;
  }
  if (keep_from > buffer_offset_) {
    begin_ = std::max(begin_, static_cast<size_t>(keep_from - buffer_offset_));
  }
  while (buffer_offset_ + end_ < offset_bytes) {
    const size_t before = end_ - begin_;
    FASTINET_RETURN_IF_ERROR(Fill(end_ + 1));
    if (end_ - begin_ == before) return false;
  }
  next_ = static_cast<size_t>(offset_bytes - buffer_offset_);
  return true;
}

/// Reads until the buffer ends at `wanted` or later, or the stream does. May move the bytes kept.
Status ForwardSource::Fill(size_t wanted) const {
  if (buffer_.size() < std::max(wanted, end_) + kChunkBytes && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    wanted -= begin_;
    end_ -= begin_;
    next_ -= std::min(next_, begin_);
    buffer_offset_ += begin_;
    begin_ = 0;
  }
  buffer_.resize(std::max(buffer_.size(), std::max(wanted, end_) + kChunkBytes));
  while (!over_ && end_ < wanted) {
    FASTINET_ASSIGN_OR_RETURN(const size_t count,
                              stream_.Read(MutableBytes(buffer_).subspan(end_)));
    end_ += count;
    over_ = count == 0;
  }
  return {};
}

Status ForwardSource::Ended(uint64_t wanted_end) const {
  const uint64_t size = buffer_offset_ + end_;
  return Corrupt("truncated: the stream ends here, " + std::to_string(wanted_end - size) +
                 " bytes before it may")
      .AtOffset(static_cast<int64_t>(size));
}

}  // namespace fastinet
