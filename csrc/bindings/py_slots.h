// Memory for batches, made for Python or brought by it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "bindings/python_values.h"
#include "engine/slots.h"
#include "item/item.h"

namespace fastinet {

/// The shape of slots for batches of `rows` items under `spec`.
inline SlotShape ShapeOf(const ItemSpec& spec, int64_t rows, int64_t soft_label_classes) {
  return {rows, spec.RowBytes().value_or(0), spec.views, soft_label_classes};
}

/// A caller's buffer as the memory of a slot. It stays exported, and so alive and of its size, for
/// as long as the slot is there.
inline ExternalRows Borrow(const py::buffer& buffer) {
  // Slots die where their last user does: in Python, or where the GIL is not held.
  const auto release = [](py::buffer_info* exported) {
    if (!Py_IsInitialized()) return;  // at the interpreter's exit: the memory stays until the end
    const py::gil_scoped_acquire gil;
    delete exported;
  };
  const std::shared_ptr<py::buffer_info> exported(
      new py::buffer_info(buffer.request(/*writable=*/true)), release);
  return {{static_cast<uint8_t*>(exported->ptr),
           static_cast<size_t>(exported->size * exported->itemsize)},
          exported};
}

/// A pool of slots over `buffers`, the arrays that a caller gave as out=: one slot each, and no
/// more.
inline std::shared_ptr<SlotPool> WrapBuffers(const ItemSpec& spec, int64_t rows,
                                             const std::vector<py::buffer>& buffers,
                                             int64_t soft_label_classes) {
  std::vector<ExternalRows> external;
  external.reserve(buffers.size());
  for (const py::buffer& buffer : buffers) external.push_back(Borrow(buffer));
  return Unwrap(SlotPool::Wrap(ShapeOf(spec, rows, soft_label_classes), std::move(external)));
}

}  // namespace fastinet
