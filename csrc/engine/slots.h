// The memory that batches are made in: slots, each used again when the last lease of it is gone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"

namespace fastinet {

/// What a batch of up to `rows` rows looks like in memory.
struct SlotShape {
  int64_t rows = 0;
  size_t row_bytes = 0;  // all views of an item
  int64_t views = 1;
  int64_t soft_label_classes = 0;  // length of each view's soft label; 0: there are none
};

/// Memory that a caller brings for the rows of one slot, and what keeps it alive.
struct ExternalRows {
  MutableBytes bytes;
  std::shared_ptr<void> owner;
};

/// Room for one batch: its rows one after another, and what is known about each.
class Slot {
 public:
  /// Fails with kTooLarge when the system has not that much memory.
  static Result<std::unique_ptr<Slot>> Allocate(const SlotShape& shape);
  /// A slot over a caller's memory. Fails with kInvalidArgument when that is too small.
  static Result<std::unique_ptr<Slot>> Wrap(const SlotShape& shape, ExternalRows rows);
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot();

  /// Makes the rows shorter than the slot has room for, or as long again, until the next call.
  void SetRowBytes(size_t row_bytes) { shape_.row_bytes = row_bytes; }
  /// Row `j` of the images: shape.row_bytes bytes, uninitialised until it is rendered.
  MutableBytes Row(int64_t j) {
    return {pixels_ + static_cast<size_t>(j) * shape_.row_bytes, shape_.row_bytes};
  }
  uint8_t* pixels() { return pixels_; }
  /// The soft labels of row `j`: one a view, each of shape.soft_label_classes elements.
  std::span<float> SoftLabelRow(int64_t j) {
    const auto length = static_cast<size_t>(shape_.views * shape_.soft_label_classes);
    return std::span(soft_labels).subspan(static_cast<size_t>(j) * length, length);
  }
  const SlotShape& shape() const { return shape_; }

  // One element a row; those of the batch in hand are the first ones.
  std::vector<int64_t> items;
  std::vector<int64_t> labels;
  std::vector<uint8_t> valid;
  std::vector<Size> image_sizes;
  // One element a view, row by row.
  std::vector<Box> boxes;
  std::vector<uint8_t> flips;
  std::vector<float> soft_labels;

 private:
  explicit Slot(const SlotShape& shape);

  SlotShape shape_;
  uint8_t* pixels_ = nullptr;
  std::shared_ptr<void> owner_;  // of pixels_, when they are a caller's
};

/// Hands out slots of one shape. A slot is leased until the last copy of the returned pointer is
/// gone, and only then used again; a lease may outlive everything else, the pool's owner included.
class SlotPool : public std::enable_shared_from_this<SlotPool> {
 public:
  /// Keeps at most `kept_slots` free slots; memory beyond that goes back to the system.
  static std::shared_ptr<SlotPool> Make(const SlotShape& shape, int64_t kept_slots);
  /// A pool of slots over a caller's memory, and of no others.
  static Result<std::shared_ptr<SlotPool>> Wrap(const SlotShape& shape,
                                                std::vector<ExternalRows> rows);

  /// A free slot, or a new one when all are leased: never waits. A pool over a caller's memory
  /// fails instead, with kTooLarge. Its rows have `row_bytes`, at most those of the pool's shape,
  /// so that epochs of different image sizes share the memory.
  Result<std::shared_ptr<Slot>> Lease(size_t row_bytes);
  Result<std::shared_ptr<Slot>> Lease() { return Lease(shape_.row_bytes); }

  const SlotShape& shape() const { return shape_; }
  int64_t kept_slots() const { return kept_slots_; }
  int64_t allocated() const { return allocated_; }  // slots that exist
  int64_t leased() const { return leased_; }        // of these, not free
  int64_t extra() const { return extra_; }          // ever made because kept_slots were all leased

 private:
  SlotPool(const SlotShape& shape, int64_t kept_slots);
  void Return(std::unique_ptr<Slot> slot);

  const SlotShape shape_;
  const int64_t kept_slots_;
  bool fixed_ = false;  // over a caller's memory
  const int64_t owner_process_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> free_;  // the last one returned is the warmest: taken first
  std::atomic<int64_t> allocated_ = 0;
  std::atomic<int64_t> leased_ = 0;
  std::atomic<int64_t> extra_ = 0;
};

}  // namespace fastinet
