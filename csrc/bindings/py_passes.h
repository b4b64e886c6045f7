// Passes over consecutive items for Python: one that makes checkpoints, and one that checks.
#pragma once

#include "bindings/py_tables.h"
#include "bindings/python_values.h"
#include "passes/checkpoint_pass.h"
#include "passes/item_check.h"

namespace fastinet {

/// Checkpoint records of some items: (records uint8, sizes uint32, header_bytes uint32, damaged,
/// first damage as (item, code, cause, archive, offset) or None).
inline py::tuple MakeRecords(const PyItemTable& table, int64_t first, int64_t count, int32_t stride,
                             int threads) {
  if (first < 0 || count < 0 || first > table.table().size() - count || stride < 0) {
    throw py::value_error("no such items, or no such stride");
  }
  // No Python object is touched meanwhile; the caller holds a reference to the table.
  const CheckpointRecords made =
      WithoutGil([&] { return MakeCheckpoints(table.table(), first, count, stride, threads); });
  py::object damage = py::none();
  if (made.damaged > 0) {
    damage = py::make_tuple(made.first_damaged_item) + PartsOf(made.first_damage);
  }
  return py::make_tuple(ColumnOf(made.records), ColumnOf(made.sizes), ColumnOf(made.header_bytes),
                        made.damaged, damage);
}

/// What became of some items: (components uint8, failures as (item, code, cause, archive, offset)).
inline py::tuple CheckSome(const PyItemTable& table, int64_t first, int64_t count, bool decode,
                           int threads, int64_t max_pixels, int32_t max_scans) {
  if (first < 0 || count < 0 || first > table.table().size() - count) {
    throw py::value_error("no such items");
  }
  const CheckDepth depth = decode ? CheckDepth::kPixels : CheckDepth::kHeader;
  // No Python object is touched meanwhile; the caller holds a reference to the table.
  const ItemChecks checks = WithoutGil([&] {
    return CheckItems(table.table(), first, count, depth, threads, {max_pixels, max_scans});
  });
  py::list failures;
  for (const ItemFailure& failure : checks.failures) {
    failures.append(py::make_tuple(failure.item) + PartsOf(failure.status));
  }
  return py::make_tuple(ColumnOf(checks.components), failures);
}

}  // namespace fastinet
