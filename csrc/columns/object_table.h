// The objects in every item's image, as annotations name them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "crop/crop.h"

namespace fastinet {

/// Bounding boxes by item id: item i has boxes starts[i] .. starts[i + 1] - 1. The columns are
/// borrowed and must outlive the table. Without columns no item has objects.
class ObjectTable {
 public:
  ObjectTable() = default;

  /// Fails with kInvalidArgument unless `starts` rises from 0 to the number of boxes.
  static Result<ObjectTable> Make(std::span<const int64_t> starts,
                                  std::span<const ObjectBox> boxes);

  bool empty() const { return starts_.empty(); }
  int64_t items() const { return empty() ? 0 : static_cast<int64_t>(starts_.size()) - 1; }

  /// The objects of `item`, which must be in 0 .. items() - 1 unless the table is empty.
  std::span<const ObjectBox> Of(int64_t item) const {
    if (empty()) return {};
    const auto i = static_cast<size_t>(item);
    const auto start = static_cast<size_t>(starts_[i]), end = static_cast<size_t>(starts_[i + 1]);
    return boxes_.subspan(start, end - start);
  }

 private:
  std::span<const int64_t> starts_;
  std::span<const ObjectBox> boxes_;
};

}  // namespace fastinet
