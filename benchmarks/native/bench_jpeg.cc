// CPU time of the own JPEG decoder beside libjpeg-turbo, on the same images in the same run.
//
//     bench_jpeg [--rounds N] [--stride MCUS] FILE...
//
// FILE is a JPEG, or a tar of JPEGs or of such tars. Every round runs each way once over all
// images, one after another, so that all ways see the same machine; a way's time is its fastest
// round. One image decoded over and over would be up to 1.4 times faster than different ones,
// because the branch predictor learns it.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>

#include "jpeg/checkpoints.h"
#include "jpeg/region_decoder.h"
#include "jpeg/turbo.h"

namespace fastinet {
namespace {

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Receives rows into one planar image, as the last step of a full decode would.
class PlanarImage final : public RowSink {
 public:
  void Reset(Size size) {
    size_ = size;
    rows_ = 0;
    pixels_.resize(3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height));
  }
  Status OnRows(const RowBand& band) override {
    for (int32_t y = 0; y < band.rows; ++y, ++rows_) {
      for (int32_t c = 0; c < band.channels; ++c) {
        std::memcpy(pixels_.data() + (int64_t{c} * size_.height + rows_) * size_.width,
                    band.plane[static_cast<size_t>(c)] + y * band.row_stride,
                    static_cast<size_t>(band.width));
      }
    }
    return {};
  }

 private:
  Size size_;
  int64_t rows_ = 0;
  std::vector<uint8_t> pixels_;
};

/// Drops rows: what a region costs without its resize.
class NullSink final : public RowSink {
 public:
  Status OnRows(const RowBand&) override { return {}; }
};

struct Image {
  std::vector<uint8_t> bytes;
  JpegHeader header;
  Checkpoints checkpoints;
  Box crop;
};

/// torchvision's random-resized-crop rule: area share 0.08..1, ratio 3/4..4/3, ten tries.
class CropGenerator {
 public:
  Box Draw(Size size) {
    const double area = static_cast<double>(size.width) * size.height;
    for (int i = 0; i < 10; ++i) {
      const double target = area * (0.08 + 0.92 * Uniform());
      const double ratio =
          std::exp(std::log(0.75) + (std::log(4.0 / 3) - std::log(0.75)) * Uniform());
      const auto width = static_cast<int32_t>(std::lround(std::sqrt(target * ratio)));
      const auto height = static_cast<int32_t>(std::lround(std::sqrt(target / ratio)));
      if (width < 1 || height < 1 || width > size.width || height > size.height) continue;
      return {static_cast<int32_t>(Uniform() * (size.width - width + 1)),
              static_cast<int32_t>(Uniform() * (size.height - height + 1)), width, height};
    }
    const int32_t side = std::min(size.width, size.height);
    return {(size.width - side) / 2, (size.height - side) / 2, side, side};
  }

 private:
  double Uniform() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 11) * 0x1p-53;
  }
  uint64_t state_ = 1;
};

void AddFile(std::vector<uint8_t> bytes, std::vector<Image>* images) {
  constexpr size_t kBlock = 512;
  if (bytes.size() > kBlock && std::memcmp(bytes.data() + 257, "ustar", 5) == 0) {
    for (size_t at = 0; at + kBlock <= bytes.size() && bytes[at] != 0;) {
      const char* size_field = reinterpret_cast<const char*>(bytes.data() + at + 124);
      const size_t size = std::strtoull(std::string(size_field, 12).c_str(), nullptr, 8);
      at += kBlock;
      if (size > bytes.size() - at) return;
      const auto begin = bytes.begin() + static_cast<ptrdiff_t>(at);
      AddFile({begin, begin + static_cast<ptrdiff_t>(size)}, images);
      at += (size + kBlock - 1) / kBlock * kBlock;
    }
    return;
  }
  auto header = ReadJpegHeader(bytes);
  if (!header.ok() || !RegionDecoder::Accepts(header.value())) return;
  images->push_back({.bytes = std::move(bytes),
                     .header = std::move(header).value(),
                     .checkpoints = {},
                     .crop = {}});
}

Box WholeImage(const Image& image) {
  return {0, 0, image.header.size.width, image.header.size.height};
}

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(status.cause().size()), status.cause().data());
  std::exit(1);
}

