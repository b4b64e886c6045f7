// What must hold for label maps of any numbers whatever; shared by the fuzzer and its replay.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "label_map/label_map.h"

namespace fastinet::fuzz {

/// A map of the input's floats, a few of which are made classes, pooled over a chosen box: a
/// distribution, or the number that is none.
inline void CheckLabelMap(Bytes input) {
  Choices choices(input);
  const LabelMapShape shape{.ranks = 1 + choices.Byte() % 3,
                            .rows = 1 + choices.Byte() % 5,
                            .columns = 1 + choices.Byte() % 5};
  const auto side = [&choices] { return static_cast<float>(choices.Byte()) / 255.0f; };
  UnitBox box{side(), side(), side(), side()};
  if (box.x0 > box.x1) std::swap(box.x0, box.x1);
  if (box.y0 > box.y1) std::swap(box.y0, box.y1);
  const MapAxes axes = choices.Byte() % 2 == 0 ? MapAxes::kXY : MapAxes::kReference;
  const auto classes = static_cast<size_t>(1 + choices.Byte() % 20);
  const bool has_any_classes = choices.Byte() % 4 == 0;
  std::vector<float> map(shape.values());
  for (size_t i = 0; i < map.size(); ++i) {
    uint8_t bytes[4];
    for (uint8_t& byte : bytes) byte = choices.Byte();
    std::memcpy(&map[i], bytes, sizeof(bytes));
    const bool is_class = i >= map.size() / 2;
    if (is_class && !has_any_classes) map[i] = static_cast<float>(bytes[0] % classes);
  }
  std::vector<float> label(classes, -1.0f);
  LabelPooler pooler;
  const Status status = pooler.Pool(map, shape, box, axes, label);
  if (!status.ok()) {
    Demand(status.code() == StatusCode::kCorrupt && status.offset_bytes() >= 0 &&
               status.offset_bytes() < std::ssize(map) * 4,
           "numbers that are no scores are corrupt, and are said where");
    return;
  }
  double sum = 0;
  for (const float share : label) {
    Demand(share >= 0 && share <= 1, "shares of classes go from 0 to 1");
    sum += share;
  }
  Demand(std::abs(sum - 1) < 1e-4, "shares of classes add up to 1");
}

}  // namespace fastinet::fuzz
