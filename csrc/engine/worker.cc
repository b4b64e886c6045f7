#include "engine/worker.h"

namespace fastinet {

MutableBytes ReadBuffer::Reserve(size_t size) {
  if (size > capacity_) {
    bytes_.reset();  // first, so that the two are never held at once
    capacity_ = 0;
    bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size);
    capacity_ = size;
  }
  return {bytes_.get(), size};
}

void ReadBuffer::Trim() {
  if (capacity_ <= kKeptBytes) return;
  bytes_.reset();
  capacity_ = 0;
}

}  // namespace fastinet
