// A source: the bytes of an archive at any offset, whether they are in a file, a folder, a gzip
// file or memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// An archive's bytes at any position. Implementations may be slow to answer (a network, a
/// decompressor), so ask for runs rather than for crumbs. All methods may be called from several
/// threads at once.
class Source {
 public:
  virtual ~Source() = default;

  /// Of a source that is still on its way: more than any file has, and yet far from wrapping.
  static constexpr uint64_t kUnknownSize = uint64_t{1} << 62;

  /// Length of the archive [bytes]; fixed for the life of the source, but for a source that is
  /// read while it arrives: there it is kUnknownSize until the end has been seen.
  virtual uint64_t size_bytes() const = 0;

  /// Fills `out` with the bytes from `offset_bytes` on: all of them or an error that names the
  /// archive and the first byte that could not be had (kIo).
  virtual Status ReadAt(uint64_t offset_bytes, MutableBytes out) const = 0;

  /// Fails where ReadAt would whatever `out` is, as far as that shows without taking memory for it:
  /// for lengths that come from an index. The bytes lie within size_bytes().
  virtual Status CheckRead(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const {
    return {};
  }

  /// ReadAt for a reader that takes what comes: puts bytes from `offset_bytes` on at the start of
  /// `out`, at least one, and returns how many. 0: the archive ends there, or before.
  virtual Result<size_t> ReadUpTo(uint64_t offset_bytes, MutableBytes out) const {
    const uint64_t size = size_bytes();
    const uint64_t left = size - std::min(offset_bytes, size);
    const MutableBytes wanted = out.first(std::min<uint64_t>(left, out.size()));
    FASTINET_RETURN_IF_ERROR(ReadAt(offset_bytes, wanted));
    return wanted.size();
  }

  /// Of a source that is read while it arrives: waits until these bytes are at hand, or its end is
  /// known and size_bytes() tells it. Others know all that.
  virtual Status Await(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const { return {}; }

  /// These bytes where they lie, if they are in memory for the life of the source: then there is
  /// nothing to read.
  virtual std::optional<Bytes> View(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const {
    return std::nullopt;
  }

  /// A hint that these bytes will be read soon; never waits for them, and fails at most by
  /// std::bad_alloc.
  virtual void Prefetch(uint64_t offset_bytes, uint64_t length_bytes) const = 0;

  /// Where a byte lies in the file that people see, for messages: they know nothing of sources that
  /// are put together from several files.
  virtual uint64_t OffsetInFile(uint64_t offset_bytes) const { return offset_bytes; }
};

}  // namespace fastinet
