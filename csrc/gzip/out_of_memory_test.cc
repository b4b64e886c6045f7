// Every allocation of reads from a gzip file fails in turn, alone or with all that follow: a read
// has the right bytes or fails, and those after it have the right bytes, whatever was kept of the
// first.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/test_checks.h"
#include "base/test_shortage.h"
#include "gzip/test_gzip.h"

namespace fastinet {
namespace {

using test::SeekableGzip, test::Shortage;

/// Bytes that compress to a third, with a period beyond deflate's window.
std::vector<uint8_t> Content() {
  std::vector<uint8_t> content(400'000);
  uint32_t state = 1;
  for (uint8_t& byte : content) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(state >> 29);
  }
  return content;
}

/// A read with a shortage, and then all of the content in small pieces, without one.
void TestReads(bool is_damaged) {
  constexpr size_t kPiece = 5'000;
  const std::vector<uint8_t> content = Content();
  std::vector<uint8_t> file = test::Gzip(content, 6);
  std::vector<uint8_t> inflated;
  const SeekColumns columns = test::FindSeekPoints(MemorySource(file), 100'000, &inflated).value();
  REQUIRE(columns.count() > 2);
  if (is_damaged) std::fill_n(file.begin() + static_cast<ptrdiff_t>(file.size() / 3), 2000, 0xFF);
  const auto expect = [&](const Status& status, size_t offset, Bytes out) {
    if (status.ok()) {
      CHECK(std::ranges::equal(out, Bytes(content).subspan(offset, out.size())));
    } else {
      CHECK(is_damaged);
      CHECK(status.code() == StatusCode::kCorrupt);
    }
  };
  test::ForEveryShortage([&](int64_t n, bool lasts) {
    const auto gzip = SeekableGzip::Make(file, columns, content.size(), size_t{1} << 20).value();
    std::vector<uint8_t> out(120'000);
    Status status;
    bool happened = false;
    {
      const Shortage shortage(n, lasts);
      status = gzip->source->ReadAt(90'000, out);
      happened = test::allocations > n;
    }
    if (!happened || status.code() != StatusCode::kOutOfMemory) expect(status, 90'000, out);
    for (size_t offset = 0; offset < content.size(); offset += kPiece) {
      const MutableBytes piece = MutableBytes(out).first(kPiece);
      expect(gzip->source->ReadAt(offset, piece), offset, piece);
    }
    return happened;
  });
}

TEST_CASE("reads of a sound file") { TestReads(false); }

/// Where the damage cannot be told for a lack of memory, what was inflated up to it is not kept.
TEST_CASE("reads of a damaged file") { TestReads(true); }

}  // namespace
}  // namespace fastinet
