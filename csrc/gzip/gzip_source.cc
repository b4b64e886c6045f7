#include "gzip/gzip_source.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "base/out_of_memory.h"
#include "gzip/seek_points.h"

namespace fastinet {
namespace {

// Inflated at once [bytes]: what is a good size for zlib, and little to have inflated in vain.
constexpr size_t kPieceBytes = size_t{1} << 16;

// A stretch is as long as the spacing of the points, unless its blocks are long: deflate lets one
// stand for any length. So much is kept of one; of a longer one, the part read last.
constexpr size_t kMaxKeptBytes = size_t{1} << 22;

// What a stretch takes beside its content [bytes]: the inflater's buffer, zlib's state and window.
constexpr size_t kStateBytes = (size_t{1} << 16) + 40'000;

/// `status` of the file, with its offset there, as one of the content that cannot be had.
Status InContent(const Status& status, uint64_t offset) {
  std::string cause(status.cause());
  if (status.offset_bytes() >= 0) {
    cause += " (at byte " + std::to_string(status.offset_bytes()) + " of the compressed file)";
  }
  return Status(status.code(), std::move(cause))
      .InArchive(status.archive())
      .AtOffset(static_cast<int64_t>(offset));
}

}  // namespace

/// One stretch: what is inflated of it, and how to go on.
class GzipSource::Stretch {
 public:
  Stretch(const Source& file, const SeekPoints& points, size_t index)
      : index_(index),
        start_(points.offsets[index]),
        end_(index + 1 < points.count() ? points.offsets[index + 1] : points.size_bytes),
        bit_offset_(points.bit_offsets[index]),
        window_(points.windows.subspan(points.window_starts[index], points.window_sizes[index])),
        inflater_(file) {}

  size_t index() const { return index_; }
  uint64_t end() const { return end_; }
  size_t kept_bytes() const { return kept_bytes_.load(std::memory_order_relaxed); }

  /// Copies the content from `offset` on, which lies inside.
  Status Read(uint64_t offset, MutableBytes out, std::atomic<uint64_t>& inflated) {
    const std::lock_guard lock(mutex_);
    if (failed_ || !begun_ || offset < kept_start_) FASTINET_RETURN_IF_ERROR(Begin());
    while (!out.empty()) {
      const uint64_t kept_end = kept_start_ + kept_.size();
      if (offset < kept_end) {
        const auto ready = static_cast<size_t>(std::min<uint64_t>(out.size(), kept_end - offset));
        std::memcpy(out.data(), kept_.data() + (offset - kept_start_), ready);
        out = out.subspan(ready);
        offset += ready;
      } else {
        FASTINET_RETURN_IF_ERROR(InflatePiece(inflated));
      }
    }
    return {};
  }

 private:
  Status Begin() {
    std::vector<uint8_t> window;
    if (!window_.empty()) {
      FASTINET_ASSIGN_OR_RETURN(window, UnpackWindow(window_));
    }
    InflatePoint point;
    point.bit_offset = bit_offset_;
    point.offset = start_;
    failed_ = true;
    FASTINET_RETURN_IF_ERROR(inflater_.StartAt(point, window));
    failed_ = false;
    begun_ = true;
    kept_.clear();
    kept_start_ = start_;
    return {};
  }

  Status InflatePiece(std::atomic<uint64_t>& inflated) {
    const uint64_t position = kept_start_ + kept_.size();
    if (kept_.size() + kPieceBytes > kMaxKeptBytes) {
      kept_.clear();
      kept_start_ = position;
    }
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(kPieceBytes, end_ - position));
    if (kept_.capacity() == 0) {
      kept_.reserve(static_cast<size_t>(std::min<uint64_t>(end_ - start_, kMaxKeptBytes)));
    }
    const size_t before = kept_.size();
    // Until all is well: memory may run out while kept_ is longer than what is in it.
    failed_ = true;
    kept_.resize(before + wanted);
    size_t produced = 0;
    Status status = inflater_.Next(MutableBytes(kept_).subspan(before), false, &produced);
    kept_.resize(before + produced);
    kept_bytes_.store(kept_.capacity() + kStateBytes, std::memory_order_relaxed);
    inflated.fetch_add(produced, std::memory_order_relaxed);
    failed_ = !status.ok();
    if (status.ok() && produced < wanted) {
      failed_ = true;
      return Corrupt("the gzip data end before what their index says; build it anew")
          .AtOffset(static_cast<int64_t>(inflater_.position_bytes()));
    }
    return status;
  }

