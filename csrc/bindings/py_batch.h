// A batch for Python: arrays over a leased slot.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "bindings/py_operations.h"
#include "bindings/python_values.h"
#include "engine/epoch_run.h"

namespace fastinet {

/// A leased slot. Every array that it gives out holds a reference to it, so that the slot is used
/// again only when the last of them is gone.
class PyBatch {
 public:
  PyBatch(Delivery delivery, std::shared_ptr<const ItemSpec> spec)
      : slot_(std::move(delivery.slot)),
        rows_(delivery.rows),
        number_(delivery.number),
        failures_(std::move(delivery.failures)),
        spec_(std::move(spec)) {}

  int64_t rows() const { return rows_; }
  /// How many batches the run delivered before, whichever thread took them.
  int64_t number() const { return number_; }

  /// For each group of views [rows, views, H, W, 3] or [rows, views, 3, H, W]; or without the axis
  /// of one view. `type` is what NumPy calls the elements.
  static py::tuple Arrays(const py::object& self, const py::dtype& type, bool with_views) {
    const auto& batch = self.cast<const PyBatch&>();
    const size_t groups = batch.spec_->groups.size();
    py::tuple arrays(groups);
    for (size_t group = 0; group < groups; ++group) {
      arrays[group] = batch.ArrayOf(group, self, type, with_views);
    }
    return arrays;
  }
  /// A copy, so that those who collect labels keep no slot from being used again.
  py::array Labels() const { return py::array_t<int64_t>(rows_, slot_->labels.data()); }
  static py::array Items(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int64_t>(), {batch.rows_}, batch.slot_->items.data(), self};
  }
  static py::array Copies(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int32_t>(), {batch.rows_}, batch.slot_->copies.data(), self};
  }
  static py::array Boxes(const py::object& self) {
    static_assert(sizeof(Box) == 4 * sizeof(int32_t));
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int32_t>(), std::vector<py::ssize_t>{batch.rows_, batch.views(), 4},
            batch.slot_->boxes.data(), self};
  }
  static py::array Flips(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<bool>(), std::vector<py::ssize_t>{batch.rows_, batch.views()},
            batch.slot_->flips.data(), self};
  }
  static py::array Vflips(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<bool>(), std::vector<py::ssize_t>{batch.rows_, batch.views()},
            batch.slot_->vflips.data(), self};
  }
  /// The part of each resized box that the row is.
  static py::array Windows(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<int32_t>(), std::vector<py::ssize_t>{batch.rows_, batch.views(), 4},
            batch.slot_->windows.data(), self};
  }
  /// Numbers in the table of names.
  static py::array Interpolations(const py::object& self) {
    static_assert(sizeof(Interpolation) == sizeof(uint8_t));
    const auto& batch = self.cast<const PyBatch&>();
    return {py::dtype::of<uint8_t>(), std::vector<py::ssize_t>{batch.rows_, batch.views()},
            batch.slot_->interpolations.data(), self};
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
                     std::vector<py::ssize_t>{batch.rows_, batch.views(), classes},
                     batch.slot_->soft_labels.data(), self);
  }

  /// Boxes that are erased, [rows, views, boxes, 4], or None.
  static py::object Erased(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    const py::ssize_t boxes = batch.slot_->shape().erased_boxes;
    if (boxes == 0) return py::none();
    return py::array(py::dtype::of<int32_t>(),
                     std::vector<py::ssize_t>{batch.rows_, batch.views(), boxes, 4},
                     batch.slot_->erased.data(), self);
  }
  /// What is added to the colours of each view, [rows, views, 3], or None.
  static py::object ColourShifts(const py::object& self) {
    const auto& batch = self.cast<const PyBatch&>();
    if (!batch.slot_->shape().has_lighting) return py::none();
    static_assert(sizeof(ColourShift) == 3 * sizeof(double));
    return py::array(py::dtype::of<double>(),
                     std::vector<py::ssize_t>{batch.rows_, batch.views(), 3},
                     batch.slot_->colour_shifts.data(), self);
  }
  /// The pixels of a group's images that are erased, [pixels], each the number of one, line by
  /// line; and what their channels become, [pixels, 3]. None where that has been done, or none is
  /// erased.
  py::object ErasedPixels(size_t group) const {
    if (group >= spec_->groups.size()) throw py::index_error("there is no such group of views");
    const ViewSpec& spec = spec_->groups[group];
    if (!spec.erase || spec_->options.format.dtype != DType::kUint8) return py::none();
    size_t first_view = 0;
    for (size_t before = 0; before < group; ++before) {
      first_view += static_cast<size_t>(spec_->groups[before].count);
    }
    const auto count = static_cast<size_t>(spec.count);
    size_t most = 0;
    const auto for_each_view = [&](const auto& visit) {
      for (int64_t row = 0; row < rows_; ++row) {
        const ErasedViews erased{slot_->ErasedRow(row), slot_->NoiseRow(row)};
        for (size_t view = 0; view < count; ++view) visit(erased.Of(first_view + view, *spec_));
      }
    };
    for_each_view([&](const ErasedViews& view) { most += MostErasedPixels(view.boxes); });
    py::array_t<int64_t> pixels(static_cast<py::ssize_t>(most));
    py::array_t<float> values({static_cast<py::ssize_t>(most), py::ssize_t{3}});
    PixelList rest{{pixels.mutable_data(), most}, {values.mutable_data(), 3 * most}};
    // Nobody else knows the new arrays yet, and the caller holds a reference to the batch.
    const size_t count_listed = WithoutGil([&] {
      int64_t first_pixel = 0;
      for_each_view([&](const ErasedViews& view) {
        const Size size = spec.transform.size;
        const size_t listed = ListErasedPixels(
            *spec.erase, view.boxes, view.noise.empty() ? std::span<const float>() : view.noise[0],
            size, first_pixel, rest);
        rest = {rest.pixels.subspan(listed), rest.values.subspan(3 * listed)};
        first_pixel += int64_t{size.width} * size.height;
      });
      return most - rest.pixels.size();
    });
    const py::slice listed(0, static_cast<py::ssize_t>(count_listed), 1);
    return py::make_tuple(pixels[listed], values[listed]);
  }
  /// [[[(op, arguments, sampling, fill), ...] of each view] of each row], or None.
  py::object Steps() const {
    if (!slot_->shape().has_steps) return py::none();
    py::list rows;
    for (int64_t row = 0; row < rows_; ++row) {
      py::list views;
      for (const std::vector<Step>& steps : slot_->StepsOfRow(row)) views.append(StepList(steps));
      rows.append(std::move(views));
    }
    return rows;
  }

  /// [(row, item, copy, replacement, code, cause, archive, offset)]; the last four as
  /// fastinet.errors.from_status wants them.
  py::list Failures() const {
    py::list list;
    for (const RowFailure& failure : failures_) {
      list.append(py::make_tuple(failure.row, failure.item, failure.copy, failure.replacement) +
                  PartsOf(failure.status));
    }
    return list;
  }

 private:
  int64_t views() const { return slot_->shape().views(); }

  py::array ArrayOf(size_t group, const py::object& self, const py::dtype& type,
                    bool with_views) const {
    const ViewSpec& spec = spec_->groups[group];
    const Size size = spec.transform.size;
    const py::ssize_t views = spec.count, height = size.height, width = size.width;
    const auto view_bytes = static_cast<size_t>(type.itemsize() * height * width * 3);
    if (view_bytes != spec_->ViewBytes(group) || (views != 1 && !with_views)) {
      throw py::value_error("the batch has other elements, or more views");
    }
    std::vector<py::ssize_t> shape = {rows_, views, height, width, 3};
    if (spec_->options.format.layout == Layout::kNCHW) shape = {rows_, views, 3, height, width};
    if (!with_views) shape.erase(shape.begin() + 1);
    return {type, std::move(shape), slot_->pixels(group), self};
  }

  std::shared_ptr<Slot> slot_;
  int64_t rows_;
  int64_t number_;
  std::vector<RowFailure> failures_;
  std::shared_ptr<const ItemSpec> spec_;
};

}  // namespace fastinet