void TurboCoefficients(const Image& image) {
  jpeg_decompress_struct decoder;
  jpeg_error_mgr errors;
  decoder.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, image.bytes.data(), static_cast<unsigned long>(image.bytes.size()));
  jpeg_read_header(&decoder, TRUE);
  jpeg_read_coefficients(&decoder);
  jpeg_destroy_decompress(&decoder);
}

/// libjpeg-turbo as loaders use it: everything into one interleaved image.
void TurboImage(const Image& image, std::vector<uint8_t>* pixels) {
  jpeg_decompress_struct decoder;
  jpeg_error_mgr errors;
  decoder.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, image.bytes.data(), static_cast<unsigned long>(image.bytes.size()));
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder);
  const size_t stride = size_t{3} * decoder.output_width;
  pixels->resize(stride * decoder.output_height);
  std::array<JSAMPROW, 16> rows;
  while (decoder.output_scanline < decoder.output_height) {
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i] = pixels->data() + stride * (decoder.output_scanline + i);
    }
    jpeg_read_scanlines(&decoder, rows.data(),
                        std::min<JDIMENSION>(16, decoder.output_height - decoder.output_scanline));
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
}

struct Way {
  std::string name;
  std::function<void(const Image&)> run;
  double best_seconds = 1e9;
};

void PrintWays(std::vector<Way>& ways, size_t images) {
  const double baseline = ways.front().best_seconds;
  for (const Way& way : ways) {
    std::printf("  %-44s %8.4f ms  %5.2f x\n", way.name.c_str(),
                way.best_seconds * 1e3 / static_cast<double>(images), baseline / way.best_seconds);
  }
}

void Measure(const char* title, std::vector<Way> ways, const std::vector<Image>& images,
             int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) {
      const double start = CpuSeconds();
      for (const Image& image : images) way.run(image);
      way.best_seconds = std::min(way.best_seconds, CpuSeconds() - start);
    }
  }
  std::printf("%s\n", title);
  PrintWays(ways, images.size());
}

void PrintStages(const std::vector<Image>& images, bool crops, int rounds) {
  RegionDecoder decoder;
  NullSink sink;
  std::array<uint64_t, 3> best;
  best.fill(UINT64_MAX);
  for (int round = 0; round < rounds; ++round) {
    DecodeStats stats;
    stats.measure_time = true;
    for (const Image& image : images) {
      const Box box = crops ? image.crop : WholeImage(image);
      Require(decoder.DecodeRegion(image.header, {image.bytes, 0}, box, &image.checkpoints, sink,
                                   &stats));
    }
    const std::array<uint64_t, 3> times = {stats.entropy_ns, stats.idct_ns, stats.colour_ns};
    for (size_t i = 0; i < times.size(); ++i) best[i] = std::min(best[i], times[i]);
  }
  const auto milliseconds = [&](uint64_t nanoseconds) {
    return static_cast<double>(nanoseconds) * 1e-6 / static_cast<double>(images.size());
  };
  std::printf("  stages [ms by the clock]: entropy %.4f  IDCT %.4f  colour %.4f\n",
              milliseconds(best[0]), milliseconds(best[1]), milliseconds(best[2]));
}

void ReportCheckpoints(const std::vector<Image>& images) {
  double file_bytes = 0, record_bytes = 0, needed_bytes = 0;
  int64_t mcus = 0;
  RegionDecoder decoder;
  DecodeStats stats;
  NullSink drop;
  for (const Image& image : images) {
    std::vector<uint8_t> record;
    image.checkpoints.Append(&record);
    const ByteRange range =
        BytesForRegion(image.header, image.bytes.size(), image.crop, &image.checkpoints);
    mcus += FrameOf(image.header).mcu_count();
    Require(decoder.DecodeRegion(image.header, {image.bytes, 0}, image.crop, &image.checkpoints,
                                 drop, &stats));
    file_bytes += static_cast<double>(image.bytes.size());
    record_bytes += static_cast<double>(record.size());
    needed_bytes +=
        static_cast<double>(range.end - range.begin + image.header.scan.data_offset_bytes);
  }
  std::printf("checkpoints: %.0f bytes an image, %.3f %% of the data\n",
              record_bytes / static_cast<double>(images.size()), 100 * record_bytes / file_bytes);
  std::printf("MCUs that a random crop decodes: %.3f, and passes over: %.3f of the image's\n",
              static_cast<double>(stats.mcus_decoded) / static_cast<double>(mcus),
              static_cast<double>(stats.mcus_skipped) / static_cast<double>(mcus));
  std::printf("bytes that a random crop needs, header included: %.3f of the file\n",
              needed_bytes / file_bytes);
}

