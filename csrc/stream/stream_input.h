// What a pass over a stream reads from: bytes that come once, and a way to stop waiting for them.
#pragma once

#include <cstddef>
#include <string>

#include "base/byte_stream.h"
#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// A stream that is not open yet, and how to wake the thread that waits for its bytes.
class StreamInput {
 public:
  static constexpr size_t kHeadBytes = 512;  // as HEAD_BYTES in fastinet/formats/signatures.py

  virtual ~StreamInput() = default;
  /// Its name for messages.
  virtual const std::string& name() const = 0;
  /// The archive's bytes: inflated, where the stream is compressed. Called once.
  virtual Result<ByteStream*> Open() = 0;
  /// The first bytes as they came, up to kHeadBytes of them, so that messages can say what they
  /// are. By the thread that called Open(), afterwards.
  virtual Bytes head() const = 0;
  /// Makes reads fail with kCancelled from now on. From any thread.
  virtual void Interrupt() = 0;
};

}  // namespace fastinet
