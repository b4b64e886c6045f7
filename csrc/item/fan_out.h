// One region's rows for several takers, each of which wants a part of it.
#pragma once

#include <cstdint>
#include <span>

#include "base/image.h"
#include "base/status.h"

namespace fastinet {

/// Hands each of several sinks its part of every band, as if that part alone were decoded: a sink
/// gets its rows from top to bottom, each once. Nothing is copied.
class FanOutSink final : public RowSink {
 public:
  /// Who takes which part of the region: `box` is relative to it and lies inside.
  struct Part {
    Box box;
    RowSink* sink = nullptr;
  };

  /// `parts` are borrowed.
  explicit FanOutSink(std::span<const Part> parts) : parts_(parts) {}

  Status OnRows(const RowBand& band) override;

 private:
  std::span<const Part> parts_;
  int32_t rows_ = 0;  // of the region, that have come
};

}  // namespace fastinet
