#include "engine/delivery.h"

#include <algorithm>
#include <utility>

namespace fastinet {

Delivery Delivery::NotYet() {
  Delivery delivery;
  delivery.kind = Kind::kNotYet;
  return delivery;
}

Delivery Delivery::Failed(Status error, int64_t item) {
  Delivery delivery;
  delivery.kind = Kind::kFailed;
  delivery.error = std::move(error);
  delivery.failed_item = item;
  return delivery;
}

Delivery Delivery::Closed() { return Failed({StatusCode::kCancelled, "the epoch was closed"}); }

void OpenBatch::Open(std::shared_ptr<Slot> slot, int64_t rows) {
  failures_.reserve(static_cast<size_t>(rows));
  slot_ = std::move(slot);
  rows_ = rows;
  rows_to_do_ = rows;
}

void OpenBatch::AddFailure(RowFailure failure) noexcept {
  const std::lock_guard lock(mutex_);
  failures_.push_back(std::move(failure));
}

Delivery OpenBatch::Deliver(OnError on_error) {
  const std::lock_guard lock(mutex_);
  std::vector<RowFailure> failures;
  if (!failures_.empty()) failures.swap(failures_);  // else the room serves the next batch too
  std::ranges::sort(failures, {}, &RowFailure::row);
  const auto is_fatal = [on_error](const RowFailure& failure) {
    return on_error != OnError::kMask && failure.replacement == kNoReplacement;
  };
  if (const auto fatal = std::ranges::find_if(failures, is_fatal); fatal != failures.end()) {
    return Delivery::Failed(std::move(fatal->status), fatal->item);
  }
  Delivery delivery;
  delivery.kind = Delivery::Kind::kBatch;
  delivery.slot = std::move(slot_);
  delivery.rows = rows_;
  delivery.failures = std::move(failures);
  return delivery;
}

}  // namespace fastinet
