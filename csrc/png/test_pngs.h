// PNGs that the tests make for themselves, and libpng's opinion of them.
#pragma once

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"

namespace fastinet::test {

inline void AppendBigEndian32(std::vector<uint8_t>& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

inline void AppendPngChunk(std::vector<uint8_t>& png, std::string_view type, Bytes content) {
  AppendBigEndian32(png, static_cast<uint32_t>(content.size()));
  const size_t covered = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), content.begin(), content.end());
  const Bytes checked = Bytes(png).subspan(covered);
  AppendBigEndian32(png, static_cast<uint32_t>(crc32_z(0, checked.data(), checked.size())));
}

/// Makes the CRC of every chunk right, as far as the lengths of chunks lead. A random change would
/// otherwise end at its CRC, and nothing behind would ever be tried.
inline void RepairPngChecksums(std::vector<uint8_t>& png) {
  constexpr size_t kSignature = 8, kOverhead = 12;
  size_t chunk = kSignature;
  while (chunk + kOverhead <= png.size()) {
    const size_t length = LoadBigEndian32(&png[chunk]);
    if (length > png.size() - chunk - kOverhead) break;
    const auto crc = static_cast<uint32_t>(crc32_z(0, &png[chunk + 4], length + 4));
    std::vector<uint8_t> stored;
    AppendBigEndian32(stored, crc);
    std::copy(stored.begin(), stored.end(), &png[chunk + 8 + length]);
    chunk += kOverhead + length;
  }
}

/// How to make a PNG.
struct PngRecipe {
  Size size{20, 15};
  uint8_t colour_type = 2;  // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
  uint8_t bit_depth = 8;
  bool interlaced = false;
  int colours = 256;             // of a palette; indices may lie beyond it
  bool transparency = false;     // a tRNS chunk, where the colour type may have one
  uint8_t exif_orientation = 0;  // in an eXIf chunk; 0: none
  size_t piece_bytes = 1 << 16;  // of the IDAT chunks
  int level = 6;                 // of deflate
  uint32_t seed = 1;
};

namespace detail {

/// Bytes of the filtered rows of one pass: any bytes behind a filter's number are legal.
inline void AppendPngRows(std::vector<uint8_t>& rows, int width, int height, int pixel_bits,
                          uint32_t& state) {
  const size_t row_bytes = (static_cast<size_t>(width) * static_cast<size_t>(pixel_bits) + 7) / 8;
  const auto next = [&state] { return state = state * 1664525 + 1013904223; };
  for (int y = 0; width > 0 && y < height; ++y) {
    rows.push_back(static_cast<uint8_t>((next() >> 16) % 5));
    const bool is_flat = (next() >> 20) % 3 == 0;  // deflates to references far back
    for (size_t i = 0; i < row_bytes; ++i) {
      rows.push_back(static_cast<uint8_t>(is_flat ? i : next() >> 24));
    }
  }
}

}  // namespace detail

inline std::vector<uint8_t> MakePng(const PngRecipe& recipe) {
  constexpr std::array<int, 7> kSamples = {1, 0, 3, 1, 2, 0, 4};  // by colour type
  std::vector<uint8_t> png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  std::vector<uint8_t> header;
  AppendBigEndian32(header, static_cast<uint32_t>(recipe.size.width));
  AppendBigEndian32(header, static_cast<uint32_t>(recipe.size.height));
  header.insert(header.end(), {recipe.bit_depth, recipe.colour_type, 0, 0,
                               static_cast<uint8_t>(recipe.interlaced ? 1 : 0)});
  AppendPngChunk(png, "IHDR", header);
  uint32_t state = recipe.seed;
  if (recipe.colour_type == PNG_COLOR_TYPE_PALETTE) {
    std::vector<uint8_t> palette;
    const int most = std::min(recipe.colours, 1 << recipe.bit_depth);
    for (int i = 0; i < 3 * std::max(most, 1); ++i) {
      palette.push_back(static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24));
    }
    AppendPngChunk(png, "PLTE", palette);
  }
  if (recipe.transparency && recipe.colour_type < PNG_COLOR_TYPE_GRAY_ALPHA) {
    AppendPngChunk(png, "tRNS",
                   std::vector<uint8_t>(recipe.colour_type == 2   ? 6
                                        : recipe.colour_type == 0 ? 2
                                                                  : 1));
  }
  if (recipe.exif_orientation != 0) {
    const std::vector<uint8_t> tiff = {'M', 'M',  0, 42, 0, 0, 0, 8, 0, 1,
                                       1,   0x12, 0, 3,  0, 0, 0, 1, 0, recipe.exif_orientation};
    std::vector<uint8_t> padded = tiff;
    padded.resize(tiff.size() + 6);
    AppendPngChunk(png, "eXIf", padded);
  }
  const int pixel_bits = kSamples[recipe.colour_type] * recipe.bit_depth;
  std::vector<uint8_t> rows;
  if (recipe.interlaced) {
    // PNG specification, 8.2: where each pass starts, and its steps.
    constexpr std::array<std::array<int, 4>, 7> kPasses = {{{0, 0, 8, 8},
                                                            {4, 0, 8, 8},
                                                            {0, 4, 4, 8},
                                                            {2, 0, 4, 4},
                                                            {0, 2, 2, 4},
                                                            {1, 0, 2, 2},
                                                            {0, 1, 1, 2}}};
    for (const auto& [x, y, across, down] : kPasses) {
      detail::AppendPngRows(rows, (recipe.size.width - x + across - 1) / across,
                            (recipe.size.height - y + down - 1) / down, pixel_bits, state);
    }
  } else {
    detail::AppendPngRows(rows, recipe.size.width, recipe.size.height, pixel_bits, state);
  }
  std::vector<uint8_t> deflated(compressBound(static_cast<uLong>(rows.size())));
  uLongf length = deflated.size();
  compress2(deflated.data(), &length, rows.data(), static_cast<uLong>(rows.size()), recipe.level);
  deflated.resize(length);
  for (size_t at = 0; at < deflated.size(); at += recipe.piece_bytes) {
    AppendPngChunk(png, "IDAT",
                   Bytes(deflated).subspan(at, std::min(recipe.piece_bytes, deflated.size() - at)));
  }
  AppendPngChunk(png, "IEND", {});
  return png;
}

