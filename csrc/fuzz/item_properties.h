// What must hold on the whole road from an item's bytes to its rows, whatever the bytes; shared by
// the fuzzer and its replay.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "fuzz/jpeg_differential.h"
#include "fuzz/png_properties.h"
#include "gzip/test_gzip.h"
#include "item/item.h"
#include "jpeg/checkpoints.h"

namespace fastinet::fuzz {

/// An item that ends the program when somebody reads beyond it, and whose bytes are gone with the
/// next read.
class StrictBytes final : public ItemBytes {
 public:
  explicit StrictBytes(Bytes bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size(); }
  Result<Bytes> Read(uint64_t begin, uint64_t end) override {
    Demand(begin <= end && end <= bytes_.size(), "reads stay within the item");
    part_ = std::vector<uint8_t>(bytes_.begin() + static_cast<ptrdiff_t>(begin),
                                 bytes_.begin() + static_cast<ptrdiff_t>(end));
    return Bytes(part_);
  }

 private:
  Bytes bytes_;
  std::vector<uint8_t> part_;
};

/// The rows of an item, or why there are none.
struct RenderedItem {
  Status status;
  Size shown;
  std::vector<std::vector<uint8_t>> rows;
  std::vector<Crop> crops;
  std::vector<std::vector<Step>> steps;
};

inline constexpr int64_t kMostItemPixels = 1 << 14;

inline RenderedItem Render(ItemRenderer& renderer, Bytes item, const ItemHints& hints,
                           const ItemSpec& spec, const AugmentKey& key) {
  RenderedItem result;
  const auto views = static_cast<size_t>(spec.views());
  for (size_t group = 0; group < spec.groups.size(); ++group) {
    for (int32_t i = 0; i < spec.groups[group].count; ++i) {
      result.rows.emplace_back(spec.ViewBytes(group).value(), uint8_t{1});
    }
  }
  const std::vector<MutableBytes> rows(result.rows.begin(), result.rows.end());
  result.crops.resize(views);
  result.steps.resize(views);
  StrictBytes bytes(item);
  const Result<Size> rendered = renderer.RenderItem(bytes, hints, spec, key, {}, rows,
                                                    {.crops = result.crops, .steps = result.steps});
  result.status = rendered.status();
  if (rendered.ok()) result.shown = rendered.value();
  return result;
}

/// One to six views in one or two groups.
inline ItemSpec ChosenSpec(Choices& choices) {
  ItemSpec spec;
  spec.options.max_pixels = kMostItemPixels;
  spec.options.apply_orientation = choices.Byte() % 2 == 1;
  spec.groups.resize(1 + choices.Byte() % 2);
  for (ViewSpec& group : spec.groups) {
    Transform& transform = group.transform;
    transform.kind = static_cast<Transform::Kind>(choices.Byte() % 4);
    transform.size = {1 + choices.Byte() % 24, 1 + choices.Byte() % 24};
    transform.scale = {choices.Byte() % 2 == 0 ? 0.02 : 0.5, 1.0};
    transform.interpolation =
        choices.Byte() % 2 == 0 ? Interpolation::kBilinear : Interpolation::kBicubic;
    transform.resize = choices.Byte() % 2 == 0 ? 0 : 30;
    if (transform.kind == Transform::Kind::kRandomCrop) transform.padding = {24, 24, 24, 24};
    group.count = 1 + choices.Byte() % 3;
  }
  return spec;
}

/// A JPEG or PNG of any kind, with edits; or gzip-wrapped. `is_sound` is set where there are none.
inline std::vector<uint8_t> ChosenItem(Choices& choices, bool* is_sound) {
  const uint8_t kind = choices.Byte();
  std::vector<uint8_t> item;
  if (kind % 8 == 0) {
    item = ChosenPng(choices);
  } else {
    test::JpegRecipe recipe;
    recipe.size = {1 + choices.Below(80), 1 + choices.Below(80)};
    const uint8_t flags = choices.Byte();
    recipe.components = kind % 8 == 1 ? 1 : kind % 8 == 2 ? 4 : 3;
    if (recipe.components == 3) {
      recipe.sampling[0] = {1 + (flags & 1), 1 + (flags >> 1 & 1)};
      if ((flags >> 2 & 3) == 3) recipe.sampling[1] = {1, recipe.sampling[0][1]};
    }
    recipe.progressive = (flags & 16) != 0;
    recipe.arithmetic = (flags & 96) == 96;
    recipe.optimize = (flags & 128) != 0 && !recipe.arithmetic;
    recipe.scans = choices.Byte() % 12;
    recipe.restart_interval = choices.Byte() % 4 == 0 ? 1u + choices.Byte() % 9 : 0;
    recipe.quality = 1 + choices.Byte() % 100;
    recipe.noise = choices.Byte();
    recipe.seed = choices.Byte();
    item = test::MakeJpeg(recipe);
  }
  const std::vector<uint8_t> sound = item;
  Edit(item, choices);
  *is_sound = item == sound;
  return kind / 8 % 8 == 0 ? test::Gzip(item, 1) : item;
}

/// Each view has the row of the one-shot call; the item fails where one of these does.
inline void CheckOneShots(Bytes item, const ItemSpec& spec, const RenderedItem& rendered) {
  bool all_well = true;
  for (size_t view = 0; view < rendered.rows.size(); ++view) {
    ItemRenderer fresh;
    std::vector<uint8_t> row(rendered.rows[view].size(), uint8_t{2});
    const Status status = fresh.RenderCrop(item, rendered.crops[view], spec.options, row);
    all_well = all_well && status.ok();
    Demand(!rendered.status.ok() || status.ok(), "what an item shows, the one-shot call shows");
    if (rendered.status.ok()) {
      Demand(row == rendered.rows[view], "rows equal those of the one-shot call");
    }
  }
  Demand(rendered.status.ok() || !all_well, "an item fails where one of its views does");
}

/// A region is what the whole image has there.
inline void CheckRegions(Bytes item, const RenderOptions& options, Size shown, Choices& choices) {
  const auto crop_of = [](const Box& box) {
    return Crop{
        .box = box, .resized = {box.width, box.height}, .window = {0, 0, box.width, box.height}};
  };
  const Box all{0, 0, shown.width, shown.height};
  ItemRenderer renderer;
  std::vector<uint8_t> whole(options.format.RowBytes(shown).value());
  const bool is_sound = renderer.RenderCrop(item, crop_of(all), options, whole).ok();
  if (!is_sound) return;
  for (int i = 0; i < 2; ++i) {
    const Box box = ChosenBox(choices, shown);
    std::vector<uint8_t> row(options.format.RowBytes({box.width, box.height}).value());
    Demand(renderer.RenderCrop(item, crop_of(box), options, row).ok(),
           "a region of a sound image is sound");
    const size_t row_bytes = size_t{3} * static_cast<size_t>(box.width);
    for (int32_t y = 0; y < box.height; ++y) {
      const auto at = 3 * (static_cast<size_t>(box.y + y) * static_cast<size_t>(shown.width) +
                           static_cast<size_t>(box.x));
      Demand(
          std::equal(row.begin() + static_cast<ptrdiff_t>(row_bytes * static_cast<size_t>(y)),
                     row.begin() + static_cast<ptrdiff_t>(row_bytes * static_cast<size_t>(y + 1)),
                     whole.begin() + static_cast<ptrdiff_t>(at)),
          "a region is what the whole image has there");
    }
  }
}

inline bool SameRendered(const RenderedItem& a, const RenderedItem& b) {
  if (a.status.code() != b.status.code() || a.status.cause() != b.status.cause() ||
      a.status.offset_bytes() != b.status.offset_bytes()) {
    return false;
  }
  return !a.status.ok() || (a.rows == b.rows && a.crops == b.crops && a.shown == b.shown);
}

/// What a checkpoint file may say of an item: the truth, nothing, or anything.
inline void CheckHints(Bytes item, const ItemSpec& spec, const AugmentKey& key,
                       const RenderedItem& plain, ItemRenderer& renderer, Choices& choices) {
  const uint32_t any_length = static_cast<uint32_t>(choices.Below(2000));
  const RenderedItem by_length =
      Render(renderer, item, {.header_bytes = any_length, .checkpoints = {}}, spec, key);
  Demand(SameRendered(plain, by_length), "a length alone changes nothing");
  const Result<JpegHeader> header = ReadJpegHeader(item);
  if (!header.ok() || !RegionDecoder::Accepts(header.value())) return;
  const Result<Checkpoints> built = BuildCheckpoints(header.value(), item, choices.Byte() % 5);
  if (!built.ok()) return;
  std::vector<uint8_t> record;
  built.value().Append(&record);
  ItemHints hints{.header_bytes = header.value().scan.data_offset_bytes, .checkpoints = record};
  const RenderedItem by_record = Render(renderer, item, hints, spec, key);
  if (plain.status.ok()) Demand(SameRendered(plain, by_record), "checkpoints change nothing");
  // Who can write a record can make it lie, but not read or write where it has no business.
  const std::vector<uint8_t> lie = LyingRecord(built.value(), choices);
  hints = {.header_bytes = choices.Byte() % 2 == 0 ? hints.header_bytes : any_length,
           .checkpoints = lie};
  (void)Render(renderer, item, hints, spec, key);
}

inline void CheckItem(Bytes bytes, bool is_sound, const ItemSpec& spec, Choices& choices) {
  const std::vector<uint8_t> item(bytes.begin(), bytes.end());  // its end is guarded
  const AugmentKey key{.seed = choices.Byte(), .epoch = choices.Byte(), .item = choices.Byte()};
  ItemRenderer renderer;  // one for all, as a worker has it
  const RenderedItem plain = Render(renderer, item, {}, spec, key);
  Demand(plain.status.ok() || !is_sound, "a sound image has rows");
  if (!plain.status.ok()) {
    const StatusCode code = plain.status.code();
    Demand(code == StatusCode::kCorrupt || code == StatusCode::kUnsupported ||
               code == StatusCode::kTooLarge || code == StatusCode::kOutOfMemory,
           "what is no image is corrupt, unsupported or too large");
    Demand(!plain.status.cause().empty() && plain.status.offset_bytes() <= std::ssize(item),
           "failures have a cause, and their offset lies in the item");
  }
  CheckHints(item, spec, key, plain, renderer, choices);
  Demand(SameRendered(plain, Render(renderer, item, {}, spec, key)),
         "nothing that came before changes a row");
  const Result<Size> shown = renderer.ReadShownSize(item, spec.options);
  Demand(shown.ok() || !plain.status.ok(), "an image that is shown has a size");
  if (!shown.ok()) return;
  Demand(!plain.status.ok() || plain.shown == shown.value(), "which is the same from each side");
  CheckOneShots(item, spec, plain);
  CheckRegions(item, spec.options, shown.value(), choices);
}

/// The step. The input's first byte tells whether an item or a recipe for one follows the bytes of
/// further choices after it.
inline void CheckItemInput(Bytes input) {
  constexpr size_t kChoiceBytes = 48;
  Choices choices(input);
  const bool raw = choices.Byte() % 2 == 1;
  Choices others(choices.rest().first(std::min(kChoiceBytes, choices.rest().size())));
  for (size_t i = 0; i < kChoiceBytes; ++i) choices.Byte();
  const ItemSpec spec = ChosenSpec(others);
  if (!spec.Validate().ok()) return;
  if (raw) return CheckItem(choices.rest(), false, spec, others);
  bool is_sound = false;
  const std::vector<uint8_t> item = ChosenItem(choices, &is_sound);
  CheckItem(item, is_sound, spec, others);
}

}  // namespace fastinet::fuzz
