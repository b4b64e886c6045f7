// An engine's counters for Python, as they are at one moment.
#pragma once

#include <array>

#include "bindings/python_values.h"
#include "engine/stats.h"

namespace fastinet {

/// One counter of each Road, summed over workers, by the names that Python has for roads.
inline py::dict ByRoad(const EngineStats& stats,
                       std::array<Counter, kRoads> WorkerCounters::* counters) {
  using namespace py::literals;
  const auto of = [&](Road road) {
    return stats.Sum([&](const WorkerCounters& worker) {
      return (worker.*counters)[static_cast<size_t>(road)].load();
    });
  };
  return py::dict("checkpoints"_a = of(Road::kCheckpoints), "scan"_a = of(Road::kScan),
                  "turbo"_a = of(Road::kTurbo), "png"_a = of(Road::kPng));
}

/// All counters as they are now, under the names of `fastinet.loading.stats`.
inline py::dict Snapshot(const EngineStats& stats) {
  py::dict failures;
  for (size_t code = 0; code < WorkerCounters::kStatusCodes; ++code) {
    const uint64_t count =
        stats.Sum([&](const WorkerCounters& worker) { return worker.failures[code].load(); });
    if (count > 0) {
      failures[Text(StatusCodeName(static_cast<StatusCode>(code)))] = count;
    }
  }
  using namespace py::literals;
  using Work = WorkerCounters;
  const auto sum = [&](Counter Work::* counter) { return stats.Sum(counter); };
  return py::dict(
      "read_ns"_a = sum(&Work::read_ns), "header_ns"_a = sum(&Work::header_ns),
      "decode_ns"_a = sum(&Work::decode_ns), "entropy_ns"_a = sum(&Work::entropy_ns),
      "idct_ns"_a = sum(&Work::idct_ns), "colour_ns"_a = sum(&Work::colour_ns),
      "render_ns"_a = sum(&Work::render_ns), "regions"_a = ByRoad(stats, &Work::regions),
      "fallbacks"_a = ByRoad(stats, &Work::fallbacks), "mcus_decoded"_a = sum(&Work::mcus_decoded),
      "mcus_skipped"_a = sum(&Work::mcus_skipped), "items"_a = sum(&Work::items),
      "bytes_read"_a = sum(&Work::bytes_read), "block_bytes"_a = stats.block_bytes.load(),
      "block_bytes_peak"_a = stats.block_bytes_peak.load(), "failures"_a = failures,
      "batches"_a = stats.batches.load(), "startup_ns"_a = stats.startup_ns.load(),
      "waiting_ns"_a = stats.waiting_ns.load(), "busy_ns"_a = stats.busy_ns.load(),
      "ready_at_next"_a = stats.ready_at_next.load());
}

}  // namespace fastinet
