#include "columns/object_table.h"

#include <algorithm>

namespace fastinet {

Result<ObjectTable> ObjectTable::Make(std::span<const int64_t> starts,
                                      std::span<const ObjectBox> boxes) {
  if (starts.empty() || starts.front() != 0 ||
      starts.back() != static_cast<int64_t>(boxes.size()) ||
      !std::is_sorted(starts.begin(), starts.end())) {
    return InvalidArgument("the starts of the items' boxes must rise from 0 to their number");
  }
  ObjectTable table;
  table.starts_ = starts;
  table.boxes_ = boxes;
  return table;
}

}  // namespace fastinet
