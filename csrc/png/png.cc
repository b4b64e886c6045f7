#include "png/png.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/exif.h"

namespace fastinet {
namespace {

constexpr std::array<uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

// ------------------------------------------------------------------------------------- libpng
//
// libpng reports errors by longjmp: everything down to the next line holds plain data only.

/// One decoder with its error handling.
struct Session {
  png_structp reader;
  png_infop info;
  std::jmp_buf on_error;
  Bytes png;
  size_t position;     // of the next byte that libpng will take
  bool out_of_memory;  // it asked for more than there is, and may tell it as damage
  char message[128];
};

[[noreturn]] void LeaveWithError(png_structp reader, png_const_charp message) {
  auto* session = static_cast<Session*>(png_get_error_ptr(reader));
  std::strncpy(session->message, message, sizeof(session->message) - 1);
  std::longjmp(session->on_error, 1);
}

/// libpng warns of what costs no pixel: a wrong CRC of an ancillary chunk, a chunk out of place.
/// Missing or damaged pixels are errors.
void IgnoreWarning(png_structp /*reader*/, png_const_charp /*message*/) {}

void TakeBytes(png_structp reader, png_bytep out, size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(reader));
  if (count > session->png.size() - session->position) png_error(reader, "the data ends early");
  std::memcpy(out, session->png.data() + session->position, count);
  session->position += count;
}

png_voidp Allocate(png_structp reader, png_alloc_size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) static_cast<Session*>(png_get_mem_ptr(reader))->out_of_memory = true;
  return memory;
}

void Free(png_structp /*reader*/, png_voidp memory) { std::free(memory); }

[[nodiscard]] bool Open(Session* session) {
  if (setjmp(session->on_error) != 0) return false;
  session->reader = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, session, LeaveWithError,
                                             IgnoreWarning, session, Allocate, Free);
  if (session->reader == nullptr) return false;
  session->info = png_create_info_struct(session->reader);
  return session->info != nullptr;
}

/// Reads the chunks before the pixels and asks for rows of bytes: palette indices, grey, RGB, or,
/// for 16-bit grey alone, pairs of bytes.
[[nodiscard]] bool Start(Session* session) {
  if (setjmp(session->on_error) != 0) return false;
  png_structp reader = session->reader;
  png_set_read_fn(reader, session, TakeBytes);
  png_set_user_limits(reader, kMaxImageSide, kMaxImageSide);
  // No chunk but the palette is needed, and some can be blown up (a zTXt of zeros).
  png_set_keep_unknown_chunks(reader, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_benign_errors(reader, 1);
  png_read_info(reader, session->info);
  const png_byte colour_type = png_get_color_type(reader, session->info);
  png_set_packing(reader);
  if (colour_type == PNG_COLOR_TYPE_GRAY) {
    if (png_get_bit_depth(reader, session->info) < 8) png_set_expand_gray_1_2_4_to_8(reader);
  } else {
    png_set_strip_16(reader);
  }
  if ((colour_type & PNG_COLOR_MASK_ALPHA) != 0) png_set_strip_alpha(reader);
  png_set_interlace_handling(reader);
  png_read_update_info(reader, session->info);
  return true;
}

[[nodiscard]] bool SkipRows(Session* session, int32_t count) {
  if (setjmp(session->on_error) != 0) return false;
  for (int32_t y = 0; y < count; ++y) png_read_row(session->reader, nullptr, nullptr);
  return true;
}

[[nodiscard]] bool ReadRow(Session* session, png_bytep row) {
  if (setjmp(session->on_error) != 0) return false;
  png_read_row(session->reader, row, nullptr);
  return true;
}

/// Reads rows [first, first + count) of an interlaced image of `height` rows into `rows`: every
/// pass fills in some pixels of them, and those of the last pass end with the last of these rows.
[[nodiscard]] bool ReadInterlacedRows(Session* session, int32_t height, int32_t first,
                                      int32_t count, png_bytep rows, size_t row_bytes) {
  if (setjmp(session->on_error) != 0) return false;
  for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; ++pass) {
    const bool is_last = pass + 1 == PNG_INTERLACE_ADAM7_PASSES;
    const int32_t end = is_last ? first + count : height;
    for (int32_t y = 0; y < end; ++y) {
      const bool is_wanted = y >= first && y < first + count;
      png_read_row(session->reader,
                   is_wanted ? rows + static_cast<size_t>(y - first) * row_bytes : nullptr,
                   nullptr);
    }
  }
  return true;
}

// ------------------------------------------------------------------------------------- pixels

/// 256 colours, of which the file's palette gives the first. The others are black, which is what
/// Pillow shows for indices beyond the palette.
using Palette = std::array<std::array<uint8_t, 3>, 256>;

