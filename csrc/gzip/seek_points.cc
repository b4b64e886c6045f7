#include "gzip/seek_points.h"

#include <algorithm>
#include <string>

namespace fastinet {
namespace {

/// The mark of position `i` of a window in one of the two probes.
uint8_t Mark(size_t probe, size_t i) { return static_cast<uint8_t>(probe == 0 ? i : i >> 8); }

}  // namespace

Result<std::vector<uint8_t>> UnpackWindow(Bytes packed) {
  std::vector<uint8_t> window(kDeflateWindowBytes);
  uLongf size = window.size();
  const int code =
      uncompress(window.data(), &size, packed.data(), static_cast<uLong>(packed.size()));
  if (code == Z_MEM_ERROR) return Status::OutOfMemory("not enough memory to inflate");
  if (code != Z_OK) {
    return Corrupt("a window of the seek points is damaged; build them anew");
  }
  window.resize(size);
  return window;
}

Status SeekPointBuilder::Begin(const InflatePoint& point, Bytes window) {
  FASTINET_RETURN_IF_ERROR(Finish());
  open_ = point;
  window_.assign(window.begin(), window.end());
  used_.assign(window.size(), false);
  clean_bytes_ = 0;
  probing_ = !window.empty();
  if (!probing_) return {};
  std::vector<uint8_t> marks(window.size());
  for (size_t probe = 0; probe < probes_.size(); ++probe) {
    for (size_t i = 0; i < marks.size(); ++i) marks[i] = Mark(probe, i);
    FASTINET_RETURN_IF_ERROR(probes_[probe].Start(point.first_bits(), point.first_byte, marks));
  }
  // A byte that is its own mark in both probes could not be told from a literal: it counts as used.
  for (size_t i = 0; i < window.size(); ++i) {
    used_[i] = window[i] == Mark(0, i) && window[i] == Mark(1, i);
  }
  return {};
}

Status SeekPointBuilder::OnCall(Bytes in, MutableBytes out, const RawInflate::Call& call) {
  if (!probing_) return {};
  for (size_t probe = 0; probe < probes_.size(); ++probe) {
    std::vector<uint8_t>& output = outputs_[probe];
    if (output.size() < out.size()) output.resize(out.size());
    const RawInflate::Call same =
        probes_[probe].Inflate(in, MutableBytes(output).first(out.size()), call.stop_at_blocks);
    // It had its window to make, which the other has already.
    if (same.code == Z_MEM_ERROR) return Status::OutOfMemory("not enough memory to inflate");
    if (same.consumed != call.consumed || same.produced != call.produced) {
      return {StatusCode::kInternal, "a probe of the seek points went another way"};
    }
  }
  MarkUsed(out.first(call.produced));
  probing_ = clean_bytes_ < kDeflateWindowBytes;
  return {};
}

/// Finds what of `content` came from the window, by what the probes have instead.
void SeekPointBuilder::MarkUsed(Bytes content) {
  const uint8_t* low = outputs_[0].data();
  const uint8_t* high = outputs_[1].data();
  if (std::equal(content.begin(), content.end(), low) &&
      std::equal(content.begin(), content.end(), high)) {
    clean_bytes_ += content.size();
    return;
  }
  for (size_t i = 0; i < content.size(); ++i) {
    ++clean_bytes_;
    if (low[i] == content[i] && high[i] == content[i]) continue;
    const size_t position = low[i] | (static_cast<size_t>(high[i]) << 8);
    if (position < used_.size()) used_[position] = true;
    clean_bytes_ = 0;
  }
}

/// Files the point whose stretch has come to its end.
Status SeekPointBuilder::Finish() {
  probing_ = false;
  if (!open_) return {};
  const auto first = std::find(used_.begin(), used_.end(), true) - used_.begin();
  for (size_t i = 0; i < window_.size(); ++i) {
    if (!used_[i]) window_[i] = 0;
  }
  const Bytes kept = Bytes(window_).subspan(static_cast<size_t>(first));
  uLongf size = 0;
  if (!kept.empty()) {
    const size_t before = points_.windows.size();
    size = compressBound(static_cast<uLong>(kept.size()));
    points_.windows.resize(before + size);
    if (compress(points_.windows.data() + before, &size, kept.data(),
                 static_cast<uLong>(kept.size())) != Z_OK) {
      return TooLarge("not enough memory to deflate");
    }
    points_.windows.resize(before + size);
  }
  points_.bit_offsets.push_back(open_->bit_offset);
  points_.offsets.push_back(open_->offset);
  points_.window_sizes.push_back(static_cast<uint32_t>(size));
  open_.reset();
  return {};
}

}  // namespace fastinet
