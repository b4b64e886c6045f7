#include "engine/plan.h"

#include <algorithm>
#include <string>

#include "rng/philox.h"

namespace fastinet {
namespace {

Status CheckPlan(const EpochPlan& plan, const ItemTable& table) {
  if (plan.batch_size <= 0) {
    return InvalidArgument("batch_size is " + std::to_string(plan.batch_size) +
                           "; it must be positive");
  }
  if (!plan.blocks.empty() && plan.blocks.size() != plan.order.size()) {
    return InvalidArgument("the plan has " + std::to_string(plan.blocks.size()) + " blocks for " +
                           std::to_string(plan.order.size()) + " positions");
  }
  if (!plan.copies.empty() && plan.copies.size() != plan.order.size()) {
    return InvalidArgument("the plan has " + std::to_string(plan.copies.size()) + " copies for " +
                           std::to_string(plan.order.size()) + " positions");
  }
  if (!plan.labels.empty() && static_cast<int64_t>(plan.labels.size()) != table.size()) {
    return InvalidArgument("labels of " + std::to_string(plan.labels.size()) + " items for " +
                           std::to_string(table.size()));
  }
  for (const int64_t item : plan.order) {
    if (item != kPaddingItem && (item < 0 || item >= table.size())) {
      return InvalidArgument("the plan names item " + std::to_string(item) + " of " +
                             std::to_string(table.size()));
    }
  }
  return {};
}

/// Whether `other` gives rows that are those of `spec` but for their sizes and operations.
bool AreAlike(const ItemSpec& spec, const ItemSpec& other) {
  const OutputFormat &format = spec.options.format, &others = other.options.format;
  return std::ranges::equal(spec.groups, other.groups, {}, &ViewSpec::count, &ViewSpec::count) &&
         spec.ErasedBoxes() == other.ErasedBoxes() && spec.KeepsNoise() == other.KeepsNoise() &&
         spec.HasLighting() == other.HasLighting() && spec.record == other.record &&
         format.dtype == others.dtype && format.layout == others.layout;
}

Status CheckSpecs(const EpochPlan& plan, const EpochOptions& options) {
  FASTINET_RETURN_IF_ERROR(options.spec.Validate());
  for (const ItemSpec& other : options.other_specs) {
    FASTINET_RETURN_IF_ERROR(other.Validate());
    if (AreAlike(options.spec, other)) continue;
    return InvalidArgument("batches of one epoch may have rows of several sizes, and no others");
  }
  const std::span<const uint8_t> numbers = plan.spec_of_batch;
  if (numbers.empty()) return {};
  if (static_cast<int64_t>(numbers.size()) != plan.batches()) {
    return InvalidArgument("the plan has sizes of " + std::to_string(numbers.size()) +
                           " batches for " + std::to_string(plan.batches()));
  }
  if (std::ranges::max(numbers) > options.other_specs.size()) {
    return InvalidArgument("the plan names size " + std::to_string(std::ranges::max(numbers)) +
                           " of " + std::to_string(options.other_specs.size() + 1));
  }
  return {};
}

Status CheckOptions(const EpochPlan& plan, const EpochOptions& options, const ItemTable& table) {
  FASTINET_RETURN_IF_ERROR(CheckSpecs(plan, options));
  if (options.on_error == OnError::kReplace && !plan.numbers.empty()) {
    return InvalidArgument("items of a stream cannot be replaced: only a part of them is there");
  }
  const int64_t copies = plan.copies.empty() ? 1 : int64_t{std::ranges::max(plan.copies)} + 1;
  if (const int64_t views = options.spec.views(); copies > AugmentKey::kMostViews / views) {
    return InvalidArgument(std::to_string(copies) + " copies of " + std::to_string(views) +
                           " views: there are random bits for " +
                           std::to_string(AugmentKey::kMostViews) + " views of an item");
  }
  if (!options.objects.empty() && options.objects.items() != table.size()) {
    return InvalidArgument("boxes of " + std::to_string(options.objects.items()) + " items for " +
                           std::to_string(table.size()));
  }
  if (options.soft_labels != nullptr && options.soft_labels->size() != table.size()) {
    return InvalidArgument("label maps of " + std::to_string(options.soft_labels->size()) +
                           " items for " + std::to_string(table.size()));
  }
  return {};
}

Status CheckShape(const EpochPlan& plan, const EpochOptions& options, size_t spec,
                  const SlotShape& shape) {
  if (options.prefetch_batches <= 0) {
    return InvalidArgument("prefetch is " + std::to_string(options.prefetch_batches) +
                           "; it must be positive");
  }
  const SoftLabels* soft_labels = options.soft_labels;
  const int64_t classes = soft_labels == nullptr ? 0 : soft_labels->classes();
  const auto wanted = ShapeOf(options.Spec(spec), std::min(plan.batch_size, plan.size()), classes);
  if (!wanted || shape.rows < wanted->rows || !shape.HasRoomFor(*wanted) ||
      shape.erased_boxes != wanted->erased_boxes || shape.keeps_noise != wanted->keeps_noise) {
    return InvalidArgument("the slots' shape does not fit the batches");
  }
  if (shape.soft_label_classes != classes) {
    return InvalidArgument("the slots' soft labels have another length than those to be made");
  }
  if (shape.has_steps != wanted->has_steps) {
    return InvalidArgument("steps are to be kept, or not, and the slots are made for the other");
  }
  if (shape.has_lighting != wanted->has_lighting) {
    return InvalidArgument("views have lighting, or not, and the slots are made for the other");
  }
  return {};
}

}  // namespace

std::optional<SlotShape> ShapeOf(const ItemSpec& spec, int64_t rows, int64_t soft_label_classes) {
  SlotShape shape{.rows = rows,
                  .soft_label_classes = soft_label_classes,
                  .erased_boxes = spec.ErasedBoxes(),
                  .keeps_noise = spec.KeepsNoise(),
                  .has_steps = spec.record,
                  .has_lighting = spec.HasLighting()};
  for (size_t group = 0; group < spec.groups.size(); ++group) {
    const auto view_bytes = spec.ViewBytes(group);
    if (!view_bytes) return std::nullopt;
    shape.groups.push_back({.view_bytes = *view_bytes, .views = spec.groups[group].count});
  }
  return shape;
}

Status CheckEpoch(const EpochPlan& plan, const EpochOptions& options, const ItemTable& table,
                  const SlotShape& shape) {
  FASTINET_RETURN_IF_ERROR(CheckPlan(plan, table));
  FASTINET_RETURN_IF_ERROR(CheckOptions(plan, options, table));
  for (size_t spec = 0; spec <= options.other_specs.size(); ++spec) {
    FASTINET_RETURN_IF_ERROR(CheckShape(plan, options, spec, shape));
  }
  return {};
}

}  // namespace fastinet
