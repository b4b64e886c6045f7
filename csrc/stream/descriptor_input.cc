#include "stream/descriptor_input.h"

#include <array>
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
  std::array<uint8_t, 2> head{};
  size_t count = 0;
  while (count < head.size()) {
    FASTINET_ASSIGN_OR_RETURN(const size_t more,
                              arriving_.ReadUpTo(count, MutableBytes(head).subspan(count)));
    if (more == 0) break;
    count += more;
  }
  if (count == 0) return Corrupt("the stream is empty: it ended before its first byte").AtOffset(0);
  if (LooksLikeGzip(Bytes(head).first(count))) {
    opened_ = std::make_unique<Inflated>(arriving_);
  } else {
    opened_ = std::make_unique<Plain>(arriving_);
  }
  return opened_.get();
}

}  // namespace fastinet
