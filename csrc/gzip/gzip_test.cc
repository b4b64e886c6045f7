// Gzip files: strictly to their end, and from any byte that a seek point makes reachable.

#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "base/test_checks.h"
#include "gzip/test_gzip.h"

namespace fastinet {
namespace {

using test::FindSeekPoints;
using test::Gzip;
using test::SeekableGzip;

/// Bytes of which a share comes from anywhere in the 40,000 before, as text and headers do; the
/// rest is noise, as photographs are.
std::vector<uint8_t> Content(size_t size, double repeated, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> content;
  while (content.size() < size) {
    if (content.size() > 300 && static_cast<double>(random() % 1000) < repeated * 1000) {
      const size_t distance = random() % std::min<size_t>(content.size() - 1, 40'000) + 1;
      for (size_t left = random() % 60 + 3; left > 0; --left) {
        content.push_back(content[content.size() - distance]);
      }
    } else {
      content.push_back(static_cast<uint8_t>(random()));
    }
  }
  content.resize(size);
  return content;
}

std::vector<uint8_t> Joined(std::initializer_list<std::vector<uint8_t>> parts) {
  std::vector<uint8_t> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

void ExpectFails(const std::vector<uint8_t>& file, StatusCode code, const std::string& cause) {
  const Result<std::vector<uint8_t>> result = InflateAll(file, 1 << 30);
  CHECK_MESSAGE(!result.ok(), cause);
  CHECK_MESSAGE(result.status().code() == code, cause, result.status());
  CHECK_MESSAGE(std::string(result.status().cause()).find(cause) != std::string::npos, cause,
                result.status());
}

TEST_CASE("files inflate to what was deflated, members joined and within the limit") {
  const std::vector<uint8_t> a = Content(200'000, 0.3, 1), b = Content(1000, 0.5, 2);
  for (const int level : {0, 1, 6, 9}) {
    const auto result =
        InflateAll(Joined({Gzip(a, level), Gzip({}, level), Gzip(b, level)}), 1 << 20);
    CHECK_OK(result.status());
    CHECK_MESSAGE(result.value() == Joined({a, b}), level);
  }
  const std::vector<uint8_t> file = Gzip(b, 6);
  CHECK(InflateAll(Joined({file, std::vector<uint8_t>(70'000)}), 1 << 20).value() == b);
  CHECK(InflateAll(file, b.size()).value() == b);
  CHECK(InflateAll(file, b.size() - 1).status().code() == StatusCode::kTooLarge);
  CHECK(InflateAll(Gzip(std::vector<uint8_t>(100'000'000), 9), 1000).status().code() ==
        StatusCode::kTooLarge);
}

TEST_CASE("optional header fields are passed over, and their checksum is checked") {
  const std::vector<uint8_t> content = Content(5000, 0.2, 3);
  gz_header header{};
  std::vector<uint8_t> extra(300, 7);
  header.extra = extra.data();
  header.extra_len = static_cast<uInt>(extra.size());
  header.name = reinterpret_cast<Bytef*>(const_cast<char*>("name"));
  header.comment = reinterpret_cast<Bytef*>(const_cast<char*>("comment"));
  header.hcrc = 1;
  std::vector<uint8_t> file = Gzip(content, 6, &header);
  CHECK(InflateAll(file, 1 << 20).value() == content);
  ++file[20];  // of the extra field
  ExpectFails(file, StatusCode::kCorrupt, "checksum of a gzip header");
}

TEST_CASE("a cut or damaged file is an error that names its kind and place") {
  const std::vector<uint8_t> content = Content(3000, 0.3, 4);
  const std::vector<uint8_t> file = Gzip(content, 6);
  for (size_t size = 0; size < file.size(); ++size) {
    const std::vector<uint8_t> cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
    const auto result = InflateAll(cut, 1 << 20);
    CHECK_MESSAGE(result.status().code() == StatusCode::kCorrupt, size);
    CHECK_EQ(result.status().offset_bytes(), static_cast<int64_t>(size));
  }
  std::vector<uint8_t> damaged = file;
  damaged[file.size() - 8] ^= 1;
  ExpectFails(damaged, StatusCode::kCorrupt, "CRC-32");
  damaged = file;
  damaged[file.size() - 1] ^= 1;
  ExpectFails(damaged, StatusCode::kCorrupt, "length that a member states");
  ExpectFails(Joined({file, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}), StatusCode::kCorrupt,
              "neither a gzip member nor");
  ExpectFails(Joined({file, {1}}), StatusCode::kCorrupt, "neither a gzip member nor");
  ExpectFails(Joined({file, {0x1f, 1}}), StatusCode::kCorrupt, "neither a gzip member nor");
  ExpectFails(Joined({file, {0x1f}}), StatusCode::kCorrupt, "truncated");
  ExpectFails(Joined({file, {0, 0, 9}}), StatusCode::kCorrupt, "zeros, and then something else");
  ExpectFails({'n', 'o', 't', ' ', 'g', 'z', 'i', 'p', ' ', ' ', ' '}, StatusCode::kCorrupt,
              "not a gzip file");
  damaged = file;
  damaged[2] = 9;
  ExpectFails(damaged, StatusCode::kUnsupported, "RFC 1952");
}

TEST_CASE("any range reads the same from the nearest seek point") {
  for (const double repeated : {0.0, 0.02, 0.5}) {
    const std::vector<uint8_t> a = Content(700'000, repeated, 5), b = Content(90'000, repeated, 6);
    for (const int level : {0, 1, 6, 9}) {
      const std::vector<uint8_t> file = Joined({Gzip(a, level), Gzip(b, level), Gzip(a, level)});
      std::vector<uint8_t> content;
      auto columns = FindSeekPoints(MemorySource(file), kMinSeekSpacingBytes, &content);
      CHECK_OK(columns.status());
      CHECK(content == Joined({a, b, a}));
      CHECK_MESSAGE(columns.value().count() >= 6, level, columns.value().count());
      for (const size_t cache : {size_t{0}, size_t{300'000}, size_t{1} << 24}) {
        const auto seekable = SeekableGzip::Make(file, columns.value(), content.size(), cache);
        CHECK_OK(seekable.status());
        std::mt19937 random(7);
        for (int i = 0; i < 200; ++i) {
          const size_t offset = random() % content.size();
          std::vector<uint8_t> out(std::min<size_t>(
              random() % 3 == 0 ? random() % 200'000 : random() % 500, content.size() - offset));
          CHECK_OK(seekable.value()->source->ReadAt(offset, out));
          CHECK_MESSAGE(std::memcmp(out.data(), content.data() + offset, out.size()) == 0, repeated,
                        level, offset);
        }
        uint8_t byte;
        CHECK(!seekable.value()->source->ReadAt(content.size(), {&byte, 1}).ok());
        CHECK_OK(seekable.value()->source->ReadAt(content.size(), {}));
      }
    }
  }
}

/// A deflate block may stand for any length: memory must not follow it.
TEST_CASE("a stretch that inflates to 30 MB is read through little memory") {
  const std::vector<uint8_t> zeros(30'000'000);
  std::vector<uint8_t> content;
  auto columns = FindSeekPoints(MemorySource(Gzip(zeros, 9)), 1 << 20, &content);
  CHECK_OK(columns.status());
  const auto seekable = SeekableGzip::Make(Gzip(zeros, 9), columns.value(), zeros.size(), 1 << 20);
  std::vector<uint8_t> out(1000, 1);
  CHECK_OK(seekable.value()->source->ReadAt(29'000'000, out));
  CHECK(std::all_of(out.begin(), out.end(), [](uint8_t b) { return b == 0; }));
  CHECK_OK(seekable.value()->source->ReadAt(10, out));
}

/// Windows of noise are empty, or nearly; the points stay small.
TEST_CASE("windows hold what is referred to: those of noise stay small") {
  std::vector<uint8_t> content;
  const auto noise = FindSeekPoints(MemorySource(Gzip(Content(3'000'000, 0.001, 8), 6)),
                                    kMinSeekSpacingBytes, &content);
  CHECK_MESSAGE(noise.value().windows.size() < noise.value().count() * 3000,
                noise.value().windows.size(), noise.value().count());
}

TEST_CASE("threads that read side by side inflate most stretches once") {
  const std::vector<uint8_t> content = Content(3'000'000, 0.05, 9);
  const std::vector<uint8_t> file = Gzip(content, 6);
  std::vector<uint8_t> inflated;
  auto columns = FindSeekPoints(MemorySource(file), 1 << 18, &inflated);
  const auto seekable = SeekableGzip::Make(file, columns.value(), content.size(), 1 << 22);
  const Source& source = *seekable.value()->source;
  // Every thread takes each fourth item, in rising order: what an epoch's workers do in a block.
  constexpr size_t kItemBytes = 10'000, kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  std::vector<int> wrong(kThreads);
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::vector<uint8_t> out(kItemBytes);
      for (size_t at = thread * kItemBytes; at < content.size(); at += kThreads * kItemBytes) {
        const bool ok = source.ReadAt(at, out).ok();
        wrong[thread] += !ok || std::memcmp(out.data(), content.data() + at, kItemBytes) != 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(wrong, std::vector<int>(kThreads));
  // Threads that fall far behind may find a stretch gone; most are inflated once.
  CHECK_MESSAGE(seekable.value()->source->inflated_bytes() < 2 * content.size(),
                seekable.value()->source->inflated_bytes());
}

TEST_CASE("seek points that are damaged or lie are refused") {
  const std::vector<uint8_t> content = Content(500'000, 0.3, 10);
  const std::vector<uint8_t> file = Gzip(content, 6);
  std::vector<uint8_t> inflated;
  const SeekColumns good =
      FindSeekPoints(MemorySource(file), kMinSeekSpacingBytes, &inflated).value();
  SeekColumns bad = good;
  bad.windows[bad.windows.size() / 2] ^= 0x10;
  const auto seekable = SeekableGzip::Make(file, bad, content.size(), 1 << 20);
  std::vector<uint8_t> out(content.size());
  CHECK(seekable.value()->source->ReadAt(0, out).code() == StatusCode::kCorrupt);
  bad = good;
  bad.bit_offsets.back() += uint64_t{1} << 40;
  CHECK(!SeekableGzip::Make(file, bad, content.size(), 1 << 20).ok());
  bad = good;
  std::swap(bad.offsets[1], bad.offsets[2]);
  CHECK(!SeekableGzip::Make(file, bad, content.size(), 1 << 20).ok());
  bad = good;
  bad.window_sizes.back() += 1;
  CHECK(!SeekableGzip::Make(file, bad, content.size(), 1 << 20).ok());
  CHECK(!SeekableGzip::Make(file, {}, content.size(), 1 << 20).ok());
}

}  // namespace
}  // namespace fastinet
