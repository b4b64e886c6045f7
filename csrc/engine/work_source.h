// What a worker pool takes its work from. It knows nothing else of epochs, nor of batches. The word
// has nothing to do with a Source, which has the bytes of an archive.
#pragma once

#include "engine/worker.h"

namespace fastinet {

/// Something that has items to do, one at a time.
class WorkSource {
 public:
  virtual ~WorkSource() = default;
  /// Whether RunOne would find an item now. Called under the pool's lock.
  virtual bool HasWork() const = 0;
  /// Takes the next item and does it; false when there was none. Called by many threads at once,
  /// whose frames no exception may pass.
  virtual bool RunOne(Worker& worker) noexcept = 0;
};

}  // namespace fastinet
