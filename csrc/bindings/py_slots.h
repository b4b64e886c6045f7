// Memory for batches, made for Python or brought by it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "bindings/let_go.h"
#include "bindings/python_values.h"
#include "engine/plan.h"
#include "engine/slots.h"
#include "item/item.h"

namespace fastinet {

/// The shape of slots for batches of `rows` items under `spec`, which is valid.
inline SlotShape CheckedShape(const ItemSpec& spec, int64_t rows, int64_t soft_label_classes) {
  auto shape = ShapeOf(spec, rows, soft_label_classes);
  if (!shape) Raise(TooLarge("a view of this size has more bytes than there are"));
  return *std::move(shape);
}

/// Buffers of Python objects, which cannot be resized meanwhile.
struct ExportedBuffers final : HoldsPython {
  std::vector<py::buffer_info> infos;
};

/// Callers' buffers, one for each group of views, as the memory of a slot. They stay exported, and
/// so alive and of their sizes, for as long as the slot is there.
inline ExternalRows Borrow(const std::vector<py::buffer>& buffers) {
  // Slots die where their last user does: in Python, or where the GIL is not held.
  const std::shared_ptr<ExportedBuffers> exported(new ExportedBuffers, LetGo);
  ExternalRows rows{.groups = {}, .owner = exported};
  for (const py::buffer& buffer : buffers) {
    const py::buffer_info& info = exported->infos.emplace_back(buffer.request(/*writable=*/true));
    rows.groups.emplace_back(static_cast<uint8_t*>(info.ptr),
                             static_cast<size_t>(info.size * info.itemsize));
  }
  return rows;
}

/// A pool of slots over `buffers`, the arrays that a caller gave as out=, each with one array for
/// each group of views: one slot each, and no more.
inline std::shared_ptr<SlotPool> WrapBuffers(const ItemSpec& spec, int64_t rows,
                                             const std::vector<std::vector<py::buffer>>& buffers,
                                             int64_t soft_label_classes) {
  DropLetGo();
  std::vector<ExternalRows> external;
  external.reserve(buffers.size());
  for (const std::vector<py::buffer>& groups : buffers) external.push_back(Borrow(groups));
  const SlotShape shape = CheckedShape(spec, rows, soft_label_classes);
  return Unwrap(WithoutGil([&] { return SlotPool::Wrap(shape, std::move(external)); }));
}

}  // namespace fastinet
