// Points from which a gzip file can be inflated, and what must be known there of what came before.
//
// A deflate block may refer to the 32 KiB before it. Kept whole, that window would be 6 % of the
// data at one point every 512 KiB: photographs do not compress. But for the same reason hardly
// anything refers back. So what is kept of a window is the bytes that are referred to before the
// next point; the others are zeros, which compress to nothing. Which bytes these are, the inflate
// library tells without knowing: two more streams inflate the same data behind windows that hold,
// instead of the content, the low and the high half of each byte's position. Where their outputs
// differ from each other or from the true one, they spell the position that the byte came from.
// They can stop as soon as 32 KiB have gone by without a byte from the window, which for
// photographs is soon.
//
// That this works with zlib as it is, and that zlib stops at the end of each block and says at
// which bit, is why zlib does the inflating. ISA-L (2.30) is 1.3 times as fast on gzipped
// photographs (930 against 710 MB/s on a Zen 4 core), but it does not stop at blocks. Where a
// system's zlib is zlib-ng in its compatible form (Fedora since 40), that is what runs here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "gzip/inflater.h"

namespace fastinet {

/// Distance of seek points in the inflated data, about [bytes].
///
/// A read inflates half of it on average to get to its first byte: 0.4 ms of a core at 700 MB/s, as
/// long as a photograph's decoding takes. Half the distance would save a quarter of a read's time,
/// and cost the pass a seventh more. The index is no constraint: a point of gzipped photographs
/// takes some 70 bytes, twenty of them for its offsets. With the members that it lists too, the
/// index takes 0.08 % of the archive (docs/figures.md); with every byte of every window it would
/// take 6 % more.
inline constexpr uint64_t kSeekSpacingBytes = uint64_t{1} << 19;

/// The least distance of two points: the window of the second must come from the stretch between
/// them alone, or bytes before the first would be referred to that nobody noted.
inline constexpr uint64_t kMinSeekSpacingBytes = kDeflateWindowBytes;

/// Seek points as columns, in rising order; the first is that of the file's first block.
struct SeekColumns {
  std::vector<uint64_t> bit_offsets;   // of the block, in the file [bits]
  std::vector<uint64_t> offsets;       // of its first byte, in the inflated data [bytes]
  std::vector<uint32_t> window_sizes;  // of what lies in `windows` for it [bytes]; 0: none needed
  std::vector<uint8_t> windows;        // one behind the other, each a zlib stream

  size_t count() const { return offsets.size(); }
};

/// The end of the window that a zlib stream of `SeekColumns::windows` holds. kCorrupt when it is
/// damaged (the stream carries a checksum of its content) or too long.
Result<std::vector<uint8_t>> UnpackWindow(Bytes packed);

/// Collects seek points while an inflater that it observes runs.
class SeekPointBuilder final : public InflateObserver {
 public:
  /// Ends the point before, and begins one at `point`, where a block begins. `window` is what was
  /// inflated before it: kDeflateWindowBytes, or all that its gzip member has so far if that is
  /// less.
  Status Begin(const InflatePoint& point, Bytes window);
  /// Ends the last point: the data are at their end.
  Status Finish();

  /// The points that have ended; taken away by moving.
  SeekColumns& points() { return points_; }

  Status OnCall(Bytes in, MutableBytes out, const RawInflate::Call& call) override;
  void OnMemberEnd() override { probing_ = false; }

 private:
  void MarkUsed(Bytes content);

  SeekColumns points_;
  std::optional<InflatePoint> open_;  // the last point, whose stretch is being inflated
  std::vector<uint8_t> window_;       // of that point
  std::vector<bool> used_;            // which bytes of it are referred to

  bool probing_ = false;
  std::array<RawInflate, 2> probes_;  // behind windows of low and of high halves of positions
  std::array<std::vector<uint8_t>, 2> outputs_;
  size_t clean_bytes_ = 0;  // since the last one that came from the window
};

}  // namespace fastinet
