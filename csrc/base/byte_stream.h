// Bytes that come once, in order: a pipe, a socket, what a compressed stream inflates to.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// A stream of bytes. For one thread at a time.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Puts the next bytes at the start of `out`, as many as are there but at least one, and waits
  /// for these; returns how many. 0: the stream is over. `out` must not be empty.
  virtual Result<size_t> Read(MutableBytes out) = 0;
};

}  // namespace fastinet
