// What a gzip file inflates to, as a Source with random access.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/source.h"
#include "gzip/inflater.h"

namespace fastinet {

/// Seek points as an index maps them; see SeekColumns. Borrowed.
struct SeekPoints {
  std::span<const uint64_t> bit_offsets;
  std::span<const uint64_t> offsets;
  std::span<const uint64_t> window_starts;  // in `windows`
  std::span<const uint32_t> window_sizes;
  Bytes windows;
  uint64_t size_bytes = 0;  // of all that the file inflates to

  size_t count() const { return offsets.size(); }
};

/// A gzip file as its inflated content.
///
/// The data from one seek point to the next are a *stretch*. What was inflated of a stretch is kept
/// while memory allows, with the state to go on from there: the next item, or another part of the
/// same one, costs only what lies between. So readers that share a stretch inflate it once, in
/// whatever order, and from whatever threads, as long as all that they use at the same time fits
/// `cache_bytes`: a plan that goes through the stretches in blocks inflates each once.
class GzipSource final : public Source {
 public:
  /// Some fifty stretches of photographs: more than the threads of most machines read at once.
  static constexpr size_t kDefaultCacheBytes = size_t{1} << 25;

  /// `points` are of `file`, and are borrowed. kCorrupt when they cannot be.
  static Result<std::unique_ptr<GzipSource>> Make(std::unique_ptr<const Source> file,
                                                  const SeekPoints& points,
                                                  size_t cache_bytes = kDefaultCacheBytes);
  ~GzipSource() override;

  uint64_t size_bytes() const override { return points_.size_bytes; }
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override;
  void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const override;

  /// How much was inflated so far [bytes]: what random access costs.
  uint64_t inflated_bytes() const;

 private:
  class Stretch;

  GzipSource(std::unique_ptr<const Source> file, const SeekPoints& points, size_t cache_bytes);

  size_t IndexOf(uint64_t offset) const;
  std::shared_ptr<Stretch> Take(size_t index) const;
  void Trim() const;

  std::unique_ptr<const Source> file_;
  SeekPoints points_;
  size_t cache_bytes_;

  mutable std::atomic<uint64_t> inflated_{0};
  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<Stretch>> recent_;  // the last one used in front
};

}  // namespace fastinet
