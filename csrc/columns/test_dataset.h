// A dataset of tiny JPEGs in memory, whose source counts what is read and fails when told to.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/image.h"
#include "columns/item_table.h"

namespace fastinet::test {

/// A grey JPEG of `width` x `height` (1 to 8) pixels, all 128: one block without coefficients.
inline std::vector<uint8_t> GreyJpeg(uint8_t width, uint8_t height) {
  std::vector<uint8_t> jpeg;
  const auto add = [&](std::initializer_list<uint8_t> bytes) {
    for (const uint8_t byte : bytes) jpeg.push_back(byte);
  };
  add({0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0});
  jpeg.resize(jpeg.size() + 64, 1);  // quantisation steps
  add({0xFF, 0xC0, 0, 11, 8, 0, height, 0, width, 1, 1, 0x11, 0});
  for (const uint8_t table : {uint8_t{0x00}, uint8_t{0x10}}) {  // DC and AC: the code 0 means 0
    add({0xFF, 0xC4, 0, 20, table, 1});
    jpeg.resize(jpeg.size() + 16);
  }
  add({0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0x3F, 0xFF, 0xD9});
  return jpeg;
}

/// Bytes in memory, and what was done with them.
class CountingSource final : public Source {
 public:
  explicit CountingSource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  uint64_t size_bytes() const override { return bytes_.size(); }
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    ++reads;
    if (out_of_memory) throw std::bad_alloc();
    bytes_read += out.size();
    if (out.size() > longest_read) {
      return Status(StatusCode::kIo, "too long").AtOffset(static_cast<int64_t>(offset_bytes));
    }
    if (offset_bytes + out.size() > bytes_.size()) {
      return Status(StatusCode::kIo, "beyond the end").AtOffset(static_cast<int64_t>(offset_bytes));
    }
    std::memcpy(out.data(), bytes_.data() + offset_bytes, out.size());
    return {};
  }
  void Prefetch(uint64_t offset_bytes, uint64_t /*length_bytes*/) const override {
    const std::lock_guard lock(mutex_);
    hints.push_back(offset_bytes);
  }

  mutable std::atomic<uint64_t> reads = 0, bytes_read = 0;
  mutable std::vector<uint64_t> hints;              // offsets of which Prefetch() was told
  std::atomic<uint64_t> longest_read = UINT64_MAX;  // longer ones fail
  std::atomic<bool> out_of_memory = false;          // every read throws as an allocation would

 private:
  std::vector<uint8_t> bytes_;
  mutable std::mutex mutex_;  // guards hints
};

/// Items whose sizes tell which they are: item i has i % 8 + 1 by i / 8 % 8 + 1 pixels.
class Dataset {
 public:
  explicit Dataset(int64_t items, std::vector<int64_t> bad = {}) {
    std::vector<uint8_t> archive;
    for (int64_t i = 0; i < items; ++i) {
      const Size size = SizeOf(i);
      std::vector<uint8_t> jpeg =
          GreyJpeg(static_cast<uint8_t>(size.width), static_cast<uint8_t>(size.height));
      if (std::find(bad.begin(), bad.end(), i) != bad.end()) jpeg[0] = 'x';
      offsets_.push_back(archive.size());
      sizes_.push_back(jpeg.size());
      archive.insert(archive.end(), jpeg.begin(), jpeg.end());
    }
    source_ = std::make_shared<CountingSource>(std::move(archive));
    std::vector<OpenArchive> archives = {{"memory.tar", source_}};
    table_ = std::make_unique<ItemTable>(
        ItemTable::Make(std::move(archives), {}, offsets_, sizes_, {}).value());
  }

  static Size SizeOf(int64_t item) {
    return {static_cast<int32_t>(item % 8 + 1), static_cast<int32_t>(item / 8 % 8 + 1)};
  }
  const ItemTable& table() const { return *table_; }
  uint64_t offset_bytes(int64_t item) const { return offsets_[static_cast<size_t>(item)]; }
  CountingSource& source() const { return *source_; }

 private:
  std::shared_ptr<CountingSource> source_;
  std::vector<uint64_t> offsets_;
  std::vector<uint64_t> sizes_;
  std::unique_ptr<ItemTable> table_;
};

inline std::vector<int64_t> Shuffled(int64_t items) {
  std::vector<int64_t> order(static_cast<size_t>(items));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[(i * 7919) % i]);
  return order;
}

}  // namespace fastinet::test
