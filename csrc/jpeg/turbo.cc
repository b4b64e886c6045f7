#include "jpeg/turbo.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

// jpeglib.h needs FILE and size_t declared before it, jerror.h needs jpeglib.h.
#include <jpeglib.h>
// clang-format off
#include <jerror.h>
// clang-format on

namespace fastinet {
namespace {

/// Files with more scans than this are refused: each costs a pass over all coefficients, so a
/// small file could otherwise ask for hours. Real ones have at most a few dozen.
constexpr int kMaxScans = 1000;

/// Narrowest region that is asked of libjpeg-turbo: fancy upsampling needs three chroma samples
/// (jdsample.c), and a cropped width below that would not be noticed there.
constexpr int32_t kMinCropWidth = 16;

/// Columns on either side of the region whose chroma fancy upsampling mixes into it.
constexpr int32_t kGuardColumns = 2;

/// One decompressor with its error handling. Plain data: longjmp may leave any function below.
struct Session {
  jpeg_decompress_struct decompressor;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf on_error;
  Bytes jpeg;
  int error_code;
  int64_t error_offset_bytes;
  char message[JMSG_LENGTH_MAX];
};

Session* SessionOf(j_common_ptr common) { return static_cast<Session*>(common->client_data); }

[[noreturn]] void LeaveWithError(j_common_ptr common) {
  Session* session = SessionOf(common);
  session->error_code = common->err->msg_code;
  const jpeg_source_mgr* source = session->decompressor.src;
  session->error_offset_bytes =
      source == nullptr || source->bytes_in_buffer > session->jpeg.size()
          ? -1
          : static_cast<int64_t>(session->jpeg.size() - source->bytes_in_buffer);
  common->err->format_message(common, session->message);
  std::longjmp(session->on_error, 1);
}

/// libjpeg goes on after a warning with invented pixels; those that lose data are errors here.
void OnMessage(j_common_ptr common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      LeaveWithError(common);
    default:
      break;
  }
}

void OnProgress(j_common_ptr common) {
  const Session* session = SessionOf(common);
  if (session->decompressor.input_scan_number <= kMaxScans) return;
  common->err->msg_code = JERR_BAD_PROGRESSION;
  LeaveWithError(common);
}

[[nodiscard]] bool CreateDecompressor(Session* session) {
  session->decompressor = {};
  session->decompressor.err = jpeg_std_error(&session->errors);
  session->decompressor.client_data = session;
  session->decompressor.src = nullptr;
  session->errors.error_exit = LeaveWithError;
  session->errors.emit_message = OnMessage;
  if (setjmp(session->on_error) != 0) return false;
  jpeg_create_decompress(&session->decompressor);
  session->progress = {};
  session->progress.progress_monitor = OnProgress;
  session->decompressor.progress = &session->progress;
  return true;
}

/// Reads the header, chooses the output colour space and goes to the region's first row. On return
/// `*x_offset` is the column of the image at which delivered rows begin.
[[nodiscard]] bool StartRegion(Session* session, Box region, JDIMENSION* x_offset) {
  jpeg_decompress_struct* decompressor = &session->decompressor;
  if (setjmp(session->on_error) != 0) return false;
  jpeg_mem_src(decompressor, session->jpeg.data(),
               static_cast<unsigned long>(session->jpeg.size()));
  jpeg_read_header(decompressor, TRUE);
  switch (decompressor->jpeg_color_space) {
    case JCS_GRAYSCALE:
      decompressor->out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      decompressor->out_color_space = JCS_CMYK;
      break;
    default:
      decompressor->out_color_space = JCS_RGB;
  }
  decompressor->dct_method = JDCT_ISLOW;
  decompressor->do_fancy_upsampling = TRUE;
  jpeg_start_decompress(decompressor);

  const auto image_width = static_cast<int32_t>(decompressor->output_width);
  int32_t left = std::max(region.x - kGuardColumns, 0);
  int32_t right = std::min(region.x + region.width + kGuardColumns, image_width);
  right = std::min(std::max(right, left + kMinCropWidth), image_width);
  left = std::max(std::min(left, right - kMinCropWidth), 0);
  *x_offset = static_cast<JDIMENSION>(left);
  auto width = static_cast<JDIMENSION>(right - left);
  if (right - left < image_width) jpeg_crop_scanline(decompressor, x_offset, &width);
  if (region.y > 0) jpeg_skip_scanlines(decompressor, static_cast<JDIMENSION>(region.y));
  return true;
}

[[nodiscard]] bool ReadRows(Session* session, JSAMPROW* rows, JDIMENSION count) {
  if (setjmp(session->on_error) != 0) return false;
  for (JDIMENSION done = 0; done < count;) {
    done += jpeg_read_scanlines(&session->decompressor, rows + done, count - done);
  }
  return true;
}

/// Ends the decompressor with its scope, also when an exception (no memory) ends that. Cannot fail:
/// it only frees.
///
/// A decompressor serves one image. libjpeg would keep the quantisation and Huffman tables of one
/// image for the next (abbreviated datastreams, libjpeg.txt), so that a file which lacks a table
/// would decode or not by what was decoded before it.
class DecompressorEnd {
 public:
  explicit DecompressorEnd(Session* session) : session_(session) {}
  DecompressorEnd(const DecompressorEnd&) = delete;
  DecompressorEnd& operator=(const DecompressorEnd&) = delete;
  ~DecompressorEnd() { jpeg_destroy_decompress(&session_->decompressor); }

