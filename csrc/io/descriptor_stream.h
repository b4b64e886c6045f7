// A file descriptor as a ByteStream: standard input, a pipe, a socket.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/byte_stream.h"

namespace fastinet {

/// Reads a descriptor from where it stands. Whoever waits for bytes can be interrupted.
class DescriptorStream final : public ByteStream {
 public:
  /// Takes a duplicate of `descriptor`, so that the caller may close it. `name` is for messages.
  /// kIo when it is none that can be read.
  static Result<std::unique_ptr<DescriptorStream>> Open(int descriptor, std::string name);

  ~DescriptorStream() override;
  DescriptorStream(const DescriptorStream&) = delete;
  DescriptorStream& operator=(const DescriptorStream&) = delete;

  Result<size_t> Read(MutableBytes out) override;

  /// Makes the read under way, and all later ones, fail with kCancelled. From any thread.
  void Interrupt();

  const std::string& name() const { return name_; }

 private:
  explicit DescriptorStream(std::string name) : name_(std::move(name)) {}

  Status WaitForBytes() const;
  Status SystemError(const char* what) const;

  std::string name_;
  int descriptor_ = -1;
  std::array<int, 2> wake_ = {-1, -1};  // a pipe: a byte in it interrupts
};

}  // namespace fastinet
