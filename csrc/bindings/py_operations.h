// Drawn operations between Python and the core: fastinet.augment's descriptions as trees, and the
// steps that they give.
#pragma once

#include <pybind11/stl.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "bindings/names.h"
#include "bindings/python_values.h"
#include "policy/operation.h"

namespace fastinet {

inline Amount MakeAmount(const std::string& source, double low, double high,
                         std::vector<double> values, double limit, double divisor, double factor,
                         bool truncate, double ceiling, bool random_sign, double scale,
                         double offset, bool subtract, double floor) {
  Amount amount{.low = low,
                .high = high,
                .values = std::move(values),
                .limit = limit,
                .divisor = divisor,
                .factor = factor,
                .truncate = truncate,
                .ceiling = ceiling,
                .random_sign = random_sign,
                .scale = scale,
                .offset = offset,
                .subtract = subtract,
                .floor = floor};
  Check(FromName(source, &amount.source));
  return amount;
}

/// `sampling` may be "random": bilinear or bicubic.
inline Operation MakeStepOperation(const std::string& op, std::vector<Amount> arguments,
                                   double probability, const std::string& sampling,
                                   std::array<uint8_t, 3> fill) {
  Operation operation{.kind = Operation::Kind::kStep,
                      .probability = probability,
                      .arguments = std::move(arguments),
                      .random_sampling = sampling == "random",
                      .fill = {fill[0], fill[1], fill[2]}};
  Check(FromName(op, &operation.op));
  if (!operation.random_sampling) Check(FromName(sampling, &operation.sampling));
  return operation;
}

inline Operation MakeJitter(const decltype(ColourJitter::bounds)& bounds, double probability) {
  return {.kind = Operation::Kind::kJitter, .probability = probability, .jitter = {bounds}};
}

/// `shared`: by all views of an item.
inline Operation MakeSequence(std::vector<Operation> parts, double probability, bool shared) {
  return {.kind = Operation::Kind::kSequence,
          .probability = probability,
          .parts = std::move(parts),
          .shared = shared};
}

inline Operation MakeChoice(std::vector<Operation> parts, double probability,
                            std::vector<double> weights, int32_t count, bool replacement) {
  return {.kind = Operation::Kind::kChoice,
          .probability = probability,
          .parts = std::move(parts),
          .weights = std::move(weights),
          .count = count,
          .replacement = replacement};
}

inline Operation MakeMix(std::vector<Operation> parts, double probability, bool blend_at_end,
                         double alpha) {
  return {.kind = Operation::Kind::kMix,
          .probability = probability,
          .parts = std::move(parts),
          .blend_at_end = blend_at_end,
          .alpha = alpha};
}

/// [(op, arguments, sampling, fill)], as fastinet.augment.Step has them.
inline py::list StepList(std::span<const Step> steps) {
  py::list list;
  for (const Step& step : steps) {
    const std::string_view op = NameOf(kStepOps, step.op);
    const std::string_view sampling = NameOf(kSamplings, step.sampling);
    py::tuple arguments(ArgumentCount(step.op));
    for (size_t i = 0; i < arguments.size(); ++i) arguments[i] = step.arguments[i];
    list.append(py::make_tuple(Text(op), std::move(arguments), Text(sampling),
                               py::make_tuple(step.fill[0], step.fill[1], step.fill[2])));
  }
  return list;
}

/// Policy::DrawSteps of `operations` for rows of `size`, which is (height, width).
inline py::list DrawnSteps(std::vector<Operation> operations, std::array<int32_t, 2> size,
                           uint64_t seed, uint32_t epoch, uint64_t item, uint16_t view,
                           uint16_t first_view) {
  const Policy policy =
      Unwrap(Policy::Make(std::move(operations), {.width = size[1], .height = size[0]}));
  std::vector<Step> steps;
  policy.DrawSteps({.seed = seed, .epoch = epoch, .item = item, .view = view}, first_view, steps);
  return StepList(steps);
}

}  // namespace fastinet
