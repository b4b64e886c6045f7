// What the tests and the fuzzer of gzip/ share: gzip files made by zlib, and seek points of them.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/memory_source.h"
#include "gzip/gzip_source.h"
#include "gzip/inflater.h"
#include "gzip/seek_points.h"

namespace fastinet::test {

/// `content` as one gzip member, deflated at `level` (0 to 9; 0 stores).
inline std::vector<uint8_t> Gzip(Bytes content, int level, gz_header* header = nullptr) {
  constexpr int kGzipFormat = 16;  // see deflateInit2 in zlib.h
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS | kGzipFormat, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  if (header != nullptr) (void)deflateSetHeader(&stream, header);
  std::vector<uint8_t> out(deflateBound(&stream, static_cast<uLong>(content.size())) + (1 << 17));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  (void)deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  (void)deflateEnd(&stream);
  return out;
}

/// Seek points of all that `file` inflates to, `spacing` bytes apart at least; `content` gets that.
inline Result<SeekColumns> FindSeekPoints(const Source& file, uint64_t spacing,
                                          std::vector<uint8_t>* content) {
  SeekPointBuilder builder;
  GzipInflater inflater(file, &builder);
  std::vector<uint8_t> piece(40'000);
  uint64_t next = 0;
  while (!inflater.done()) {
    size_t produced = 0;
    FASTINET_RETURN_IF_ERROR(inflater.Next(piece, true, &produced));
    content->insert(content->end(), piece.begin(),
                    piece.begin() + static_cast<ptrdiff_t>(produced));
    const InflatePoint& point = inflater.point();
    if (!inflater.at_block() || point.offset < next) continue;
    const auto history = std::min<uint64_t>(kDeflateWindowBytes, point.member_bytes);
    FASTINET_RETURN_IF_ERROR(builder.Begin(point, Bytes(*content).last(history)));
    next = point.offset + spacing;
  }
  FASTINET_RETURN_IF_ERROR(builder.Finish());
  return std::move(builder.points());
}

/// A source over seek points, which it keeps.
struct SeekableGzip {
  std::vector<uint8_t> file;
  SeekColumns columns;
  std::vector<uint64_t> window_starts;
  std::unique_ptr<GzipSource> source;

  static Result<std::unique_ptr<SeekableGzip>> Make(std::vector<uint8_t> file, SeekColumns columns,
                                                    uint64_t size_bytes, size_t cache_bytes) {
    auto made = std::make_unique<SeekableGzip>();
    made->file = std::move(file);
    made->columns = std::move(columns);
    uint64_t start = 0;
    for (const uint32_t size : made->columns.window_sizes) {
      made->window_starts.push_back(start);
      start += size;
    }
    const SeekPoints points{.bit_offsets = made->columns.bit_offsets,
                            .offsets = made->columns.offsets,
                            .window_starts = made->window_starts,
                            .window_sizes = made->columns.window_sizes,
                            .windows = made->columns.windows,
                            .size_bytes = size_bytes};
    FASTINET_ASSIGN_OR_RETURN(
        made->source,
        GzipSource::Make(std::make_unique<MemorySource>(made->file), points, cache_bytes));
    return made;
  }
};

}  // namespace fastinet::test
