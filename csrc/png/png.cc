#include "png/png.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

namespace fastinet {
namespace {

constexpr std::array<uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

/// One decoder with its error handling. Plain data: longjmp may leave any function below.
struct Session {
  png_structp reader;
  png_infop info;
  std::jmp_buf on_error;
  Bytes png;
  size_t position;  // of the next byte that libpng will take
  char message[128];
};

[[noreturn]] void LeaveWithError(png_structp reader, png_const_charp message) {
  auto* session = static_cast<Session*>(png_get_error_ptr(reader));
  std::strncpy(session->message, message, sizeof(session->message) - 1);
  std::longjmp(session->on_error, 1);
}

void IgnoreWarning(png_structp, png_const_charp) {}

void TakeBytes(png_structp reader, png_bytep out, size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(reader));
  if (count > session->png.size() - session->position) png_error(reader, "the data ends early");
  std::memcpy(out, session->png.data() + session->position, count);
  session->position += count;
}

bool Open(Session* session) {
  session->reader =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, session, LeaveWithError, IgnoreWarning);
  if (session->reader == nullptr) return false;
  session->info = png_create_info_struct(session->reader);
  return session->info != nullptr;
}

/// Reads the chunks before the pixels and asks for rows of bytes: palette indices, grey, RGB, or,
/// for 16-bit grey alone, pairs of bytes.
bool Start(Session* session) {
  if (setjmp(session->on_error) != 0) return false;
  png_structp reader = session->reader;
  png_set_read_fn(reader, session, TakeBytes);
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

bool ReadRow(Session* session, png_bytep row) {
  if (setjmp(session->on_error) != 0) return false;
  png_read_row(session->reader, row, nullptr);
  return true;
}

bool ReadImage(Session* session, png_bytepp rows) {
  if (setjmp(session->on_error) != 0) return false;
  png_read_image(session->reader, rows);
  return true;
}

/// 256 colours, of which the file's palette replaces the first. Pillow's own first are a grey ramp
/// (ImagingPaletteNew in libImaging/Palette.c), which indices beyond the palette then show.
using Palette = std::array<std::array<uint8_t, 3>, 256>;

Palette ReadPalette(const Session& session) {
  Palette palette;
  for (size_t i = 0; i < palette.size(); ++i) palette[i].fill(static_cast<uint8_t>(i));
  png_colorp colours = nullptr;
  int count = 0;
  if (png_get_PLTE(session.reader, session.info, &colours, &count) == 0) return palette;
  for (size_t i = 0; i < static_cast<size_t>(std::clamp(count, 0, 256)); ++i) {
    palette[i] = {colours[i].red, colours[i].green, colours[i].blue};
  }
  return palette;
}

}  // namespace

struct PngDecoder::State {
  Session session{};
  std::vector<uint8_t> file_rows;  // as libpng delivers them: one band, or all when interlaced
  std::vector<uint8_t> band_rows;  // as the sink wants them

  ~State() { Close(); }
  void Close() { png_destroy_read_struct(&session.reader, &session.info, nullptr); }
  Status Decode(const Box& region, RowSink& sink);
  Status Error() const;
};

Status PngDecoder::State::Error() const {
  return Corrupt(std::string("libpng says: ") + session.message)
      .AtOffset(static_cast<int64_t>(session.position));
}