/// A whole image as libpng's own conversions make it.
struct PngOracle {
  bool fatal = false;  // no image, or not all of it
  Size size;
  int channels = 0;  // 1 or 3
  std::vector<uint8_t> pixels;
};

namespace detail {

struct PngOracleInput {
  Bytes png;
  size_t position = 0;
};

inline void TakeForOracle(png_structp reader, png_bytep out, size_t count) {
  auto* input = static_cast<PngOracleInput*>(png_get_io_ptr(reader));
  if (count > input->png.size() - input->position) png_error(reader, "the data end early");
  std::memcpy(out, input->png.data() + input->position, count);
  input->position += count;
}

[[noreturn]] inline void OracleLeaves(png_structp reader, png_const_charp /*message*/) {
  png_longjmp(reader, 1);
}

inline void OracleIgnores(png_structp /*reader*/, png_const_charp /*message*/) {}

/// Plain data only is alive here, since libpng leaves by longjmp. `rows` have as many elements as
/// the image has rows once `allocate` was called.
template <class Allocate>
bool ReadOracle(png_structp reader, png_infop info, PngOracleInput* input, Allocate allocate) {
  if (setjmp(png_jmpbuf(reader)) != 0) return false;
  png_set_read_fn(reader, input, TakeForOracle);
  png_set_user_limits(reader, kMaxImageSide, kMaxImageSide);
  png_set_keep_unknown_chunks(reader, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_benign_errors(reader, 1);
  png_read_info(reader, info);
  const png_byte colour_type = png_get_color_type(reader, info);
  const bool is_grey16 =
      colour_type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(reader, info) == 16;
  png_set_expand(reader);
  if (!is_grey16) png_set_strip_16(reader);
  png_set_strip_alpha(reader);  // also that which png_set_expand makes of tRNS
  png_set_interlace_handling(reader);
  png_read_update_info(reader, info);
  png_bytepp rows = allocate(png_get_image_height(reader, info), png_get_rowbytes(reader, info));
  if (rows == nullptr) return false;
  png_read_image(reader, rows);
  return true;
}

}  // namespace detail

/// A full decode: libpng expands palettes and bits itself. Images of more bytes than `most_bytes`
/// count as fatal.
inline PngOracle PngOracleDecode(Bytes png, size_t most_bytes) {
  PngOracle image;
  detail::PngOracleInput input{png};
  png_structp reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, detail::OracleLeaves,
                                              detail::OracleIgnores);
  png_infop info = png_create_info_struct(reader);
  std::vector<png_bytep> rows;
  size_t row_bytes = 0;
  image.fatal = !detail::ReadOracle(reader, info, &input, [&](size_t height, size_t bytes) {
    row_bytes = bytes;
    if (height > most_bytes / std::max<size_t>(bytes, 1)) return png_bytepp{nullptr};
    image.pixels.resize(height * bytes);
    for (size_t y = 0; y < height; ++y) rows.push_back(image.pixels.data() + y * bytes);
    return rows.data();
  });
  if (!image.fatal) {
    image.size = {static_cast<int32_t>(png_get_image_width(reader, info)),
                  static_cast<int32_t>(png_get_image_height(reader, info))};
    image.channels = png_get_channels(reader, info);
    if (png_get_bit_depth(reader, info) == 16) {  // grey: Pillow clips it
      for (size_t i = 0; i < image.pixels.size() / 2; ++i) {
        image.pixels[i] = image.pixels[2 * i] == 0 ? image.pixels[2 * i + 1] : uint8_t{255};
      }
      image.pixels.resize(image.pixels.size() / 2);
    }
  }
  png_destroy_read_struct(&reader, &info, nullptr);
  return image;
}

}  // namespace fastinet::test
