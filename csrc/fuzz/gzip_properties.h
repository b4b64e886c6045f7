// What must hold for gzip files of any bytes whatever; shared by the fuzzer and its replay.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz/demand.h"
#include "gzip/test_gzip.h"

namespace fastinet::fuzz {

// What a small input may inflate to [bytes]: several stretches, and little time.
inline constexpr uint64_t kMaxInflatedBytes = uint64_t{1} << 20;

/// `file` inflated in pieces of `piece_bytes`, to its end or its first error.
inline Status InflateInPieces(Bytes file, size_t piece_bytes, std::vector<uint8_t>* content) {
  const MemorySource source(file);
  GzipInflater inflater(source);
  std::vector<uint8_t> piece(piece_bytes);
  while (!inflater.done() && content->size() <= kMaxInflatedBytes) {
    size_t produced = 0;
    FASTINET_RETURN_IF_ERROR(inflater.Next(piece, false, &produced));
    content->insert(content->end(), piece.begin(),
                    piece.begin() + static_cast<std::ptrdiff_t>(produced));
  }
  return {};
}

/// Whatever is read through seek points is what inflating from the start gives.
inline void CheckRandomAccess(Bytes file, Bytes content) {
  std::vector<uint8_t> passed;
  auto points = test::FindSeekPoints(MemorySource(file), kMinSeekSpacingBytes, &passed);
  Demand(points.ok(), "seek points are found in every sound file");
  Demand(std::equal(passed.begin(), passed.end(), content.begin(), content.end()),
         "stopping at blocks changes nothing");
  const auto seekable = test::SeekableGzip::Make({file.begin(), file.end()}, points.value(),
                                                 content.size(), kDeflateWindowBytes);
  Demand(seekable.ok(), "seek points fit their file");
  // From the end to the start, so that every stretch is entered at its point.
  std::vector<uint8_t> out(5000);
  for (uint64_t end = content.size(); end > 0;) {
    const uint64_t start = end - std::min<uint64_t>(end, out.size());
    const MutableBytes part = MutableBytes(out).first(end - start);
    Demand(seekable.value()->source->ReadAt(start, part).ok(), "what is there can be read");
    Demand(std::memcmp(part.data(), content.data() + start, part.size()) == 0,
           "the content does not depend on where reading starts");
    end = start;
  }
}

inline void CheckFile(Bytes file) {
  const Result<std::vector<uint8_t>> whole = InflateAll(file, kMaxInflatedBytes);
  std::vector<uint8_t> content;
  const Status status = InflateInPieces(file, 777, &content);
  if (whole.status().code() == StatusCode::kTooLarge) return;
  Demand(status.code() == whole.status().code() && status.cause() == whole.status().cause() &&
             status.offset_bytes() == whole.status().offset_bytes(),
         "the length of the pieces changes no verdict");
  if (!whole.ok()) {
    Demand(status.offset_bytes() >= 0 && status.offset_bytes() <= std::ssize(file),
           "errors have an offset in the file");
    return;
  }
  Demand(content == whole.value(), "nor the content");
  CheckRandomAccess(file, content);
}

/// A sound gzip file of the deflate data that `input` begins with; empty when it does not.
inline std::vector<uint8_t> Wrapped(Bytes input) {
  RawInflate raw;
  std::vector<uint8_t> content(kMaxInflatedBytes);
  if (!raw.Start(0, 0, {}).ok()) return {};
  const RawInflate::Call call = raw.Inflate(input, content, false);
  if (call.code != Z_STREAM_END) return {};
  std::vector<uint8_t> file = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
  file.insert(file.end(), input.begin(),
              input.begin() + static_cast<std::ptrdiff_t>(call.consumed));
  file.resize(file.size() + 8);
  StoreLittleEndian32(static_cast<uint32_t>(crc32_z(0, content.data(), call.produced)),
                      &file[file.size() - 8]);
  StoreLittleEndian32(static_cast<uint32_t>(call.produced), &file[file.size() - 4]);
  return file;
}

/// The bytes as a file, and as deflate data, whose checksums would otherwise stop most changes.
inline void CheckInput(Bytes input) {
  constexpr size_t kHeaderBytes = 10;
  CheckFile(input);
  for (const size_t start : {size_t{0}, kHeaderBytes}) {
    if (start > input.size()) continue;
    const std::vector<uint8_t> file = Wrapped(input.subspan(start));
    if (!file.empty()) CheckFile(file);
  }
}

}  // namespace fastinet::fuzz