Status PngDecoder::State::Decode(const Box& region, RowSink& sink) {
  if (!Open(&session)) return TooLarge("no memory for a PNG decoder");
  if (!Start(&session)) return Error();
  const png_byte colour_type = png_get_color_type(session.reader, session.info);
  const bool is_palette = colour_type == PNG_COLOR_TYPE_PALETTE;
  const bool is_grey16 = png_get_bit_depth(session.reader, session.info) == 16;
  const auto row_bytes = static_cast<size_t>(png_get_rowbytes(session.reader, session.info));
  const auto height = static_cast<int32_t>(png_get_image_height(session.reader, session.info));
  const bool interlaced =
      png_get_interlace_type(session.reader, session.info) != PNG_INTERLACE_NONE;
  const int32_t channels = (colour_type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
  const Palette palette = is_palette ? ReadPalette(session) : Palette{};

  const auto stored_rows = static_cast<size_t>(interlaced ? height : 1);
  file_rows.resize(stored_rows * row_bytes);
  const auto file_row = [&](int32_t y) {
    return file_rows.data() + (interlaced ? static_cast<size_t>(y) * row_bytes : 0);
  };
  if (interlaced) {
    std::vector<png_bytep> pointers(stored_rows);
    for (int32_t y = 0; y < height; ++y) pointers[static_cast<size_t>(y)] = file_row(y);
    if (!ReadImage(&session, pointers.data())) return Error();
  }
  const auto next_row = [&](int32_t y) { return interlaced || ReadRow(&session, file_row(y)); };
  for (int32_t y = 0; y < region.y; ++y) {
    if (!next_row(y)) return Error();
  }

  const auto width = static_cast<size_t>(region.width);
  const size_t band_stride = width * static_cast<size_t>(channels);
  band_rows.resize(RowSink::kBandRows * band_stride);
  RowBand band{.plane = {band_rows.data(), band_rows.data() + 1, band_rows.data() + 2},
               .row_stride = static_cast<ptrdiff_t>(band_stride),
               .pixel_stride = channels,
               .channels = channels,
               .width = region.width,
               .rows = 0};
  for (int32_t y = 0; y < region.height; y += band.rows) {
    band.rows = std::min(RowSink::kBandRows, region.height - y);
    for (int32_t i = 0; i < band.rows; ++i) {
      if (!next_row(region.y + y + i)) return Error();
      const uint8_t* from = file_row(region.y + y + i);
      uint8_t* to = band_rows.data() + static_cast<size_t>(i) * band_stride;
      const auto left = static_cast<size_t>(region.x);
      if (is_palette) {
        for (size_t x = 0; x < width; ++x)
          std::copy_n(palette[from[left + x]].data(), 3, to + 3 * x);
      } else if (is_grey16) {
        for (size_t x = 0; x < width; ++x) {
          const uint8_t* pair = from + 2 * (left + x);
          to[x] = pair[0] == 0 ? pair[1] : uint8_t{255};
        }
      } else {
        std::memcpy(to, from + left * static_cast<size_t>(channels), band_stride);
      }
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
  state_->session = {};
  state_->session.png = png;
  Status status = state_->Decode(region, sink);
  state_->Close();
  return status;
}

bool LooksLikePng(Bytes data) {
  return data.size() >= kSignature.size() &&
         std::equal(kSignature.begin(), kSignature.end(), data.begin());
}

Result<PngHeader> ReadPngHeader(Bytes png) {
  // Signature (8), chunk length (4), "IHDR" (4), width (4), height (4), depth, colour type,
  // compression, filter, interlace method.
  constexpr size_t kHeaderBytes = 8 + 4 + 4 + 4 + 4 + 5;
  if (!LooksLikePng(png) || png.size() < kHeaderBytes) {
    return Corrupt("the data ends inside the PNG header")
        .AtOffset(static_cast<int64_t>(png.size()));
  }
  if (std::memcmp(png.data() + 12, "IHDR", 4) != 0) {
    return Corrupt("the first chunk of a PNG must be IHDR").AtOffset(8);
  }
  const uint32_t width = LoadBigEndian32(png.data() + 16);
  const uint32_t height = LoadBigEndian32(png.data() + 20);
  constexpr uint32_t kMaxSide = 0x7FFFFFFF;  // PNG specification, 7.1
  if (width == 0 || height == 0 || width > kMaxSide || height > kMaxSide) {
    return Corrupt("a PNG of " + std::to_string(width) + " x " + std::to_string(height) + " pixels")
        .AtOffset(16);
  }
  return PngHeader{
      {static_cast<int32_t>(width), static_cast<int32_t>(height)}, png[24], png[25], png[28] != 0};
}

}  // namespace fastinet
