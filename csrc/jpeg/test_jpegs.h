// JPEGs that the tests make for themselves, and libjpeg-turbo's opinion of them.
#pragma once

#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <vector>
// clang-format off
#include <jerror.h>
// clang-format on

#include "base/bytes.h"
#include "base/image.h"
#include "jpeg/region_decoder.h"

namespace fastinet::test {

/// How to make a JPEG.
struct JpegRecipe {
  Size size{40, 30};
  int components = 3;
  std::array<std::array<int, 2>, 3> sampling{{{1, 1}, {1, 1}, {1, 1}}};  // across, down
  int quality = 90;
  bool optimize = false;          // Huffman tables of its own
  unsigned restart_interval = 0;  // [MCUs]
  bool rgb = false;               // stored without a colour transform
  bool progressive = false;
  int scans = 0;            // of a progressive one, the first so many; 0: all
  bool arithmetic = false;  // not by Huffman codes
  int noise = 40;           // of 256; the rest are gradients
  uint32_t seed = 1;
};

inline std::ostream& operator<<(std::ostream& out, const JpegRecipe& recipe) {
  out << recipe.size.width << "x" << recipe.size.height << " c" << recipe.components;
  for (const auto& s : recipe.sampling) out << " " << s[0] << "x" << s[1];
  return out << " q" << recipe.quality << " opt" << recipe.optimize << " rst"
             << recipe.restart_interval << " rgb" << recipe.rgb << " noise" << recipe.noise
             << " progressive" << recipe.progressive << " scans" << recipe.scans << " arithmetic"
             << recipe.arithmetic;
}

/// A small generator, the same on every machine.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  uint32_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  /// One of 0..limit-1.
  int Below(int limit) { return static_cast<int>(Next() % static_cast<uint32_t>(limit)); }

 private:
  uint32_t state_;
};

inline std::vector<uint8_t> MakeJpeg(const JpegRecipe& recipe) {
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = jpeg_std_error(&errors);
  errors.emit_message = [](j_common_ptr, int) {};  // 16-bit quantisation tables are wanted
  jpeg_create_compress(&encoder);
  unsigned char* bytes = nullptr;
  unsigned long length = 0;
  jpeg_mem_dest(&encoder, &bytes, &length);
  encoder.image_width = static_cast<JDIMENSION>(recipe.size.width);
  encoder.image_height = static_cast<JDIMENSION>(recipe.size.height);
  encoder.input_components = recipe.components;
  encoder.in_color_space = recipe.components == 1   ? JCS_GRAYSCALE
                           : recipe.components == 4 ? JCS_CMYK
                                                    : JCS_RGB;
  jpeg_set_defaults(&encoder);
  if (recipe.rgb && recipe.components == 3) jpeg_set_colorspace(&encoder, JCS_RGB);
  jpeg_set_quality(&encoder, recipe.quality, FALSE);
  encoder.optimize_coding = recipe.optimize ? TRUE : FALSE;
  encoder.restart_interval = recipe.restart_interval;
  for (int c = 0; c < std::min(recipe.components, 3); ++c) {
    encoder.comp_info[c].h_samp_factor = recipe.sampling[static_cast<size_t>(c)][0];
    encoder.comp_info[c].v_samp_factor = recipe.sampling[static_cast<size_t>(c)][1];
  }
  if (recipe.progressive) jpeg_simple_progression(&encoder);
  if (recipe.scans > 0) encoder.num_scans = std::min(encoder.num_scans, recipe.scans);
  encoder.arith_code = recipe.arithmetic ? TRUE : FALSE;
  jpeg_start_compress(&encoder, TRUE);
  Random random(recipe.seed);
  std::vector<uint8_t> row(static_cast<size_t>(recipe.size.width * recipe.components));
  for (int y = 0; y < recipe.size.height; ++y) {
    for (int x = 0; x < recipe.size.width; ++x) {
      for (int c = 0; c < recipe.components; ++c) {
        const int smooth = (x * (3 + c) + y * (5 - c) + (x / 16 + y / 16) % 2 * 90) & 255;
        const int value = smooth + random.Below(std::max(2 * recipe.noise, 1)) - recipe.noise;
        row[static_cast<size_t>(x) * static_cast<size_t>(recipe.components) +
            static_cast<size_t>(c)] = static_cast<uint8_t>(std::clamp(value, 0, 255));
      }
    }
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&encoder, &rows, 1);
  }
  jpeg_finish_compress(&encoder);
  std::vector<uint8_t> result(bytes, bytes + length);
  std::free(bytes);
  jpeg_destroy_compress(&encoder);
  return result;
}

/// A whole image, interleaved, with what libjpeg-turbo thinks of its bytes.
struct OracleImage {
  Size size;
  int channels = 0;
  std::vector<uint8_t> pixels;
  bool fatal = false;    // no image
  bool damaged = false;  // a warning about lost data
  int rows_before_damage = 0;

  uint8_t at(int x, int y, int c) const {
    const int64_t pixel = int64_t{y} * size.width + x;
    return pixels[static_cast<size_t>(pixel * channels + c)];
  }
};

namespace detail {

struct OracleSession {
  jpeg_error_mgr errors;
  std::jmp_buf on_error;
  bool damaged = false;
};

[[noreturn]] inline void OracleFails(j_common_ptr common) {
  std::longjmp(static_cast<OracleSession*>(common->client_data)->on_error, 1);
}

inline void OracleWarns(j_common_ptr common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      static_cast<OracleSession*>(common->client_data)->damaged = true;
      break;
    default:
      break;
  }
}

