// What must hold for PNGs of any bytes whatever; shared by the fuzzer and its replay.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "jpeg/test_jpegs.h"
#include "png/png.h"
#include "png/test_pngs.h"

namespace fastinet::fuzz {

/// A PNG by the choices' recipe.
inline std::vector<uint8_t> ChosenPng(Choices& choices) {
  constexpr std::array<std::array<uint8_t, 2>, 15> kKinds = {{{0, 1},
                                                              {0, 2},
                                                              {0, 4},
                                                              {0, 8},
                                                              {0, 16},
                                                              {2, 8},
                                                              {2, 16},
                                                              {3, 1},
                                                              {3, 2},
                                                              {3, 4},
                                                              {3, 8},
                                                              {4, 8},
                                                              {4, 16},
                                                              {6, 8},
                                                              {6, 16}}};
  test::PngRecipe recipe;
  const auto& kind = kKinds[choices.Byte() % kKinds.size()];
  recipe.colour_type = kind[0];
  recipe.bit_depth = kind[1];
  recipe.size = {1 + choices.Below(50), 1 + choices.Below(50)};
  const uint8_t flags = choices.Byte();
  recipe.interlaced = (flags & 1) != 0;
  recipe.transparency = (flags & 2) != 0;
  recipe.exif_orientation = (flags & 4) != 0 ? choices.Byte() % 10 : 0;
  recipe.colours = 1 + choices.Byte();
  recipe.piece_bytes = (flags & 8) != 0 ? 1u + choices.Byte() : size_t{1} << 16;
  recipe.level = choices.Byte() % 10;
  recipe.seed = choices.Byte();
  return test::MakePng(recipe);
}

/// Regions of `png` are what the whole image has there, and that is what libpng makes of it.
inline void CheckPng(Bytes png, Choices choices) {
  constexpr int64_t kMaxPixels = 1 << 16;
  const std::vector<uint8_t> copy(png.begin(), png.end());  // its end is guarded
  const Result<PngHeader> parsed = ReadPngHeader(copy);
  if (!parsed.ok()) {
    const Status& status = parsed.status();
    Demand(status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kUnsupported,
           "what is no PNG is corrupt or unsupported");
    Demand(status.offset_bytes() >= 0 && status.offset_bytes() <= std::ssize(png),
           "errors have an offset in the file");
    return;
  }
  const PngHeader& header = parsed.value();
  Demand(header.exif_orientation <= 8, "there are eight orientations");
  if (int64_t{header.size.width} * header.size.height > kMaxPixels) return;
  const test::PngOracle oracle = test::PngOracleDecode(copy, kMaxPixels * 8);
  Demand(oracle.fatal || oracle.size == header.size, "the header has the image's size");
  PngDecoder decoder;  // one for all, as a worker has it
  const Box whole_box{0, 0, header.size.width, header.size.height};
  for (int i = 0; i < 3; ++i) {
    const Box region = i == 1 ? whole_box : ChosenBox(choices, header.size);
    test::Collector collector;
    const Status status = decoder.DecodeRegion(copy, region, collector);
    if (!status.ok()) {
      Demand(oracle.fatal, "what libpng takes as a whole is taken region by region");
      Demand(status.code() == StatusCode::kCorrupt && status.offset_bytes() >= 0 &&
                 status.offset_bytes() <= std::ssize(png),
             "errors have a kind and an offset in the file");
      continue;
    }
    Demand(collector.rows == region.height && collector.width == region.width,
           "a region has its size");
    if (oracle.fatal) {
      Demand(region != whole_box || i != 1, "the whole is taken only where libpng takes it");
      continue;
    }
    const test::OracleImage image{
        .size = oracle.size, .channels = oracle.channels, .pixels = oracle.pixels};
    Demand(test::Matches(collector, image, region, region.height), "pixels equal libpng's");
  }
}

/// The step. The first byte tells whether a PNG or a recipe for one follows the bytes of
/// further choices after it.
inline void CheckPngInput(Bytes input) {
  constexpr size_t kRegionBytes = 24;
  Choices choices(input);
  const bool raw = choices.Byte() % 2 == 1;
  const Choices regions(choices.rest().first(std::min(kRegionBytes, choices.rest().size())));
  for (size_t i = 0; i < kRegionBytes; ++i) choices.Byte();
  std::vector<uint8_t> png;
  if (raw) {
    png.assign(choices.rest().begin(), choices.rest().end());
  } else {
    png = ChosenPng(choices);
    Edit(png, choices);
  }
  CheckPng(png, regions);
  test::RepairPngChecksums(png);
  CheckPng(png, regions);
}

}  // namespace fastinet::fuzz