  const size_t index_;
  const uint64_t start_, end_;  // in the inflated data
  const uint64_t bit_offset_;
  const Bytes window_;  // packed

  std::mutex mutex_;
  GzipInflater inflater_;
  bool begun_ = false;
  // Begin anew before anything is read: the error may have been of the moment.
  bool failed_ = false;
  std::vector<uint8_t> kept_;  // the content from kept_start_ on
  uint64_t kept_start_ = 0;
  std::atomic<size_t> kept_bytes_{kStateBytes};
};

Result<std::unique_ptr<GzipSource>> GzipSource::Make(std::unique_ptr<const Source> file,
                                                     const SeekPoints& points, size_t cache_bytes) {
  const size_t count = points.count();
  bool fit = count > 0 && points.bit_offsets.size() == count &&
             points.window_starts.size() == count && points.window_sizes.size() == count &&
             points.offsets[0] == 0;
  for (size_t i = 0; fit && i < count; ++i) {
    const uint64_t start = points.window_starts[i], size = points.window_sizes[i];
    const uint64_t next = i + 1 < count ? points.offsets[i + 1] : points.size_bytes;
    fit = points.offsets[i] <= next && points.bit_offsets[i] / 8 < file->size_bytes() &&
          start <= points.windows.size() && size <= points.windows.size() - start;
  }
  if (!fit) return Corrupt("the seek points do not fit the gzip file; build them anew");
  return std::unique_ptr<GzipSource>(new GzipSource(std::move(file), points, cache_bytes));
}

GzipSource::GzipSource(std::unique_ptr<const Source> file, const SeekPoints& points,
                       size_t cache_bytes)
    : file_(std::move(file)), points_(points), cache_bytes_(cache_bytes) {}

GzipSource::~GzipSource() = default;

Status GzipSource::ReadAt(uint64_t offset_bytes, MutableBytes out) const {
  if (offset_bytes > size_bytes() || out.size() > size_bytes() - offset_bytes) {
    return Status(StatusCode::kIo, "read beyond the end of the inflated data")
        .AtOffset(static_cast<int64_t>(size_bytes()));
  }
  return OrOutOfMemory("not enough memory to inflate", [&]() -> Status {
    while (!out.empty()) {
      const std::shared_ptr<Stretch> stretch = Take(IndexOf(offset_bytes));
      const auto part =
          static_cast<size_t>(std::min<uint64_t>(out.size(), stretch->end() - offset_bytes));
      Status status = stretch->Read(offset_bytes, out.first(part), inflated_);
      if (!status.ok()) return InContent(status, offset_bytes);
      out = out.subspan(part);
      offset_bytes += part;
    }
    return {};
  });
}

/// The last of the stretches that begin at `offset` or before; those before it of the same offset
/// are empty.
size_t GzipSource::IndexOf(uint64_t offset) const {
  const auto above = std::upper_bound(points_.offsets.begin(), points_.offsets.end(), offset);
  return static_cast<size_t>(above - points_.offsets.begin()) - 1;
}

std::shared_ptr<GzipSource::Stretch> GzipSource::Take(size_t index) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(recent_.begin(), recent_.end(),
                                  [index](const auto& each) { return each->index() == index; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
  } else {
    Trim();
    recent_.push_front(std::make_shared<Stretch>(*file_, points_, index));
  }
  return recent_.front();
}

/// Lets go of the stretches that were not used for longest, until the rest and a new one fit.
void GzipSource::Trim() const {
  size_t kept = kStateBytes;
  for (const auto& each : recent_) kept += each->kept_bytes();
  while (!recent_.empty() && kept > cache_bytes_) {
    kept -= recent_.back()->kept_bytes();
    recent_.pop_back();
  }
}

void GzipSource::Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const {
  if (length_bytes == 0 || offset_bytes >= size_bytes()) return;
  const uint64_t last = std::min(offset_bytes + (length_bytes - 1), size_bytes() - 1);
  const uint64_t begin = points_.bit_offsets[IndexOf(offset_bytes)] / 8;
  const size_t behind = IndexOf(last) + 1;
  const uint64_t end =
      behind < points_.count() ? points_.bit_offsets[behind] / 8 + 1 : file_->size_bytes();
  file_->Prefetch(begin, end - std::min(begin, end));
}

uint64_t GzipSource::inflated_bytes() const { return inflated_.load(std::memory_order_relaxed); }

}  // namespace fastinet