 private:
  Session* session_;
};

StatusCode CodeOf(int error_code) {
  switch (error_code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
      return StatusCode::kUnsupported;
    case JERR_IMAGE_TOO_BIG:
    case JERR_OUT_OF_MEMORY:
    case JERR_WIDTH_OVERFLOW:
      return StatusCode::kTooLarge;
    default:
      return StatusCode::kCorrupt;
  }
}

Status ErrorOf(const Session& session) {
  return Status(CodeOf(session.error_code), std::string("libjpeg-turbo says: ") + session.message)
      .AtOffset(session.error_offset_bytes);
}

/// a * b / 255, rounded (MULDIV255 in Pillow's libImaging/ImagingUtils.h).
int32_t MultiplyDivide255(int32_t a, int32_t b) {
  const int32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Pillow's CMYK to RGB: samples are inverted, as Adobe writes them, then each ink dims its colour
/// (JpegImagePlugin's rawmode "CMYK;I" and cmyk2rgb in libImaging/Convert.c). In place: pixel x's
/// four bytes become three.
void ConvertCmykRow(uint8_t* row, size_t width) {
  for (size_t x = 0; x < width; ++x) {
    const uint8_t* cmyk = row + 4 * x;
    const int32_t white = cmyk[3];
    std::array<uint8_t, 3> rgb;
    for (size_t c = 0; c < 3; ++c) {
      rgb[c] = static_cast<uint8_t>(white - MultiplyDivide255(255 - cmyk[c], white));
    }
    std::memcpy(row + 3 * x, rgb.data(), 3);
  }
}

}  // namespace

struct TurboDecoder::State {
  Session session{};
  std::vector<uint8_t> rows;  // one band

  Status DecodeRows(const Box& region, JDIMENSION x_offset, RowSink& sink);
};

/// Reads the started region band by band and hands it on.
Status TurboDecoder::State::DecodeRows(const Box& region, JDIMENSION x_offset, RowSink& sink) {
  const auto components = static_cast<size_t>(session.decompressor.output_components);
  const auto width = static_cast<size_t>(session.decompressor.output_width);
  const size_t stride = components * width;
  rows.resize(RowSink::kBandRows * stride);
  std::array<JSAMPROW, RowSink::kBandRows> pointers;
  for (size_t i = 0; i < pointers.size(); ++i) pointers[i] = rows.data() + i * stride;

  const int32_t channels = components == 1 ? 1 : 3;
  const size_t first = (static_cast<size_t>(region.x) - x_offset) * static_cast<size_t>(channels);
  RowBand band{.plane = {},
               .row_stride = static_cast<ptrdiff_t>(stride),
               .pixel_stride = channels,
               .channels = channels,
               .width = region.width,
               .rows = 0};
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    band.plane[c] = rows.data() + first + c;
  }
  for (int32_t y = 0; y < region.height; y += band.rows) {
    band.rows = std::min(RowSink::kBandRows, region.height - y);
    if (!ReadRows(&session, pointers.data(), static_cast<JDIMENSION>(band.rows))) {
      return ErrorOf(session);
    }
    if (components == 4) {
      for (int32_t i = 0; i < band.rows; ++i)
        ConvertCmykRow(pointers[static_cast<size_t>(i)], width);
    }
    FASTINET_RETURN_IF_ERROR(sink.OnRows(band));
  }
  return {};
}

TurboDecoder::TurboDecoder() : state_(std::make_unique<State>()) {}
TurboDecoder::~TurboDecoder() = default;
TurboDecoder::TurboDecoder(TurboDecoder&&) noexcept = default;
TurboDecoder& TurboDecoder::operator=(TurboDecoder&&) noexcept = default;

Status TurboDecoder::DecodeRegion(Bytes jpeg, const Box& region, RowSink& sink) {
  State& state = *state_;
  Session& session = state.session;
  session.jpeg = jpeg;
  const DecompressorEnd end(&session);
  if (!CreateDecompressor(&session)) return ErrorOf(session);
  JDIMENSION x_offset = 0;
  if (!StartRegion(&session, region, &x_offset)) return ErrorOf(session);
  return state.DecodeRows(region, x_offset, sink);
}

}  // namespace fastinet
