#include "jpeg/turbo.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "jpeg/smoothing.h"
#include "jpeg/turbo_session.h"

namespace fastinet {
namespace {

/// Narrowest region that is asked of libjpeg-turbo: fancy upsampling needs three chroma samples
/// (jdsample.c), and a cropped width below that would not be noticed there.
constexpr int32_t kMinCropWidth = 16;

/// Columns on either side of the region whose chroma fancy upsampling mixes into it.
constexpr int32_t kGuardColumns = 2;

/// Chooses the output colour space and begins; with several scans, libjpeg reads them all here.
[[nodiscard]] bool StartImage(TurboSession* session) {
  jpeg_decompress_struct* decompressor = &session->decompressor;
  if (setjmp(session->errors.on_error) != 0) return false;
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
  return true;
}

/// Goes to the region's first row. On return `*x_offset` is the column of the image at which
/// delivered rows begin.
[[nodiscard]] bool GoToRegion(TurboSession* session, Box region, JDIMENSION* x_offset) {
  jpeg_decompress_struct* decompressor = &session->decompressor;
  if (setjmp(session->errors.on_error) != 0) return false;
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

[[nodiscard]] bool ReadRows(TurboSession* session, JSAMPROW* rows, JDIMENSION count) {
  if (setjmp(session->errors.on_error) != 0) return false;
  for (JDIMENSION done = 0; done < count;) {
    done += jpeg_read_scanlines(&session->decompressor, rows + done, count - done);
  }
  return true;
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
  TurboSession session{};
  std::vector<uint8_t> rows;  // one band

  Status DecodeRegion(Bytes jpeg, const Box& region, RowSink& sink, int32_t max_scans,
                      bool* smoothed);
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
      return session.errors.ToStatus();
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

/// Decodes the region; or, where libjpeg-turbo would smooth the image, sets `*smoothed` and hands
/// nothing over.
Status TurboDecoder::State::DecodeRegion(Bytes jpeg, const Box& region, RowSink& sink,
                                         int32_t max_scans, bool* smoothed) {
  const TurboSessionEnd end(&session);
  if (!OpenSession(&session, jpeg, max_scans) || !StartImage(&session))
    return session.errors.ToStatus();
  *smoothed = IsSmoothed(session.decompressor);
  if (*smoothed) return {};
  JDIMENSION x_offset = 0;
  if (!GoToRegion(&session, region, &x_offset)) return session.errors.ToStatus();
  return DecodeRows(region, x_offset, sink);
}

Status TurboDecoder::DecodeRegion(Bytes jpeg, const Box& region, RowSink& sink, int32_t max_scans) {
  bool smoothed = false;
  FASTINET_RETURN_IF_ERROR(state_->DecodeRegion(jpeg, region, sink, max_scans, &smoothed));
  if (!smoothed) return {};
  std::vector<uint8_t> sequential;
  FASTINET_RETURN_IF_ERROR(WriteSmoothed(jpeg, &sequential));
  return state_->DecodeRegion(sequential, region, sink, max_scans, &smoothed);
}

}  // namespace fastinet