Palette ReadPalette(const Session& session) {
  Palette palette{};
  png_colorp colours = nullptr;
  int count = 0;
  if (png_get_PLTE(session.reader, session.info, &colours, &count) == 0) return palette;
  for (size_t i = 0; i < static_cast<size_t>(std::clamp(count, 0, 256)); ++i) {
    palette[i] = {colours[i].red, colours[i].green, colours[i].blue};
  }
  return palette;
}

/// What libpng's rows hold, and how they become rows of a RowBand.
struct RowFormat {
  bool is_palette = false;
  bool is_grey16 = false;
  bool is_interlaced = false;
  int32_t channels = 1;  // of the band
  int32_t height = 0;    // of the image
  size_t row_bytes = 0;  // of the image's rows, as libpng delivers them
  Palette palette{};

  explicit RowFormat(const Session& session);
  void Convert(const uint8_t* row, const Box& region, uint8_t* out) const;
};

RowFormat::RowFormat(const Session& session) {
  const png_byte colour_type = png_get_color_type(session.reader, session.info);
  is_palette = colour_type == PNG_COLOR_TYPE_PALETTE;
  is_grey16 = png_get_bit_depth(session.reader, session.info) == 16;
  is_interlaced = png_get_interlace_type(session.reader, session.info) != PNG_INTERLACE_NONE;
  channels = (colour_type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
  height = static_cast<int32_t>(png_get_image_height(session.reader, session.info));
  row_bytes = png_get_rowbytes(session.reader, session.info);
  if (is_palette) palette = ReadPalette(session);
}

/// Writes the region's part of `row` to `out`: channels * region.width bytes.
void RowFormat::Convert(const uint8_t* row, const Box& region, uint8_t* out) const {
  const auto left = static_cast<size_t>(region.x), width = static_cast<size_t>(region.width);
  if (is_palette) {
    for (size_t x = 0; x < width; ++x) std::copy_n(palette[row[left + x]].data(), 3, out + 3 * x);
  } else if (is_grey16) {
    for (size_t x = 0; x < width; ++x) {
      const uint8_t* pair = row + 2 * (left + x);
      out[x] = pair[0] == 0 ? pair[1] : uint8_t{255};
    }
  } else {
    const auto bytes = static_cast<size_t>(channels);
    std::memcpy(out, row + left * bytes, width * bytes);
  }
}

}  // namespace

struct PngDecoder::State {
  Session session{};
  std::vector<uint8_t> file_row;
  std::vector<uint8_t> band_rows;

  explicit State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { Close(); }
  void Close() { png_destroy_read_struct(&session.reader, &session.info, nullptr); }

  Status DecodeRegion(const Box& region, RowSink& sink);
  Status Error() const {
    if (session.out_of_memory) return Status::OutOfMemory("not enough memory to decode the image");
    return Corrupt(std::string("libpng says: ") + session.message)
        .AtOffset(static_cast<int64_t>(session.position));
  }

 private:
  template <class NextRow>
  Status HandOver(const RowFormat& format, const Box& region, RowSink& sink, NextRow next_row);
};

Status PngDecoder::State::DecodeRegion(const Box& region, RowSink& sink) {
  if (!Open(&session)) return Status::OutOfMemory("no memory for a PNG decoder");
  if (!Start(&session)) return Error();
  const RowFormat format(session);
  if (format.is_interlaced) {
    std::vector<uint8_t> rows(static_cast<size_t>(region.height) * format.row_bytes);
    if (!ReadInterlacedRows(&session, format.height, region.y, region.height, rows.data(),
                            format.row_bytes)) {
      return Error();
    }
    const uint8_t* next = rows.data();
    return HandOver(format, region, sink, [&] {
      const uint8_t* row = next;
      next += format.row_bytes;
      return row;
    });
  }
  if (!SkipRows(&session, region.y)) return Error();
  file_row.resize(format.row_bytes);
  return HandOver(format, region, sink, [&]() -> const uint8_t* {
    return ReadRow(&session, file_row.data()) ? file_row.data() : nullptr;
  });
}

/// Converts the region's rows, which `next_row` gives one by one (or null on an error), and hands
/// them to `sink` band by band.
template <class NextRow>
Status PngDecoder::State::HandOver(const RowFormat& format, const Box& region, RowSink& sink,
                                   NextRow next_row) {
  const auto stride = static_cast<size_t>(region.width) * static_cast<size_t>(format.channels);
  band_rows.resize(RowSink::kBandRows * stride);
  RowBand band{.plane = {band_rows.data(), band_rows.data() + 1, band_rows.data() + 2},
               .row_stride = static_cast<ptrdiff_t>(stride),
               .pixel_stride = format.channels,
               .channels = format.channels,
               .width = region.width,
               .rows = 0};
  for (int32_t y = 0; y < region.height; y += band.rows) {
    band.rows = std::min(RowSink::kBandRows, region.height - y);
    for (int32_t i = 0; i < band.rows; ++i) {
      const uint8_t* row = next_row();
      if (row == nullptr) return Error();
      format.Convert(row, region, band_rows.data() + static_cast<size_t>(i) * stride);
    }
    FASTINET_RETURN_IF_ERROR(sink.OnRows(band));
  }
  return {};
}

