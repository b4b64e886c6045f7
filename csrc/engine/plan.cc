#include "engine/plan.h"

#include <string>

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

Status CheckOptions(const EpochPlan& plan, const EpochOptions& options, const ItemTable& table) {
  FASTINET_RETURN_IF_ERROR(options.spec.transform.Validate());
  if (options.on_error == OnError::kReplace && !plan.numbers.empty()) {
    return InvalidArgument("items of a stream cannot be replaced: only a part of them is there");
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

Status CheckShape(const EpochPlan& plan, const EpochOptions& options, const SlotShape& shape) {
  if (options.prefetch_batches <= 0) {
    return InvalidArgument("prefetch is " + std::to_string(options.prefetch_batches) +
                           "; it must be positive");
  }
  const auto row_bytes = options.spec.RowBytes();
  if (shape.rows < std::min(plan.batch_size, plan.size()) || !row_bytes ||
      *row_bytes > shape.row_bytes || options.spec.views != shape.views) {
    return InvalidArgument("the slots' shape does not fit the batches");
  }
  const SoftLabels* soft_labels = options.soft_labels;
  if (shape.soft_label_classes != (soft_labels == nullptr ? 0 : soft_labels->classes())) {
    return InvalidArgument("the slots' soft labels have another length than those to be made");
  }
  return {};
}

}  // namespace

Status CheckEpoch(const EpochPlan& plan, const EpochOptions& options, const ItemTable& table,
                  const SlotShape& shape) {
  FASTINET_RETURN_IF_ERROR(CheckPlan(plan, table));
  FASTINET_RETURN_IF_ERROR(CheckOptions(plan, options, table));
  return CheckShape(plan, options, shape);
}

}  // namespace fastinet