/// Makes `decoder`, whose errors and warnings go to `session`.
inline void CreateDecoder(jpeg_decompress_struct& decoder, OracleSession& session) {
  decoder.err = jpeg_std_error(&session.errors);
  decoder.client_data = &session;
  session.errors.error_exit = OracleFails;
  session.errors.emit_message = OracleWarns;
  jpeg_create_decompress(&decoder);
}

}  // namespace detail

/// A full decode by libjpeg-turbo: accurate DCT, fancy upsampling; `smoothing` of what is
/// incomplete.
inline OracleImage OracleDecode(Bytes jpeg, bool smoothing = true) {
  OracleImage image;
  detail::OracleSession session;
  jpeg_decompress_struct decoder;
  detail::CreateDecoder(decoder, session);
  if (setjmp(session.on_error) != 0) {
    image.fatal = true;
    jpeg_destroy_decompress(&decoder);
    return image;
  }
  jpeg_mem_src(&decoder, jpeg.data(), static_cast<unsigned long>(jpeg.size()));
  jpeg_read_header(&decoder, TRUE);
  decoder.dct_method = JDCT_ISLOW;
  decoder.do_fancy_upsampling = TRUE;
  decoder.do_block_smoothing = smoothing ? TRUE : FALSE;
  if (decoder.num_components == 3) decoder.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder);
  image.size = {static_cast<int32_t>(decoder.output_width),
                static_cast<int32_t>(decoder.output_height)};
  image.channels = decoder.output_components;
  const size_t stride = static_cast<size_t>(image.size.width) * decoder.output_components;
  image.pixels.resize(stride * static_cast<size_t>(image.size.height));
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = image.pixels.data() + stride * decoder.output_scanline;
    jpeg_read_scanlines(&decoder, &row, 1);
    image.damaged = session.damaged;
    if (!session.damaged) image.rows_before_damage = static_cast<int>(decoder.output_scanline);
  }
  jpeg_abort_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return image;
}

/// Whether a block may have coefficients that no 8-bit samples give. The inverse DCTs of
/// libjpeg-turbo, in C, for x86 and for NEON, then leave their range each in its own way.
inline bool MayHaveHostileBlocks(Bytes jpeg) {
  // A transform multiplies by at most sqrt(2) cos(pi / 16) = 1.39. With the two bits that the first
  // one adds, no sum in the second one leaves 16 bits while 4 * 1.39 times this is below 2^15.
  constexpr int64_t kMaxPlainSum = 5890;
  detail::OracleSession session;
  jpeg_decompress_struct decoder;
  detail::CreateDecoder(decoder, session);
  // Damage behind the pixels counts: coefficients are read to the end.
  if (setjmp(session.on_error) != 0) {
    jpeg_destroy_decompress(&decoder);
    return true;
  }
  jpeg_mem_src(&decoder, jpeg.data(), static_cast<unsigned long>(jpeg.size()));
  jpeg_read_header(&decoder, TRUE);
  jvirt_barray_ptr* const arrays = jpeg_read_coefficients(&decoder);
  auto* const common = reinterpret_cast<j_common_ptr>(&decoder);
  bool found = false;
  for (int c = 0; c < decoder.num_components; ++c) {
    const jpeg_component_info& component = decoder.comp_info[c];
    for (JDIMENSION y = 0; y < component.height_in_blocks; ++y) {
      JBLOCKARRAY rows = decoder.mem->access_virt_barray(common, arrays[c], y, 1, FALSE);
      for (JDIMENSION x = 0; x < component.width_in_blocks; ++x) {
        int64_t sum = 0;
        for (size_t i = 0; i < 64; ++i) {
          sum += std::abs(int64_t{rows[0][x][i]} * component.quant_table->quantval[i]);
        }
        found = found || sum > kMaxPlainSum;
      }
    }
  }
  jpeg_destroy_decompress(&decoder);
  return found;
}

/// Collects a region's rows.
class Collector final : public RowSink {
 public:
  Status OnRows(const RowBand& band) override {
    channels = band.channels;
    width = band.width;
    for (int32_t y = 0; y < band.rows; ++y) {
      for (int32_t x = 0; x < band.width; ++x) {
        for (int32_t c = 0; c < band.channels; ++c) {
          pixels.push_back(
              band.plane[static_cast<size_t>(c)][y * band.row_stride + x * band.pixel_stride]);
        }
      }
    }
    rows += band.rows;
    return {};
  }

  int32_t channels = 0;
  int32_t width = 0;
  int32_t rows = 0;
  std::vector<uint8_t> pixels;
};

/// True when the collected rows are `region` of `image`, at least its first `rows` rows.
inline bool Matches(const Collector& collected, const OracleImage& image, const Box& region,
                    int32_t rows) {
  if (collected.rows < rows || (rows > 0 && collected.channels != image.channels)) return false;
  size_t i = 0;
  for (int32_t y = 0; y < rows; ++y) {
    for (int32_t x = 0; x < region.width; ++x) {
      for (int32_t c = 0; c < image.channels; ++c) {
        if (collected.pixels[i++] != image.at(region.x + x, region.y + y, c)) return false;
      }
    }
  }
  return true;
}

/// True when the collected rows are `region` of `image`, which libjpeg-turbo made of a `jpeg` that
/// may be damaged; or when they need not be, because hostile blocks may make this machine's
/// libjpeg-turbo differ from that for x86, which is our model (idct.h).
inline bool MatchesIfDefined(const Collector& collected, const OracleImage& image,
                             const Box& region, Bytes jpeg) {
#ifdef __x86_64__
  constexpr bool kOracleIsTheModel = true;
#else
  constexpr bool kOracleIsTheModel = false;
#endif
  return Matches(collected, image, region, region.height) ||
         (!kOracleIsTheModel && collected.rows == region.height && MayHaveHostileBlocks(jpeg));
}

}  // namespace fastinet::test
