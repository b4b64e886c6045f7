#include "engine/row_maker.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/out_of_memory.h"
#include "rng/replacements.h"

namespace fastinet {
namespace {

// How far the read-ahead hints run before the workers [items]: some 7 MB of ImageNet, enough to
// keep a disk's queue full while those before them are decoded.
constexpr int64_t kHintDistance = 64;

/// An item's bytes, read from its archive into a worker's buffer.
class SourceBytes final : public ItemBytes {
 public:
  SourceBytes(const ItemLocation& location, ReadBuffer& buffer, WorkerCounters& counters)
      : location_(location), buffer_(buffer), counters_(counters) {}

  uint64_t size_bytes() const override { return location_.size_bytes; }

  Result<Bytes> Read(uint64_t begin, uint64_t end) override {
    const MutableBytes bytes = buffer_.Reserve(end - begin);
    Status status = location_.Read(begin, bytes);
    Count(counters_.bytes_read, bytes.size());
    if (status.ok()) return Bytes(bytes);
    return status;
  }

 private:
  const ItemLocation& location_;
  ReadBuffer& buffer_;
  WorkerCounters& counters_;
};

void CountSince(const ItemCounters& before, const ItemCounters& after, WorkerCounters& counters) {
  Count(counters.read_ns, after.read_ns - before.read_ns);
  Count(counters.header_ns, after.header_ns - before.header_ns);
  Count(counters.decode_ns, after.decode_ns - before.decode_ns);
  Count(counters.render_ns, after.render_ns - before.render_ns);
}

void CountSince(const DecodeCounters& before, const DecodeCounters& after,
                WorkerCounters& counters) {
  for (size_t road = 0; road < kRoads; ++road) {
    Count(counters.regions[road], after.regions[road] - before.regions[road]);
    Count(counters.fallbacks[road], after.fallbacks[road] - before.fallbacks[road]);
  }
  Count(counters.entropy_ns, after.entropy_ns - before.entropy_ns);
  Count(counters.idct_ns, after.idct_ns - before.idct_ns);
  Count(counters.colour_ns, after.colour_ns - before.colour_ns);
  Count(counters.mcus_decoded, after.mcus_decoded - before.mcus_decoded);
  Count(counters.mcus_skipped, after.mcus_skipped - before.mcus_skipped);
}

/// Makes the row one without an image, in the place of a copy of item id `item` or of none: zero,
/// not valid and without label, whatever the slot held before.
void ClearRow(Slot& slot, int64_t row, int64_t item, int32_t copy) {
  const auto j = static_cast<size_t>(row);
  const auto views = static_cast<size_t>(slot.shape().views());
  for (size_t group = 0; group < slot.shape().groups.size(); ++group) {
    std::ranges::fill(slot.Row(group, row), uint8_t{0});
  }
  std::ranges::fill(slot.SoftLabelRow(row), 0.0F);
  slot.items[j] = item;
  slot.copies[j] = copy;
  slot.labels[j] = kNoLabel;
  slot.valid[j] = 0;
  slot.image_sizes[j] = {};
  std::ranges::fill(std::span(slot.boxes).subspan(j * views, views), Box{});
  std::ranges::fill(std::span(slot.flips).subspan(j * views, views), uint8_t{0});
  std::ranges::fill(slot.ErasedRow(row), Box{});
  for (std::vector<float>& noise : slot.NoiseRow(row)) noise.clear();
  for (std::vector<Step>& steps : slot.StepsOfRow(row)) steps.clear();
  std::ranges::fill(slot.ColourShiftsOfRow(row), ColourShift{});
  std::ranges::fill(std::span(slot.vflips).subspan(j * views, views), uint8_t{0});
  std::ranges::fill(std::span(slot.windows).subspan(j * views, views), Box{});
  std::ranges::fill(std::span(slot.interpolations).subspan(j * views, views), Interpolation{});
}

/// Notes what the row shows: `crops` of an image of `image` pixels.
void Describe(Slot& slot, int64_t row, Size image, std::span<const Crop> crops) {
  const auto j = static_cast<size_t>(row);
  slot.valid[j] = 1;
  slot.image_sizes[j] = image;
  for (size_t view = 0; view < crops.size(); ++view) {
    const size_t at = j * crops.size() + view;
    slot.boxes[at] = crops[view].box;
    slot.flips[at] = crops[view].flip;
    slot.vflips[at] = crops[view].vflip;
    slot.windows[at] = crops[view].window;
    slot.interpolations[at] = crops[view].interpolation;
  }
}

/// A failure that says, besides, that `tried` other items gave no row in its place either.
Status NotReplaced(const Status& failure, uint64_t tried) {
  std::string cause(failure.cause());
  cause += tried == 0 ? "; there is no other item to put in its place"
                      : "; none of the " + std::to_string(tried) +
                            " other items that were drawn in its place gave a row either";
  return Status(failure.code(), std::move(cause))
      .InArchive(failure.archive())
      .AtOffset(failure.offset_bytes());
}

}  // namespace

RowMaker::RowMaker(const ItemTable& table, const EpochPlan& plan, const EpochOptions& options,
                   EngineStats& stats)
    : table_(table), plan_(plan), options_(options), stats_(stats) {
  if (plan.blocks.empty()) return;
  const BlockUses uses{.order = plan.order,
                       .blocks = plan.blocks,
                       .max_item_bytes = MaxItemBytes(options.spec.options.max_pixels)};
  blocks_ = std::make_unique<BlockCache>(table, uses, stats);
}

MadeRow RowMaker::MakeRow(Worker& worker, int64_t position, Slot& slot,
                          int64_t row) const noexcept {
  const Shown turn{.item = plan_.ItemAt(position),
                   .copy = plan_.CopyAt(position),
                   .spec = plan_.SpecOf(position / plan_.batch_size),
                   .position = position};
  if (turn.item == kPaddingItem) {
    ClearRow(slot, row, kPaddingItem, kPaddingCopy);
    return {};
  }
  Status made = MakeRowOf(worker, turn, slot, row);
  Count(CountersOf(worker).items, 1);
  if (made.ok()) return {};
  Count(CountersOf(worker).failures[static_cast<size_t>(made.code())], 1);
  if (options_.on_error == OnError::kReplace) {
    MadeRow replaced = Replace(worker, turn, std::move(made), slot, row);
    if (replaced.replacement != kNoReplacement) return replaced;
    made = std::move(replaced.failure);
  }
  ClearRow(slot, row, plan_.NumberOf(turn.item), turn.copy);
  return {.failure = std::move(made)};
}

/// Makes the row of another item in the place of `bad`, which has failed: the same copy of it, so
/// that copies of a bad item differ. Where a number of them fail too, the failure says so and there
/// is no row.
MadeRow RowMaker::Replace(Worker& worker, const Shown& bad, Status failure, Slot& slot,
                          int64_t row) const noexcept {
  const Replacements others(static_cast<uint64_t>(table_.size()), plan_.seed, plan_.epoch,
                            static_cast<uint64_t>(bad.item));
  const uint64_t tried = std::min(others.size(), kMostReplacements);
  for (uint64_t draw = 0; draw < tried; ++draw) {
    const auto other = static_cast<int64_t>(others(draw));
    const Shown instead{.item = other, .copy = bad.copy, .spec = bad.spec};
    if (MakeRowOf(worker, instead, slot, row).ok()) {
      return {.failure = std::move(failure), .replacement = other};
    }
  }
  Status explained;
  const Status said = OrOutOfMemory("not enough memory to say so", [&] {
    explained = NotReplaced(failure, tried);
    return Status();
  });
  return {.failure = said.ok() ? std::move(explained) : std::move(failure)};
}

/// Makes the row that shows `shown`. On failure anything may be in it.
Status RowMaker::MakeRowOf(Worker& worker, const Shown& shown, Slot& slot,
                           int64_t row) const noexcept {
  const ItemLocation location = table_.LocationOf(shown.item);
  Result<Size> image = OrOutOfMemory("not enough memory to decode the item", [&] {
    slot.ViewsOfRow(row, worker.rows);
    worker.crops.resize(worker.rows.size());
    return MakeImages(worker, shown, location,
                      {.crops = worker.crops,
                       .erased = {slot.ErasedRow(row), slot.NoiseRow(row)},
                       .steps = slot.StepsOfRow(row),
                       .colour_shifts = slot.ColourShiftsOfRow(row)});
  });
  worker.bytes.Trim();
  if (!image.ok()) return location.Located(std::move(image).status());
  const Size size = image.value();
  if (options_.soft_labels != nullptr) {
    FASTINET_RETURN_IF_ERROR(OrOutOfMemory("not enough memory for the item's label map", [&] {
      return options_.soft_labels->Write(shown.item, worker.crops, size, worker.label_pooler,
                                         worker.label_map, slot.SoftLabelRow(row));
    }));
  }
  const auto j = static_cast<size_t>(row);
  slot.items[j] = plan_.NumberOf(shown.item);
  slot.copies[j] = shown.copy;
  slot.labels[j] = plan_.LabelOf(shown.item);
  Describe(slot, row, size, worker.crops);
  return {};
}

/// Finds the item's bytes where they are (in the block of its position, in memory, in the archive)
/// and renders its views from them, into `worker.rows`. An error's offset is one within the item.
Result<Size> RowMaker::MakeImages(Worker& worker, const Shown& shown, const ItemLocation& location,
                                  const DrawnViews& drawn) const {
  const uint64_t max_bytes = MaxItemBytes(options_.spec.options.max_pixels);
  if (location.size_bytes > max_bytes) {
    return TooLarge("the item has " + std::to_string(location.size_bytes) +
                    " bytes; with this max_pixels the limit is " + std::to_string(max_bytes))
        .AtOffset(0);
  }
  const Clock::time_point start = Clock::now();
  // Another item that takes a position lies in no block of the plan's there.
  BlockCache* const blocks = shown.position == kNoPosition ? nullptr : blocks_.get();
  const BlockCache::Use block(blocks, shown.position);
  if (blocks != nullptr) Count(CountersOf(worker).read_ns, NanosecondsSince(start));
  std::optional<Bytes> in_memory = block.Find(location);
  if (!in_memory)
    in_memory = location.archive->source->View(location.offset_bytes, location.size_bytes);
  SourceBytes from_source(location, worker.bytes, CountersOf(worker));
  MemoryBytes from_memory(in_memory.value_or(Bytes()));
  ItemBytes& bytes = in_memory ? static_cast<ItemBytes&>(from_memory) : from_source;
  return RenderCounted(worker, bytes, location.ReadHints(worker.record), shown, drawn);
}

/// Renders all views of a copy of an item, and adds what that took to the worker's counters.
Result<Size> RowMaker::RenderCounted(Worker& worker, ItemBytes& bytes, const ItemHints& hints,
                                     const Shown& shown, const DrawnViews& drawn) const {
  // CheckEpoch has seen that all views of all copies fit.
  const auto first_view = static_cast<uint16_t>(shown.copy * options_.spec.views());
  const AugmentKey key{.seed = plan_.seed ^ plan_.draws,
                       .epoch = plan_.epoch,
                       .item = static_cast<uint64_t>(plan_.NumberOf(shown.item)),
                       .view = first_view};
  const ItemCounters items = worker.renderer.counters();
  const DecodeCounters decode = worker.renderer.decode_counters();
  Result<Size> image =
      worker.renderer.RenderItem(bytes, hints, options_.Spec(shown.spec), key,
                                 options_.objects.Of(shown.item), worker.rows, drawn);
  CountSince(items, worker.renderer.counters(), CountersOf(worker));
  CountSince(decode, worker.renderer.decode_counters(), CountersOf(worker));
  return image;
}

void RowMaker::ReadAhead(int64_t position) const noexcept {
  // The first position hints at the whole distance; each later one at the one item that comes into
  // it.
  const int64_t first = position == 0 ? 1 : position + kHintDistance;
  const int64_t end = std::min(position + kHintDistance + 1, plan_.size());
  for (int64_t ahead = first; ahead < end; ++ahead) {
    const int64_t item = plan_.ItemAt(ahead);
    if (item == kPaddingItem) return;               // only the end of a plan has padding
    if (item == plan_.ItemAt(ahead - 1)) continue;  // a copy of what was hinted at
    (void)OrOutOfMemory("not enough memory to read ahead", [&] {
      PrefetchItem(item);
      return Status();
    });
  }
}

void RowMaker::PrefetchItem(int64_t item) const {
  if (blocks_ == nullptr) {  // which reads ahead itself
    const ItemLocation location = table_.LocationOf(item);
    location.archive->source->Prefetch(location.offset_bytes, location.size_bytes);
  }
  if (options_.soft_labels != nullptr) options_.soft_labels->Prefetch(item);
}

}  // namespace fastinet
