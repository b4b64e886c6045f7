// Every allocation of reads from a gzip file fails in turn, alone or with all that follow: a read
// has the right bytes or fails, and those after it have the right bytes, whatever was kept of the
// first.
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

TEST_CASE("reads at random") {
  const std::vector<uint8_t> content = Content();
  const std::vector<uint8_t> file = test::Gzip(content, 6);
  std::vector<uint8_t> inflated;
  const MemorySource source(file);
  const SeekColumns columns = test::FindSeekPoints(source, 100'000, &inflated).value();
  REQUIRE(columns.count() > 2);
  test::ForEveryShortage([&](int64_t n, bool lasts) {
    const auto gzip = SeekableGzip::Make(file, columns, content.size(), size_t{1} << 20).value();
    bool happened = false;
    for (const bool is_short : {true, false}) {
      for (const size_t offset : {size_t{5'000}, size_t{250'000}, size_t{90'000}}) {
        std::vector<uint8_t> out(120'000);
        Status status;
        {
          const Shortage shortage(is_short && !happened ? n : INT64_MAX, lasts);
          status = gzip->source->ReadAt(offset, out);
          if (is_short && !happened) happened = test::allocations > n;
        }
        CHECK((status.ok() || (is_short && status.code() == StatusCode::kTooLarge)));
        if (status.ok()) {
          CHECK(
              std::equal(out.begin(), out.end(), content.begin() + static_cast<ptrdiff_t>(offset)));
        }
      }
    }
    return happened;
  });
}

}  // namespace
}  // namespace fastinet
