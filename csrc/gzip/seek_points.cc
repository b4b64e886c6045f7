#include "gzip/seek_points.h"

#include <algorithm>
#include <string>

namespace fastinet {
namespace {

/// The mark of position `i` of a window in one of the two probes.
uint8_t Mark(size_t probe, size_t i) { return static_cast<uint8_t>(probe == 0 ? i : i >> 8); }

/// Lets `stream` read `in` and write `out`, both of which are about as large as a window.
void Connect(z_stream& stream, Bytes in, MutableBytes out) {
  stream.next_in = const_cast<Bytef*>(in.data());  // zlib does not write there
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
}

/// Appends `window` to `packed` as a zlib stream, and says how long that is; `packed` stays as it
/// was where there is no memory.
Result<size_t> Pack(Bytes window, std::vector<uint8_t>& packed) {
  z_stream stream{};
  UseOperatorNew(stream);
  const size_t before = packed.size();
  packed.resize(before + compressBound(static_cast<uLong>(window.size())));
  const bool is_begun = deflateInit(&stream, Z_DEFAULT_COMPRESSION) == Z_OK;
  if (is_begun) {
    Connect(stream, window, MutableBytes(packed).subspan(before));
    (void)deflate(&stream, Z_FINISH);  // ends, since there is room for all
    (void)deflateEnd(&stream);
  }
  packed.resize(before + stream.total_out);
  if (!is_begun) return Status::OutOfMemory("not enough memory to deflate");
  return static_cast<size_t>(stream.total_out);
}

}  // namespace

Result<std::vector<uint8_t>> UnpackWindow(Bytes packed) {
  std::vector<uint8_t> window(kDeflateWindowBytes);
  z_stream stream{};
  UseOperatorNew(stream);
  if (inflateInit(&stream) != Z_OK) return RawInflate::OutOfMemory();
  Connect(stream, packed, window);
  const int code = inflate(&stream, Z_FINISH);
  const size_t size = window.size() - stream.avail_out;
  (void)inflateEnd(&stream);
  if (code == Z_MEM_ERROR) return RawInflate::OutOfMemory();
  if (code != Z_STREAM_END) {
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
    if (same.code == Z_MEM_ERROR) return RawInflate::OutOfMemory();
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
  size_t size = 0;
  if (!kept.empty()) {
    FASTINET_ASSIGN_OR_RETURN(size, Pack(kept, points_.windows));
  }
  points_.bit_offsets.push_back(open_->bit_offset);
  points_.offsets.push_back(open_->offset);
  points_.window_sizes.push_back(static_cast<uint32_t>(size));
  open_.reset();
  return {};
}

}  // namespace fastinet
