// The ways to decode that compare_builds.py measures, as functions of C in a library for each
// build.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "jpeg/checkpoints.h"
#include "jpeg/entropy.h"
#include "jpeg/region_decoder.h"
#include "resample/resampler.h"

namespace fastinet {
namespace {

constexpr int32_t kSide = 224;  // [pixels] of a training image

/// Sums all pixels' bytes, weighted, so that builds can be compared: FNV-1a.
class HashSink final : public RowSink {
 public:
  Status OnRows(const RowBand& band) override {
    for (size_t c = 0; c < static_cast<size_t>(band.channels); ++c) {
      for (int32_t y = 0; y < band.rows; ++y) {
        Add({band.plane[c] + y * band.row_stride, static_cast<size_t>(band.width)});
      }
    }
    return {};
  }
  void Add(Bytes bytes) {
    for (const uint8_t byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001B3u;
  }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 0xCBF29CE484222325u;
};

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

enum class Way : int32_t {
  kEntropy,
  kEntropyInTurn,
  kPassOver,
  kWhole,
  kWholeFromCheckpoints,
  kCrop,
  kCropFromCheckpoints,
  kTrain,
  kTrainFloat32,
};

}  // namespace

/// Images, and what decodes them.
struct BuildWays {
  std::vector<Image> images;
  RegionDecoder regions;
  EntropyDecoder entropy;
  std::array<CoefficientBuffer, 2> buffers;
  Resampler resampler;
  std::vector<uint8_t> row = std::vector<uint8_t>(size_t{kSide} * kSide * 3 * sizeof(float));
};

namespace {

Frame BeginEntropy(const Image& image, BuildWays* ways, Status* status) {
  const Frame frame = FrameOf(image.header);
  *status = ways->entropy.Begin(image.header, frame);
  ways->entropy.SetData(image.bytes, 0);
  ways->entropy.Seek(image.checkpoints.all()[0].point);
  for (CoefficientBuffer& buffer : ways->buffers) {
    buffer.Shape(frame, frame.mcus_across);
    buffer.Clear();
  }
  return frame;
}

/// Coefficients of all rows. Each is written over the one before, as no inverse DCT follows.
Status DecodeEntropy(const Image& image, bool in_turn, BuildWays* ways) {
  Status status;
  const Frame frame = BeginEntropy(image, ways, &status);
  const auto& points = image.checkpoints.all();
  const int32_t step = in_turn ? 2 : 1;
  for (int32_t row = 0; status.ok() && row + step <= frame.mcus_down; row += step) {
    if (in_turn) {
      std::array<ScanPoint, 2> places = {points[static_cast<size_t>(row)].point,
                                         points[static_cast<size_t>(row) + 1].point};
      status = ways->entropy.DecodeMcusInTurn(0, frame.mcus_across, ways->buffers, &places);
    } else {
      status = ways->entropy.DecodeMcus(frame.mcus_across, ways->buffers[0], 0);
    }
  }
  return status;
}

Status PassOver(const Image& image, BuildWays* ways) {
  Status status;
  const Frame frame = BeginEntropy(image, ways, &status);
  if (!status.ok()) return status;
  return ways->entropy.SkipMcus(frame.mcus_across * frame.mcus_down);
}

Status Train(const Image& image, DType dtype, BuildWays* ways) {
  const ResizeSpec spec{.box = {image.crop.width, image.crop.height},
                        .resized = {kSide, kSide},
                        .window = {0, 0, kSide, kSide}};
  OutputFormat format{.dtype = dtype};
  if (dtype != DType::kUint8) {  // ImageNet's mean and standard deviation
    format.scale = {1 / 58.395f, 1 / 57.12f, 1 / 57.375f};
    format.bias = {-2.1179f, -2.0357f, -1.8044f};
  }
  const size_t row_bytes = format.RowBytes({kSide, kSide}).value_or(0);
  const MutableBytes row = MutableBytes(ways->row).first(row_bytes);
  if (Status status = ways->resampler.Begin(spec, format, row); !status.ok()) return status;
  Box region = ways->resampler.region();
  region.x += image.crop.x;
  region.y += image.crop.y;
  if (Status status = ways->regions.DecodeRegion(image.header, {image.bytes, 0}, region,
                                                 &image.checkpoints, ways->resampler);
      !status.ok()) {
    return status;
  }
  return ways->resampler.Finish();
}

Status Run(Way way, const Image& image, RowSink& sink, BuildWays* ways) {
  const Box whole = {0, 0, image.header.size.width, image.header.size.height};
  const JpegSlice bytes = {image.bytes, 0};
  switch (way) {
    case Way::kEntropy:
      return DecodeEntropy(image, false, ways);
    case Way::kEntropyInTurn:
      return DecodeEntropy(image, true, ways);
    case Way::kPassOver:
      return PassOver(image, ways);
    case Way::kWhole:
      return ways->regions.DecodeRegion(image.header, bytes, whole, nullptr, sink);
    case Way::kWholeFromCheckpoints:
      return ways->regions.DecodeRegion(image.header, bytes, whole, &image.checkpoints, sink);
    case Way::kCrop:
      return ways->regions.DecodeRegion(image.header, bytes, image.crop, nullptr, sink);
    case Way::kCropFromCheckpoints:
      return ways->regions.DecodeRegion(image.header, bytes, image.crop, &image.checkpoints, sink);
    case Way::kTrain:
      return Train(image, DType::kUint8, ways);
    case Way::kTrainFloat32:
      return Train(image, DType::kFloat32, ways);
  }
  return InvalidArgument("no such way");
}

}  // namespace
}  // namespace fastinet

#define FASTINET_FACE extern "C" __attribute__((visibility("default")))

FASTINET_FACE fastinet::BuildWays* NewWays() { return new fastinet::BuildWays; }
FASTINET_FACE void DeleteWays(fastinet::BuildWays* ways) { delete ways; }

/// Adds an image, of which `crop` is x, y, width and height. Returns whether it could be.
FASTINET_FACE int AddImage(fastinet::BuildWays* ways, const uint8_t* bytes, size_t size,
                           const int32_t* crop) {
  std::vector<uint8_t> copy(bytes, bytes + size);
  auto header = fastinet::ReadJpegHeader(copy);
  if (!header.ok() || !fastinet::RegionDecoder::Accepts(header.value())) return 0;
  auto checkpoints = fastinet::BuildCheckpoints(header.value(), copy, 0);
  if (!checkpoints.ok()) return 0;
  ways->images.push_back({.bytes = std::move(copy),
                          .header = std::move(header).value(),
                          .checkpoints = std::move(checkpoints).value(),
                          .crop = {crop[0], crop[1], crop[2], crop[3]}});
  return 1;
}

/// Goes a way once, for the image added as number `image`. Returns whether it came to its end.
FASTINET_FACE int RunWay(fastinet::BuildWays* ways, int32_t way, size_t image) {
  fastinet::NullSink sink;
  return fastinet::Run(static_cast<fastinet::Way>(way), ways->images[image], sink, ways).ok() ? 1
                                                                                              : 0;
}

/// A sum of all bytes that the ways to pixels give of an image; 0 where one fails.
FASTINET_FACE uint64_t HashOfPixels(fastinet::BuildWays* ways, size_t image) {
  using fastinet::Way;
  fastinet::HashSink sink;
  for (const Way way : {Way::kWhole, Way::kWholeFromCheckpoints, Way::kCrop,
                        Way::kCropFromCheckpoints, Way::kTrain, Way::kTrainFloat32}) {
    if (!fastinet::Run(way, ways->images[image], sink, ways).ok()) return 0;
    if (way == Way::kTrain || way == Way::kTrainFloat32) sink.Add(ways->row);
  }
  return sink.hash();
}
