// Standard input, a pipe or a socket as the input of a stream run: gzip is recognised on the fly.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/forward_source.h"
#include "gzip/inflater.h"
#include "io/descriptor_stream.h"
#include "stream/stream_input.h"

namespace fastinet {

/// A descriptor's bytes, inflated where they begin as gzip data do.
class DescriptorInput final : public StreamInput {
 public:
  /// See DescriptorStream::Open.
  static Result<std::unique_ptr<StreamInput>> Make(int descriptor, std::string name);

  const std::string& name() const override { return descriptor_->name(); }
  Result<ByteStream*> Open() override;
  Bytes head() const override { return Bytes(head_).first(head_bytes_); }
  void Interrupt() override { descriptor_->Interrupt(); }

 private:
  class Plain;
  class Inflated;

  explicit DescriptorInput(std::unique_ptr<DescriptorStream> descriptor)
      : descriptor_(std::move(descriptor)), arriving_(*descriptor_) {}

  std::unique_ptr<DescriptorStream> descriptor_;
  ForwardSource arriving_;
  std::array<uint8_t, kHeadBytes> head_{};
  size_t head_bytes_ = 0;
  std::unique_ptr<ByteStream> opened_;
};

}  // namespace fastinet