void Run(std::vector<Image> images, int rounds, int stride) {
  double bytes = 0;
  CropGenerator crops;
  for (Image& image : images) {
    bytes += static_cast<double>(image.bytes.size());
    auto built = BuildCheckpoints(image.header, image.bytes, stride);
    Require(built.status());
    image.checkpoints = std::move(built).value();
    image.crop = crops.Draw(image.header.size);
  }
  std::printf("%zu images, %.1f KB on average; CPU time of one thread, best of %d rounds\n\n",
              images.size(), bytes * 1e-3 / static_cast<double>(images.size()), rounds);

  RegionDecoder own;
  TurboDecoder turbo;
  PlanarImage planar;
  NullSink drop;
  std::vector<uint8_t> pixels;
  const auto own_header = [](const Image& image) {
    auto header = ReadJpegHeader(image.bytes);
    Require(header.status());
    return std::move(header).value();
  };
  Measure("full decode to RGB",
          {{"libjpeg-turbo", [&](const Image& image) { TurboImage(image, &pixels); }},
           {"own",
            [&](const Image& image) {
              planar.Reset(image.header.size);
              Require(own.DecodeRegion(own_header(image), {image.bytes, 0}, WholeImage(image),
                                       nullptr, planar));
            }}},
          images, rounds);
  PrintStages(images, false, rounds);

  EntropyDecoder entropy;
  CoefficientBuffer buffer;
  const auto begin = [&](const Image& image) {
    const JpegHeader header = own_header(image);
    const Frame frame = FrameOf(header);
    Require(entropy.Begin(header, frame));
    entropy.SetData(image.bytes, 0);
    entropy.Seek({.mcu = 0, .bit = uint64_t{header.scan.data_offset_bytes} * 8, .dc = {}});
    return frame;
  };
  Measure("entropy decoding alone",
          {{"libjpeg-turbo, coefficients of the image", TurboCoefficients},
           {"own, coefficients of a row at a time",
            [&](const Image& image) {
              const Frame frame = begin(image);
              buffer.Shape(frame, frame.mcus_across);
              for (int32_t row = 0; row < frame.mcus_down; ++row) {
                buffer.Clear();
                Require(entropy.DecodeMcus(frame.mcus_across, buffer, 0));
              }
            }},
           {"own, passed over",
            [&](const Image& image) {
              const Frame frame = begin(image);
              Require(entropy.SkipMcus(frame.mcus_across * frame.mcus_down));
            }},
           {"building checkpoints",
            [&](const Image& image) {
              Require(BuildCheckpoints(own_header(image), image.bytes, 0).status());
            }}},
          images, rounds);

  Measure(
      "region of a random crop (area 0.08 to 1)",
      {{"libjpeg-turbo, crop and skip",
        [&](const Image& image) { Require(turbo.DecodeRegion(image.bytes, image.crop, drop)); }},
       {"own, from the scan's start",
        [&](const Image& image) {
          Require(own.DecodeRegion(own_header(image), {image.bytes, 0}, image.crop, nullptr, drop));
        }},
       {"own, from checkpoints",
        [&](const Image& image) {
          Require(own.DecodeRegion(own_header(image), {image.bytes, 0}, image.crop,
                                   &image.checkpoints, drop));
        }},
       {"set-up alone (header, tables)", [&](const Image& image) { begin(image); }}},
      images, rounds);
  PrintStages(images, true, rounds);
  ReportCheckpoints(images);
}

int Main(int count, char** arguments) {
  std::vector<Image> images;
  int rounds = 7;
  int stride = 0;
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--rounds" && i + 1 < count) {
      rounds = std::atoi(arguments[++i]);
      continue;
    }
    if (std::string_view(arguments[i]) == "--stride" && i + 1 < count) {
      stride = std::atoi(arguments[++i]);
      continue;
    }
    std::ifstream file(arguments[i], std::ios::binary);
    AddFile({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, &images);
  }
  if (images.empty() || rounds < 1) {
    std::fprintf(stderr, "usage: bench_jpeg [--rounds N] [--stride MCUS] FILE...\n");
    return 2;
  }
  Run(std::move(images), rounds, stride);
  return 0;
}

}  // namespace
}  // namespace fastinet

int main(int count, char** arguments) { return fastinet::Main(count, arguments); }
