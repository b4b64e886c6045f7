// CPU time of the resize's two passes: by weights that are taken apart, beside the kernels that do
// without, on the same crops in the same run.
//
//     bench_resize [--rounds N] [--filter bilinear|bicubic|lanczos] FILE...
//
// FILE is a JPEG, or a tar of JPEGs or of such tars: of these only the sizes are read, since a pass
// takes as long for any pixels. Of each image five random crops become 224 x 224 pixels. Ways
// change their order from round to round; a crop's time is its fastest round, and a ratio is one of
// two such times. Preparing weights is part of the way that needs it.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "jpeg/header.h"
#include "resample/axis_passes.h"
#include "resample/kernels.h"
#include "resample/split_kernels.h"

namespace fastinet {
namespace {

constexpr int32_t kSide = 224;
constexpr size_t kLine = 3 * kSide;

double CpuMicroseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

void AddSizes(Bytes bytes, std::vector<Size>* sizes) {
  constexpr size_t kBlock = 512;
  if (bytes.size() > kBlock && std::memcmp(bytes.data() + 257, "ustar", 5) == 0) {
    for (size_t at = 0; at + kBlock <= bytes.size() && bytes[at] != 0;) {
      const std::string field(reinterpret_cast<const char*>(bytes.data() + at + 124), 12);
      const size_t size = std::strtoull(field.c_str(), nullptr, 8);
      at += kBlock;
      if (size > bytes.size() - at) return;
      AddSizes(bytes.subspan(at, size), sizes);
      at += (size + kBlock - 1) / kBlock * kBlock;
    }
    return;
  }
  const auto header = ReadJpegHeader(bytes);
  if (header.ok()) sizes->push_back(header.value().size);
}

/// torchvision's random-resized-crop rule, its first try: area share 0.08..1, ratio 3/4..4/3.
Size DrawCrop(Size image, std::mt19937& random) {
  const auto uniform = [&](double first, double last) {
    return std::uniform_real_distribution<double>(first, last)(random);
  };
  const double area = static_cast<double>(image.width) * image.height * uniform(0.08, 1);
  const double ratio = std::exp(uniform(std::log(0.75), std::log(4.0 / 3)));
  const auto side = [](double wanted, int32_t most) {
    return std::clamp(static_cast<int32_t>(std::lround(wanted)), 1, most);
  };
  return {side(std::sqrt(area * ratio), image.width), side(std::sqrt(area / ratio), image.height)};
}

/// Rows of the horizontal pass, as the vertical one reads them: a plane beside the other.
struct ResizedRows {
  explicit ResizedRows(int32_t rows) { buffer.Reserve((rows + 16u) * RowStride(kLine)); }
  uint8_t* row(int32_t y) { return buffer.data() + static_cast<size_t>(y) * RowStride(kLine); }
  PaddedBuffer buffer;
};

struct Crop {
  Size size;
  std::vector<uint8_t> pixels;  // three planes
  AxisWeights across, down;
  const uint8_t* row(size_t plane, int32_t y) const {
    return pixels.data() + (plane * static_cast<size_t>(size.height) + static_cast<size_t>(y)) *
                               static_cast<size_t>(size.width);
  }
};

/// Calls `use` for every plane of every 16 rows, with pointers to them and to their results.
template <class Use>
void ForEachStrip(const Crop& crop, ResizedRows& out, Use use) {
  for (int32_t y = 0; y < crop.size.height; y += kStripRows) {
    for (size_t plane = 0; plane < 3; ++plane) {
      std::array<const uint8_t*, kStripRows> from;
      std::array<uint8_t*, kStripRows> to;
      for (int32_t i = 0; i < kStripRows; ++i) {
        from[static_cast<size_t>(i)] = crop.row(plane, std::min(y + i, crop.size.height - 1));
        to[static_cast<size_t>(i)] = out.row(y + i) + plane * kSide;
      }
      use(from, to);
    }
  }
}

struct Times {
  double horizontal = 0, vertical = 0;
};

/// Reused from crop to crop, as a resampler reuses what it has.
struct Passes {
  PaddedBuffer input_strip, output_strip, line;
  WindowedWeights windows;
  PairedWeights pairs;
  std::vector<const uint8_t*> taps;
};

Times ByStrips(const Crop& crop, Passes& passes, ResizedRows& rows, uint8_t* out) {
  const double start = CpuMicroseconds();
  passes.input_strip.Reserve(static_cast<size_t>(crop.size.width) * kStripRows);
  passes.output_strip.Reserve(size_t{kSide} * kStripRows);
  ForEachStrip(crop, rows, [&](const auto& from, const auto& to) {
    RowsToStrip(from.data(), static_cast<size_t>(crop.size.width), passes.input_strip.data());
    ResampleStrip({passes.input_strip.data(), kStripRows}, crop.across, passes.output_strip.data());
    StripToRows(passes.output_strip.data(), kSide, to.data());
  });
  const double middle = CpuMicroseconds();
  for (int32_t y = 0; y < kSide; ++y) {
    const auto taps = crop.down.taps(y);
    passes.taps.resize(taps.size());
    for (size_t plane = 0; plane < 3; ++plane) {
      for (size_t k = 0; k < taps.size(); ++k) {
        passes.taps[k] = rows.row(crop.down.start(y) + static_cast<int32_t>(k)) + plane * kSide;
      }
      ResampleRows(passes.taps.data(), taps, kSide, passes.line.data());
      std::memcpy(out + static_cast<size_t>(y) * kLine + plane * kSide, passes.line.data(), kSide);
    }
  }
  return {middle - start, CpuMicroseconds() - middle};
}

/// Returns false where the weights do not fit.
bool BySplitWeights(const Crop& crop, Passes& passes, ResizedRows& rows, uint8_t* out,
                    Times* times) {
  const double start = CpuMicroseconds();
  if (!passes.windows.Compute(crop.across)) return false;
  ForEachStrip(crop, rows, [&](const auto& from, const auto& to) {
    ResampleWindows(from.data(), kStripRows, passes.windows, to.data());
  });
  const double middle = CpuMicroseconds();
  passes.pairs.Compute(crop.down);
  for (int32_t y = 0; y < kSide; ++y) {
    const auto pairs = passes.pairs.pairs(y);
    if (pairs.empty()) return false;
    passes.taps.resize(2 * pairs.size());
    for (size_t k = 0; k < 2 * pairs.size(); ++k) {
      passes.taps[k] = rows.row(crop.down.start(y) + static_cast<int32_t>(k));
    }
    ResamplePairs(passes.taps.data(), pairs, kLine, passes.line.data());
    std::memcpy(out + static_cast<size_t>(y) * kLine, passes.line.data(), kLine);
  }
  *times = {middle - start, CpuMicroseconds() - middle};
  return true;
}

void Print(const char* name, std::vector<std::array<double, 2>> times) {
  std::vector<double> ratios;
  std::array<double, 2> sums{};
  for (const auto& [strips, split] : times) {
    ratios.push_back(split / strips);
    sums[0] += strips;
    sums[1] += split;
  }
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double share) {
    return ratios[static_cast<size_t>(share * static_cast<double>(ratios.size() - 1))];
  };
  const auto count = static_cast<double>(times.size());
  std::printf("%-10s  strips %6.1f us  split %6.1f us  ratio %.3f (%.3f to %.3f), of sums %.3f\n",
              name, sums[0] / count, sums[1] / count, at(0.5), at(0.25), at(0.75),
              sums[1] / sums[0]);
}

int Run(const std::vector<Size>& images, Interpolation interpolation, int rounds) {
  std::mt19937 random(1);
  Passes passes;
  passes.line.Reserve(kLine);
  std::vector<std::array<double, 2>> across, down, both;
  std::vector<uint8_t> by_strips(kSide * kLine), by_split(kSide * kLine);
  int without = 0;
  for (size_t i = 0; i < 5 * images.size(); ++i) {
    Crop crop{DrawCrop(images[i / 5], random), {}, {}, {}};
    crop.pixels.resize(3 * static_cast<size_t>(crop.size.width) *
                       static_cast<size_t>(crop.size.height));
    for (uint8_t& pixel : crop.pixels) pixel = static_cast<uint8_t>(random());
    if (!crop.across.Compute({crop.size.width, kSide, 0, kSide}, interpolation).ok() ||
        !crop.down.Compute({crop.size.height, kSide, 0, kSide}, interpolation).ok()) {
      return 1;
    }
    ResizedRows rows(crop.size.height);
    Times strips{1e9, 1e9}, split{1e9, 1e9};
    bool fits = true;
    for (int round = 0; round < rounds && fits; ++round) {
      for (int turn = 0; turn < 2; ++turn) {
        Times times;
        Times& best = (round + turn) % 2 == 0 ? strips : split;
        if (&best == &strips) {
          times = ByStrips(crop, passes, rows, by_strips.data());
        } else {
          fits = BySplitWeights(crop, passes, rows, by_split.data(), &times);
        }
        best.horizontal = std::min(best.horizontal, times.horizontal);
        best.vertical = std::min(best.vertical, times.vertical);
      }
    }
    if (!fits) {
      ++without;
      continue;
    }
    if (by_strips != by_split) {
      std::fprintf(stderr, "the ways differ\n");
      return 1;
    }
    across.push_back({strips.horizontal, split.horizontal});
    down.push_back({strips.vertical, split.vertical});
    both.push_back({strips.horizontal + strips.vertical, split.horizontal + split.vertical});
  }
  std::printf("%zu crops of %zu images; %d more are resized by strips alone\n", both.size(),
              images.size(), without);
  if (both.empty()) return 1;
  Print("horizontal", across);
  Print("vertical", down);
  Print("both", both);
  return 0;
}

int Main(int count, char** arguments) {
  std::vector<Size> images;
  Interpolation interpolation = Interpolation::kBilinear;
  int rounds = 7;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--rounds" && i + 1 < count) {
      rounds = std::atoi(arguments[++i]);
    } else if (argument == "--filter" && i + 1 < count) {
      const std::string_view name = arguments[++i];
      if (name == "bicubic") interpolation = Interpolation::kBicubic;
      if (name == "lanczos") interpolation = Interpolation::kLanczos;
    } else {
      std::ifstream file(arguments[i], std::ios::binary);
      const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file),
                                       std::istreambuf_iterator<char>()};
      AddSizes(bytes, &images);
    }
  }
  if (images.empty() || rounds < 1 || !HasSplitKernels()) {
    std::fprintf(stderr, "usage: bench_resize [--rounds N] [--filter NAME] FILE...\n");
    return 2;
  }
  return Run(images, interpolation, rounds);
}

}  // namespace
}  // namespace fastinet

int main(int count, char** arguments) { return fastinet::Main(count, arguments); }
