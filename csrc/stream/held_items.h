// Items that came from a stream, as a Source: what a stream's batch is read from.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "base/source.h"
#include "stream/item_stream.h"

namespace fastinet {

/// Items laid end to end. Messages have the offsets at which they were in the stream.
class HeldItems final : public Source {
 public:
  /// `items` must outlive the source.
  explicit HeldItems(const std::vector<StreamItem>& items) : items_(items) {
    for (const StreamItem& item : items) {
      offsets_.push_back(size_bytes_);
      sizes_.push_back(item.size);
      size_bytes_ += item.size;
    }
  }

  /// Columns of an ItemTable over these items.
  const std::vector<uint64_t>& offsets() const { return offsets_; }
  const std::vector<uint64_t>& sizes() const { return sizes_; }

  uint64_t size_bytes() const override { return size_bytes_; }

  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    const std::optional<Bytes> held = View(offset_bytes, out.size());
    if (!held) {
      return Status(StatusCode::kInternal, "the item is not held")
          .AtOffset(static_cast<int64_t>(offset_bytes));
    }
    if (!out.empty()) std::memcpy(out.data(), held->data(), out.size());
    return {};
  }

  std::optional<Bytes> View(uint64_t offset_bytes, uint64_t length_bytes) const override {
    if (length_bytes == 0) return Bytes();
    const size_t i = ItemAt(offset_bytes);
    const uint64_t begin = offset_bytes - offsets_[i];
    const Bytes bytes = items_[i].bytes;
    if (begin > bytes.size() || length_bytes > bytes.size() - begin) return std::nullopt;
    return bytes.subspan(begin, length_bytes);
  }

  void Prefetch(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const override {}

  uint64_t OffsetInFile(uint64_t offset_bytes) const override {
    const size_t i = ItemAt(offset_bytes);
    return items_[i].offset + (offset_bytes - offsets_[i]);
  }

 private:
  /// The item at `offset_bytes`: of several that begin there, the last, since the others are empty.
  size_t ItemAt(uint64_t offset_bytes) const {
    const auto after = std::upper_bound(offsets_.begin(), offsets_.end(), offset_bytes);
    return static_cast<size_t>(after - offsets_.begin()) - 1;
  }

  const std::vector<StreamItem>& items_;
  std::vector<uint64_t> offsets_;
  std::vector<uint64_t> sizes_;
  uint64_t size_bytes_ = 0;
};

}  // namespace fastinet
