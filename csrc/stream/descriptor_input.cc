#include "stream/descriptor_input.h"

#include <utility>

namespace fastinet {

/// The bytes as they arrive, from the first one on.
class DescriptorInput::Plain final : public ByteStream {
 public:
  explicit Plain(const ForwardSource& source) : source_(source) {}

  Result<size_t> Read(MutableBytes out) override {
    FASTINET_ASSIGN_OR_RETURN(const size_t count, source_.ReadUpTo(position_, out));
    position_ += count;
    return count;
  }

 private:
  const ForwardSource& source_;
  uint64_t position_ = 0;
};

/// What they inflate to.
class DescriptorInput::Inflated final : public ByteStream {
 public:
  explicit Inflated(const ForwardSource& source) : inflater_(source) {}

  Result<size_t> Read(MutableBytes out) override {
    size_t produced = 0;
    while (produced == 0 && failure_.ok() && !inflater_.done()) {
      failure_ = inflater_.Next(out, false, &produced);
    }
    if (produced == 0) FASTINET_RETURN_IF_ERROR(failure_);
    return produced;
  }

 private:
  GzipInflater inflater_;
  Status failure_;
};

Result<std::unique_ptr<StreamInput>> DescriptorInput::Make(int descriptor, std::string name) {
  FASTINET_ASSIGN_OR_RETURN(std::unique_ptr<DescriptorStream> opened,
                            DescriptorStream::Open(descriptor, std::move(name)));
  return std::unique_ptr<StreamInput>(new DescriptorInput(std::move(opened)));
}

Result<ByteStream*> DescriptorInput::Open() {
  // As much as a tar's first header has, which is needed at once anyhow.
  Status failure;
  while (head_bytes_ < head_.size()) {
    const Result<size_t> more =
        arriving_.ReadUpTo(head_bytes_, MutableBytes(head_).subspan(head_bytes_));
    failure = more.status();
    if (!more.ok() || more.value() == 0) break;
    head_bytes_ += more.value();
  }
  if (head_bytes_ == 0) {
    FASTINET_RETURN_IF_ERROR(failure);
    return Corrupt("the stream is empty: it ended before its first byte").AtOffset(0);
  }
  // A failure behind the first bytes is met again where they are read.
  if (LooksLikeGzip(head())) {
    opened_ = std::make_unique<Inflated>(arriving_);
  } else {
    opened_ = std::make_unique<Plain>(arriving_);
  }
  return opened_.get();
}

}  // namespace fastinet
