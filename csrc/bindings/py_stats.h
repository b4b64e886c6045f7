// An engine's counters for Python, as they are at one moment.
#pragma once

#include <array>

#include "bindings/python_values.h"
#include "engine/stats.h"

namespace fastinet {

inline py::dict ByRoad(const std::array<EngineStats::Counter, kRoads>& counters) {
  using namespace py::literals;
  const auto of = [&](Road road) { return counters[static_cast<size_t>(road)].load(); };
  return py::dict("checkpoints"_a = of(Road::kCheckpoints), "scan"_a = of(Road::kScan),
                  "turbo"_a = of(Road::kTurbo), "png"_a = of(Road::kPng));
}

inline py::dict Snapshot(const EngineStats& stats) {
  py::dict failures;
  for (size_t code = 0; code < EngineStats::kStatusCodes; ++code) {
    if (const uint64_t count = stats.failures[code]; count > 0) {
      failures[Text(StatusCodeName(static_cast<StatusCode>(code)))] = count;
    }
  }
  using namespace py::literals;
  return py::dict(
      "read_ns"_a = stats.read_ns.load(), "header_ns"_a = stats.header_ns.load(),
      "decode_ns"_a = stats.decode_ns.load(), "entropy_ns"_a = stats.entropy_ns.load(),
      "idct_ns"_a = stats.idct_ns.load(), "colour_ns"_a = stats.colour_ns.load(),
      "render_ns"_a = stats.render_ns.load(), "regions"_a = ByRoad(stats.regions),
      "fallbacks"_a = ByRoad(stats.fallbacks), "mcus_decoded"_a = stats.mcus_decoded.load(),
      "mcus_skipped"_a = stats.mcus_skipped.load(), "items"_a = stats.items.load(),
      "bytes_read"_a = stats.bytes_read.load(), "block_bytes"_a = stats.block_bytes.load(),
      "block_bytes_peak"_a = stats.block_bytes_peak.load(), "failures"_a = failures,
      "batches"_a = stats.batches.load(), "startup_ns"_a = stats.startup_ns.load(),
      "waiting_ns"_a = stats.waiting_ns.load(), "busy_ns"_a = stats.busy_ns.load(),
      "ready_at_next"_a = stats.ready_at_next.load());
}

}  // namespace fastinet
