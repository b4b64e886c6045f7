// ForwardSource against the bytes themselves: random reads that go forwards, over streams that give
// what they like.
#include "base/forward_source.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// Gives the bytes in pieces of random length.
class Dribble final : public ByteStream {
 public:
  Dribble(Bytes bytes, std::mt19937& random) : bytes_(bytes), random_(random) {}

  Result<size_t> Read(MutableBytes out) override {
    const size_t most = std::min(out.size(), bytes_.size() - position_);
    if (most == 0) return size_t{0};
    const size_t piece = random_() % 3 == 0 ? most : 1 + random_() % most;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(position_), piece, out.begin());
    position_ += piece;
    return piece;
  }

 private:
  Bytes bytes_;
  std::mt19937& random_;
  size_t position_ = 0;
};

std::vector<uint8_t> RandomBytes(size_t size, std::mt19937& random) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

void ReadsForwards(uint32_t seed) {
  std::mt19937 random(seed);
  const std::vector<uint8_t> bytes = RandomBytes(random() % 600'000, random);
  Dribble stream(bytes, random);
  const ForwardSource source(stream);
  size_t reached = 0;
  for (;;) {
    const size_t back = std::min<size_t>(random() % (ForwardSource::kKeptBytes + 1), reached);
    const size_t begin = reached - back + (random() % 4 == 0 ? random() % 100'000 : 0);
    const size_t size = random() % (random() % 5 == 0 ? 150'000 : 700);
    std::vector<uint8_t> out(size);
    const Status status = source.ReadAt(begin, out);
    if (begin + size > bytes.size()) {
      CHECK_MESSAGE(status.code() == StatusCode::kCorrupt, "seed ", seed);
      CHECK_EQ(status.offset_bytes(), static_cast<int64_t>(bytes.size()));
      break;
    }
    CHECK_MESSAGE(status.ok(), "seed ", seed, " ", std::string(status.cause()));
    CHECK_MESSAGE(
        std::equal(out.begin(), out.end(), bytes.begin() + static_cast<std::ptrdiff_t>(begin)),
        "seed ", seed, " at ", begin);
    reached = std::max(reached, begin + size);
    const bool at_end = begin + size == bytes.size();
    CHECK_MESSAGE((!at_end || source.size_bytes() == bytes.size()), "seed ", seed);
  }
  CHECK_EQ(source.size_bytes(), bytes.size());
}

TEST_CASE("a read that goes back too far is refused") {
  std::mt19937 random(1);
  const std::vector<uint8_t> bytes = RandomBytes(200'000, random);
  Dribble stream(bytes, random);
  const ForwardSource source(stream);
  std::vector<uint8_t> out(100);
  CHECK(source.ReadAt(150'000, out).ok());
  CHECK((source.size_bytes() == Source::kUnknownSize || source.size_bytes() == bytes.size()));
  CHECK(source.ReadAt(1'000, out).code() == StatusCode::kInternal);
}

TEST_CASE("any reads that go forwards give the stream's bytes") {
  for (uint32_t seed = 0; seed < 300; ++seed) ReadsForwards(seed);
}

/// Gives some bytes, fails once, and is at its end then, as a socket that was reset.
class FailsOnce final : public ByteStream {
 public:
  Result<size_t> Read(MutableBytes out) override {
    if (reads_++ == 0) return std::min<size_t>(out.size(), 1000);
    if (reads_ == 2) return Status(StatusCode::kIo, "connection reset");
    return size_t{0};
  }

 private:
  int reads_ = 0;
};

TEST_CASE("a stream that failed once is not one that has ended") {
  for (const size_t size : {size_t{1000}, size_t{1001}, ForwardSource::kKeptBytes + 1}) {
    FailsOnce stream;
    const ForwardSource source(stream);
    std::vector<uint8_t> out(size);
    CHECK_EQ(source.ReadAt(0, out).ok(), size == 1000);  // it looks one byte further
    for (int again = 0; again < 2; ++again) {
      const Status status = source.ReadAt(1000, MutableBytes(out).first(1));
      CHECK(status.code() == StatusCode::kIo);
      CHECK(status.cause() == "connection reset");
    }
    CHECK_EQ(source.size_bytes(), ForwardSource::kUnknownSize);
  }
}

}  // namespace
}  // namespace fastinet
