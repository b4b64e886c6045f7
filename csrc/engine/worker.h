// A worker thread's decoders and buffers, which are kept from item to item: an item allocates only
// what none before it has needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "augment/steps.h"
#include "base/bytes.h"
#include "crop/crop.h"
#include "item/item.h"
#include "label_map/label_map.h"

namespace fastinet {

/// A worker's memory for the encoded bytes of the item in hand.
class ReadBuffer {
 public:
  /// Room for `size` bytes, uninitialised, valid until the next call.
  MutableBytes Reserve(size_t size);
  /// Gives back memory that an unusually large item needed, so that it is not kept for good.
  void Trim();

 private:
  // Above the largest of ImageNet's training images (15 MB) and well inside the 30 MB that a thread
  // may keep.
  static constexpr size_t kKeptBytes = size_t{16} << 20;

  std::unique_ptr<uint8_t[]> bytes_;
  size_t capacity_ = 0;
};

/// A worker thread's decoders and buffers. The thread hands them to WorkSource::RunOne, which may
/// use them until it returns; no other thread does.
struct Worker {
  size_t number = 0;  // in its pool
  ItemRenderer renderer{StageTimes::kOn};
  ReadBuffer bytes;
  std::vector<uint8_t> record;     // of the checkpoints of the item in hand
  std::vector<Crop> crops;         // of the item in hand, one a view
  std::vector<MutableBytes> rows;  // where each of these views is rendered
  LabelPooler label_pooler;
  std::vector<float> label_map;  // of the item in hand
};

}  // namespace fastinet
