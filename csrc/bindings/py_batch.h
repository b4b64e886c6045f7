// A batch for Python: arrays over a leased slot.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "bindings/python_values.h"
#include "engine/epoch_run.h"

namespace fastinet {

/// A leased slot. Every array that it gives out holds a reference to it, so that the slot is used
/// again only when the last of them is gone.
class PyBatch {
 public:
  PyBatch(Delivery delivery, const ItemSpec& spec)
      : slot_(std::move(delivery.slot)),
        rows_(delivery.rows),
        failures_(std::move(delivery.failures)),
        spec_(spec) {}

  int64_t rows() const { return rows_; }

  /// [rows, views, H, W, 3] or [rows, views, 3, H, W]; or without the axis of one view. `type` is
  /// what NumPy calls the elements.
  static py::array Images(const py::object& self, const py::dtype& type, bool with_views) {
    const auto& batch = self.cast<const PyBatch&>();
    const Size size = batch.spec_.transform.size;
    const py::ssize_t views = batch.spec_.views, height = size.height, width = size.width;
    const auto row_bytes = static_cast<size_t>(type.itemsize() * views * height * width * 3);
    if (row_bytes != batch.spec_.RowBytes() || (views != 1 && !with_views)) {
      throw py::value_error("the batch has other elements, or more views");
    }
    std::vector<py::ssize_t> shape = {batch.rows_, views, height, width, 3};
    if (batch.spec_.options.format.layout == Layout::kNCHW) {
      shape = {batch.rows_, views, 3, height, width};
    }
    if (!with_views) shape.erase(shape.begin() + 1);
    return {type, std::move(shape), batch.slot_->pixels(), self};
  }
  /// A copy, so that those who collect labels keep no slot from being used again.
  py::array Labels() const { return py::array_t<int64_t>(rows_, slot_->labels.data()); }
  static py::array Items(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int64_t>(), {batch.rows_}, batch.slot_->items.data(), self};
  }
  static py::array Boxes(const py::object& self) {
    static_assert(sizeof(Box) == 4 * sizeof(int32_t));
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int32_t>(), std::vector<py::ssize_t>{batch.rows_, batch.spec_.views, 4},
            batch.slot_->boxes.data(), self};
  }
  static py::array Flips(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<bool>(), std::vector<py::ssize_t>{batch.rows_, batch.spec_.views},
            batch.slot_->flips.data(), self};
  }
  /// Width and height of each row's image.
  static py::array ImageSizes(const py::object& self) {
    static_assert(sizeof(Size) == 2 * sizeof(int32_t));
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int32_t>(), std::vector<py::ssize_t>{batch.rows_, 2},
            batch.slot_->image_sizes.data(), self};
  }
  static py::array Valid(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<bool>(), {batch.rows_}, batch.slot_->valid.data(), self};
  }
  /// [rows, views, classes], or None.
  static py::object SoftLabelArray(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    const py::ssize_t classes = batch.slot_->shape().soft_label_classes;
    if (classes == 0) return py::none();
    return py::array(py::dtype::of<float>(),
                     std::vector<py::ssize_t>{batch.rows_, batch.spec_.views, classes},
                     batch.slot_->soft_labels.data(), self);
  }

  /// [(row, item, replacement, code, cause, archive, offset)]; the last four as
  /// fastinet.errors.from_status wants them.
  py::list Failures() const {
    py::list list;
    for (const RowFailure& failure : failures_) {
      list.append(py::make_tuple(failure.row, failure.item, failure.replacement) +
                  PartsOf(failure.status));
    }
    return list;
  }

 private:
  std::shared_ptr<Slot> slot_;
  int64_t rows_;
  std::vector<RowFailure> failures_;
  ItemSpec spec_;
};

}  // namespace fastinet
