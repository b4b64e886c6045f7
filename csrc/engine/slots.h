// The memory that batches are made in: slots, each used again when the last lease of it is gone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "augment/lighting.h"
#include "augment/steps.h"
#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "resample/filter.h"

namespace fastinet {

/// What a row of one group is: the views of an item that lie side by side in one array.
struct GroupShape {
  size_t view_bytes = 0;
  int64_t views = 1;

  size_t row_bytes() const { return view_bytes * static_cast<size_t>(views); }
};

/// What a batch of up to `rows` rows looks like in memory: an array [rows, views] for each group.
struct SlotShape {
  int64_t rows = 0;
  std::vector<GroupShape> groups = {};
  int64_t soft_label_classes = 0;  // length of each view's soft label; 0: there are none
  int64_t erased_boxes = 0;        // of each view, at most
  bool keeps_noise = false;        // for the pixels of these boxes
  bool has_steps = false;          // whether the steps of each view are kept
  bool has_lighting = false;       // whether the shift of its colours is

  /// Of an item, in all groups.
  int64_t views() const;
  /// Whether the views of `other` are these, none of them larger.
  bool HasRoomFor(const SlotShape& other) const;
};

/// Memory that a caller brings for the rows of one slot, of each group, and what keeps it alive.
struct ExternalRows {
  std::vector<MutableBytes> groups;
  std::shared_ptr<void> owner;
};

/// Room for one batch: its rows one after another, group by group, and what is known about each.
/// A row's views are numbered over all groups, in order.
class Slot {
 public:
  /// Fails with kTooLarge where that is beyond the limit, and with kOutOfMemory when the system has
  /// not that much.
  static Result<std::unique_ptr<Slot>> Allocate(const SlotShape& shape);
  /// A slot over a caller's memory. Fails with kInvalidArgument when that is too small.
  static Result<std::unique_ptr<Slot>> Wrap(const SlotShape& shape, ExternalRows rows);
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot();

  /// Makes the views as large as those of `shape`, for which there is room, until the next call.
  void SetViewBytes(const SlotShape& shape);
  /// Row `j` of a group's images: row_bytes() bytes, uninitialised until it is rendered.
  MutableBytes Row(size_t group, int64_t j) {
    const size_t row_bytes = shape_.groups[group].row_bytes();
    return {pixels_[group] + static_cast<size_t>(j) * row_bytes, row_bytes};
  }
  /// Puts each view of row `j` into `views`, in order.
  void ViewsOfRow(int64_t j, std::vector<MutableBytes>& views);
  uint8_t* pixels(size_t group) { return pixels_[group]; }
  /// The soft labels of row `j`: one a view, each of shape.soft_label_classes elements.
  std::span<float> SoftLabelRow(int64_t j) {
    const auto length = static_cast<size_t>(shape_.views() * shape_.soft_label_classes);
    return std::span(soft_labels).subspan(static_cast<size_t>(j) * length, length);
  }
  /// The boxes that are erased in row `j`: shape.erased_boxes elements a view.
  std::span<Box> ErasedRow(int64_t j) {
    const auto length = static_cast<size_t>(shape_.views() * shape_.erased_boxes);
    return std::span(erased).subspan(static_cast<size_t>(j) * length, length);
  }
  /// The normal numbers for row `j`, one element a view; none unless shape.keeps_noise.
  std::span<std::vector<float>> NoiseRow(int64_t j) {
    const auto views = static_cast<size_t>(shape_.keeps_noise ? shape_.views() : 0);
    return std::span(noise).subspan(static_cast<size_t>(j) * views, views);
  }
  /// The steps of each view of row `j`; none where the shape has none.
  std::span<std::vector<Step>> StepsOfRow(int64_t j) {
    const size_t views = shape_.has_steps ? static_cast<size_t>(shape_.views()) : 0;
    return std::span(steps).subspan(static_cast<size_t>(j) * views, views);
  }
  /// The shifts of the colours of each view of row `j`; none where the shape has none.
  std::span<ColourShift> ColourShiftsOfRow(int64_t j) {
    const size_t views = shape_.has_lighting ? static_cast<size_t>(shape_.views()) : 0;
    return std::span(colour_shifts).subspan(static_cast<size_t>(j) * views, views);
  }
  const SlotShape& shape() const { return shape_; }

  // One element a row; those of the batch in hand are the first ones.
  std::vector<int64_t> items;
  std::vector<int32_t> copies;
  std::vector<int64_t> labels;
  std::vector<uint8_t> valid;
  std::vector<Size> image_sizes;
  // One element a view, row by row.
  std::vector<Box> boxes;
  std::vector<uint8_t> flips;
  std::vector<uint8_t> vflips;
  std::vector<Box> windows;
  std::vector<Interpolation> interpolations;
  std::vector<float> soft_labels;
  std::vector<Box> erased;
  std::vector<std::vector<float>> noise;
  std::vector<std::vector<Step>> steps;    // none where the shape has none
  std::vector<ColourShift> colour_shifts;  // likewise

 private:
  explicit Slot(const SlotShape& shape);

  SlotShape shape_;
  std::vector<uint8_t*> pixels_;  // of each group
  uint8_t* memory_ = nullptr;     // that the groups lie in, unless it is a caller's
  std::shared_ptr<void> owner_;   // of a caller's memory
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
  /// fails instead, with kTooLarge. Its views are as large as those of `shape`, for which there
  /// must be room in the pool's, so that epochs of different image sizes share the memory.
  Result<std::shared_ptr<Slot>> Lease(const SlotShape& shape);
  Result<std::shared_ptr<Slot>> Lease() { return Lease(shape_); }

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
