// zlib's inflate for raw deflate data (RFC 1951), started anywhere that a block begins.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/status.h"
#include "gzip/zlib_memory.h"

namespace fastinet {

/// How far back deflate data may refer (RFC 1951, 2): the window that must be known to go on.
inline constexpr size_t kDeflateWindowBytes = size_t{1} << 15;

/// One zlib stream. Cheap to restart; 40 KB of memory while it lives.
class RawInflate {
 public:
  /// What one call did.
  struct Call {
    int code = Z_OK;  // zlib's
    size_t consumed = 0;
    size_t produced = 0;
    bool at_boundary = false;     // between two blocks: another one follows
    int unused_bits = 0;          // of the last byte consumed, when at a boundary
    bool stop_at_blocks = false;  // as it was asked for
  };

  RawInflate() = default;
  ~RawInflate() { End(); }
  RawInflate(const RawInflate&) = delete;
  RawInflate& operator=(const RawInflate&) = delete;

  /// Begins with a block of which the `bits` (0..7) high bits of `byte` are the first, behind
  /// `window` (at most kDeflateWindowBytes). kOutOfMemory when there is no memory.
  Status Start(int bits, uint8_t byte, Bytes window) {
    const int code = alive_ ? inflateReset2(&stream_, -MAX_WBITS) : Init();
    if (code != Z_OK) return OutOfMemory();
    alive_ = true;
    if (bits > 0) (void)inflatePrime(&stream_, bits, byte >> (8 - bits));
    if (!window.empty()) {
      // It may have to make zlib's window. Without one, what follows would be told to lack memory
      // whenever it is asked for.
      const auto size = static_cast<uInt>(window.size());
      if (inflateSetDictionary(&stream_, window.data(), size) != Z_OK) return OutOfMemory();
    }
    return {};
  }

  /// Inflates until `in` or `out` is used up, the data end, or, if `stop_at_blocks`, a block ends.
  Call Inflate(Bytes in, MutableBytes out, bool stop_at_blocks) {
    constexpr int kLastBlock = 64, kAtBoundary = 128, kBitCount = 7;  // of data_type, see zlib.h
    stream_.next_in = const_cast<Bytef*>(in.data());                  // zlib does not write there
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    Call call;
    call.stop_at_blocks = stop_at_blocks;
    call.code = inflate(&stream_, stop_at_blocks ? Z_BLOCK : Z_NO_FLUSH);
    call.consumed = in.size() - stream_.avail_in;
    call.produced = out.size() - stream_.avail_out;
    call.at_boundary = stop_at_blocks && call.code == Z_OK &&
                       (stream_.data_type & (kLastBlock | kAtBoundary)) == kAtBoundary;
    call.unused_bits = stream_.data_type & kBitCount;
    return call;
  }

  /// That there was none for zlib's state or window.
  static Status OutOfMemory() { return Status::OutOfMemory("not enough memory to inflate"); }

  /// What zlib says of the failure of the last call.
  const char* message() const { return stream_.msg != nullptr ? stream_.msg : "damaged data"; }

 private:
  int Init() {
    stream_ = {};
    UseOperatorNew(stream_);
    return inflateInit2(&stream_, -MAX_WBITS);
  }
  void End() {
    if (alive_) (void)inflateEnd(&stream_);
  }

  z_stream stream_{};
  bool alive_ = false;
};

}  // namespace fastinet