PngDecoder::PngDecoder() : state_(std::make_unique<State>()) {}
PngDecoder::~PngDecoder() = default;
PngDecoder::PngDecoder(PngDecoder&&) noexcept = default;
PngDecoder& PngDecoder::operator=(PngDecoder&&) noexcept = default;

Status PngDecoder::DecodeRegion(Bytes png, const Box& region, RowSink& sink) {
  state_->Close();  // one that an exception (no memory) left open
  state_->session = {};
  state_->session.png = png;
  Status status = state_->DecodeRegion(region, sink);
  state_->Close();
  return status;
}

// ------------------------------------------------------------------------------------- header

namespace {

constexpr size_t kChunkOverhead = 4 + 4 + 4;  // length, type, CRC
constexpr size_t kHeaderChunkBytes = 13;

bool HasType(Bytes png, size_t chunk, const char* type) {
  return std::memcmp(png.data() + chunk + 4, type, 4) == 0;
}

/// Orientation in the eXIf chunk, wherever it is, or 0.
uint8_t FindOrientation(Bytes png) {
  size_t chunk = kSignature.size();
  while (png.size() - chunk >= kChunkOverhead) {
    const size_t length = LoadBigEndian32(png.data() + chunk);
    if (length > png.size() - chunk - kChunkOverhead || HasType(png, chunk, "IEND")) break;
    if (HasType(png, chunk, "eXIf")) {
      return ExifOrientation(png.subspan(chunk + 8, length)).value_or(uint8_t{0});
    }
    chunk += length + kChunkOverhead;
  }
  return 0;
}

/// Table 11.1 of the PNG specification.
bool IsLegal(uint8_t colour_type, uint8_t bit_depth) {
  switch (colour_type) {
    case PNG_COLOR_TYPE_GRAY:
      return bit_depth == 1 || bit_depth == 2 || bit_depth == 4 || bit_depth == 8 ||
             bit_depth == 16;
    case PNG_COLOR_TYPE_PALETTE:
      return bit_depth == 1 || bit_depth == 2 || bit_depth == 4 || bit_depth == 8;
    case PNG_COLOR_TYPE_RGB:
    case PNG_COLOR_TYPE_GRAY_ALPHA:
    case PNG_COLOR_TYPE_RGB_ALPHA:
      return bit_depth == 8 || bit_depth == 16;
    default:
      return false;
  }
}

Status CheckSides(uint32_t width, uint32_t height) {
  constexpr uint32_t kLargest = 0x7FFFFFFF;  // PNG specification, 7.1
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width == 0 || height == 0 || width > kLargest || height > kLargest) {
    return Corrupt("a PNG of " + size);
  }
  if (std::max(width, height) > kMaxImageSide) {
    return Unsupported("a PNG of " + size + "; fastinet reads at most " +
                       std::to_string(kMaxImageSide) + " a side");
  }
  return {};
}

}  // namespace

bool LooksLikePng(Bytes data) {
  return data.size() >= kSignature.size() &&
         std::equal(kSignature.begin(), kSignature.end(), data.begin());
}

Result<PngHeader> ReadPngHeader(Bytes png) {
  constexpr size_t kChunk = kSignature.size();
  constexpr size_t kFields = kChunk + 8;
  if (!LooksLikePng(png) || png.size() < kChunk + kChunkOverhead + kHeaderChunkBytes) {
    return Corrupt("the data ends inside the PNG header")
        .AtOffset(static_cast<int64_t>(png.size()));
  }
  if (!HasType(png, kChunk, "IHDR") || LoadBigEndian32(png.data() + kChunk) != kHeaderChunkBytes) {
    return Corrupt("the first chunk of a PNG must be IHDR").AtOffset(kChunk);
  }
  // Width (4), height (4), bit depth, colour type, compression, filter, interlacing.
  const uint8_t* fields = png.data() + kFields;
  const uint32_t width = LoadBigEndian32(fields), height = LoadBigEndian32(fields + 4);
  if (Status status = CheckSides(width, height); !status.ok()) {
    return std::move(status).AtOffset(kFields);
  }
  if (!IsLegal(fields[9], fields[8]) || fields[10] != 0 || fields[11] != 0 || fields[12] > 1) {
    return Corrupt("the PNG header describes no image that the format has").AtOffset(kFields + 8);
  }
  return PngHeader{.size = {static_cast<int32_t>(width), static_cast<int32_t>(height)},
                   .bit_depth = fields[8],
                   .colour_type = fields[9],
                   .interlaced = fields[12] != 0,
                   .exif_orientation = FindOrientation(png)};
}

}  // namespace fastinet
