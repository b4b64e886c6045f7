// A stream of bytes in memory, for tests and fuzzers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/byte_stream.h"

namespace fastinet::test {

/// Bytes that the caller keeps alive, which come in pieces; then `end`, a failure or nothing.
class PieceStream final : public ByteStream {
 public:
  explicit PieceStream(Bytes bytes, size_t piece = SIZE_MAX, Status end = {})
      : bytes_(bytes), piece_(piece), end_(std::move(end)) {}

  Result<size_t> Read(MutableBytes out) override {
    if (bytes_.empty() && !end_.ok()) return end_;
    const size_t count = std::min({out.size(), bytes_.size(), piece_});
    if (count > 0) std::memcpy(out.data(), bytes_.data(), count);
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  Bytes bytes_;
  size_t piece_;
  Status end_;
};

}  // namespace fastinet::test
