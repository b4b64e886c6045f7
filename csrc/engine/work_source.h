// What a worker pool takes its work from. It knows nothing else of epochs, nor of batches.
#pragma once

#include "engine/worker.h"

namespace fastinet {

/// Something that has items to do, one at a time.
class WorkSource {
 public:
  virtual ~WorkSource() = default;
  /// Whether RunOne would find an item now. Called under the pool's lock.
  virtual bool HasWork() const = 0;
  /// Takes the next item and does it; false when there was none. Called by many threads at once.
  virtual bool RunOne(Worker& worker) = 0;
};

}  // namespace fastinet
