// Columns over items for Python: where their bytes are, their soft labels, their objects.
#pragma once

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/memory_source.h"
#include "bindings/py_source.h"
#include "bindings/python_values.h"
#include "columns/item_table.h"
#include "columns/object_table.h"
#include "columns/soft_labels.h"

namespace fastinet {

/// The table, and the arrays that it borrows.
class PyItemTable {
 public:
  /// Records of checkpoints: a file of them, or an array.
  using Records = std::variant<std::shared_ptr<PySource>, Column<uint8_t>>;

  PyItemTable(std::vector<std::shared_ptr<PySource>> sources,
              std::optional<Column<int32_t>> item_archive, Column<uint64_t> offsets,
              Column<uint64_t> sizes, Column<uint64_t> record_starts, Column<uint32_t> record_sizes,
              Column<uint32_t> header_bytes, std::vector<Records> records)
      : sources_(std::move(sources)),
        item_archive_(std::move(item_archive)),
        offsets_(std::move(offsets)),
        sizes_(std::move(sizes)),
        record_starts_(std::move(record_starts)),
        record_sizes_(std::move(record_sizes)),
        header_bytes_(std::move(header_bytes)),
        records_(std::move(records)),
        in_memory_(InMemory(records_)),
        table_(Make(Archives(sources_),
                    item_archive_ ? View(*item_archive_) : std::span<const int32_t>(),
                    View(offsets_), View(sizes_),
                    {.starts = View(record_starts_),
                     .sizes = View(record_sizes_),
                     .header_bytes = View(header_bytes_),
                     .records = Sources(records_, in_memory_)})) {}

  const ItemTable& table() const { return table_; }

 private:
  /// Looks at every item.
  static ItemTable Make(std::vector<OpenArchive> archives, std::span<const int32_t> item_archive,
                        std::span<const uint64_t> offsets, std::span<const uint64_t> sizes,
                        CheckpointColumns checkpoints) {
    return Unwrap(WithoutGil([&] {
      return ItemTable::Make(std::move(archives), item_archive, offsets, sizes, checkpoints);
    }));
  }

  static std::vector<OpenArchive> Archives(const std::vector<std::shared_ptr<PySource>>& sources) {
    std::vector<OpenArchive> archives;
    archives.reserve(sources.size());
    for (const std::shared_ptr<PySource>& source : sources) archives.push_back(source->archive());
    return archives;
  }

  static std::vector<MemorySource> InMemory(const std::vector<Records>& records) {
    std::vector<MemorySource> sources;
    sources.reserve(records.size());
    for (const Records& each : records) {
      if (const auto* const column = std::get_if<Column<uint8_t>>(&each)) {
        sources.emplace_back(View(*column));
      }
    }
    return sources;
  }

  static std::vector<const Source*> Sources(const std::vector<Records>& records,
                                            const std::vector<MemorySource>& in_memory) {
    std::vector<const Source*> sources;
    sources.reserve(records.size());
    size_t next = 0;
    for (const Records& each : records) {
      const auto* const file = std::get_if<std::shared_ptr<PySource>>(&each);
      sources.push_back(file != nullptr ? (*file)->archive().source.get() : &in_memory[next++]);
    }
    return sources;
  }

  std::vector<std::shared_ptr<PySource>> sources_;
  std::optional<Column<int32_t>> item_archive_;
  Column<uint64_t> offsets_;
  Column<uint64_t> sizes_;
  Column<uint64_t> record_starts_;
  Column<uint32_t> record_sizes_;
  Column<uint32_t> header_bytes_;
  std::vector<Records> records_;
  std::vector<MemorySource> in_memory_;  // those of them that are arrays
  ItemTable table_;
};

/// Soft labels, and the table and the array that they borrow.
class PySoftLabels {
 public:
  PySoftLabels(std::shared_ptr<PyItemTable> maps, Column<int32_t> labels, int32_t ranks,
               int32_t rows, int32_t columns, int32_t classes, const std::string& axes)
      : maps_(std::move(maps)),
        labels_(std::move(labels)),
        soft_labels_(Make(maps_->table(), View(labels_),
                          {.ranks = ranks, .rows = rows, .columns = columns}, classes,
                          axes == "reference" ? MapAxes::kReference : MapAxes::kXY)) {}

  const SoftLabels& soft_labels() const { return soft_labels_; }

 private:
  /// Looks at every item.
  static SoftLabels Make(const ItemTable& maps, std::span<const int32_t> labels,
                         const LabelMapShape& shape, int32_t classes, MapAxes axes) {
    return Unwrap(WithoutGil([&] { return SoftLabels::Make(maps, labels, shape, classes, axes); }));
  }

  std::shared_ptr<PyItemTable> maps_;
  Column<int32_t> labels_;
  SoftLabels soft_labels_;
};

/// The boxes of the items' objects, and the arrays that they lie in.
class PyObjectTable {
 public:
  /// `boxes` is [M, 4]: xmin, ymin, xmax, ymax.
  PyObjectTable(Column<int64_t> starts, Column<float> boxes)
      : starts_(std::move(starts)),
        boxes_(std::move(boxes)),
        table_(Make(View(starts_), Objects(boxes_))) {}

  const ObjectTable& table() const { return table_; }

 private:
  /// Looks at every box.
  static ObjectTable Make(std::span<const int64_t> starts, std::span<const ObjectBox> boxes) {
    return Unwrap(WithoutGil([&] { return ObjectTable::Make(starts, boxes); }));
  }

  static std::span<const ObjectBox> Objects(const Column<float>& boxes) {
    static_assert(sizeof(ObjectBox) == 4 * sizeof(float));
    if (boxes.ndim() != 2 || boxes.shape(1) != 4) throw py::value_error("boxes must be [M, 4]");
    return {reinterpret_cast<const ObjectBox*>(boxes.data()), static_cast<size_t>(boxes.shape(0))};
  }

  Column<int64_t> starts_;
  Column<float> boxes_;
  ObjectTable table_;
};

}  // namespace fastinet
