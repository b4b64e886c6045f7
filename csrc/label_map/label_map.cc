#include "label_map/label_map.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/correct_math.h"

namespace fastinet {
namespace {

Status CheckSide(int32_t side, const char* what) {
  if (side >= 1 && side <= LabelMapShape::kMaxSide) return {};
  return InvalidArgument(std::string("a label map with ") + std::to_string(side) + " " + what +
                         "; 1 to " + std::to_string(LabelMapShape::kMaxSide) + " are read");
}

Status At(Status status, size_t value) {
  return std::move(status).AtOffset(static_cast<int64_t>(value * sizeof(float)));
}

Status CheckValues(std::span<const float> map, size_t classes) {
  const size_t scores = map.size() / 2;
  for (size_t i = 0; i < scores; ++i) {
    if (!std::isfinite(map[i])) return At(Corrupt("a score in the label map is not finite"), i);
  }
  for (size_t i = scores; i < map.size(); ++i) {
    const float number = map[i];
    // Written so that NaN fails.
    if (!(number >= 0 && number < static_cast<float>(classes)) || number != std::floor(number)) {
      return At(Corrupt("the label map names class " + std::to_string(number) + " of " +
                        std::to_string(classes)),
                i);
    }
  }
  return {};
}

/// Weight of each of `cells` cells in the mean over a stretch of one axis, `begin` to `end` in
/// units of the whole axis.
///
/// RoIAlign takes bilinear samples on a grid, so a cell's weight in their mean is the product of
/// its row's and its column's. Every rounding is that of
/// torchvision/csrc/ops/cpu/roi_align_kernel.cpp and roi_align_common.h for float with one output
/// cell: the stretch is at least one cell long, the samples lie in the middle of ceil(length) equal
/// parts, those beyond [-1, cells] count as zero, and between the outermost cell's centre and its
/// edge the cell's own value holds.
void WeighCells(float begin, float end, std::vector<double>& weights) {
  const auto cells = static_cast<float>(weights.size());
  const float start = begin * cells - 0.5F;
  const float length = std::max(end * cells - 0.5F - start, 1.0F);
  const float samples = std::ceil(length);
  std::fill(weights.begin(), weights.end(), 0.0);
  // Whole numbers far below 2^24, which a float counts exactly.
  // NOLINTNEXTLINE(bugprone-float-loop-counter,clang-analyzer-security.FloatLoopCounter)
  for (float sample = 0; sample < samples; ++sample) {
    float cell = start + (sample + 0.5F) * length / samples;
    if (cell < -1.0F || cell > cells) continue;
    cell = std::clamp(cell, 0.0F, cells - 1);
    const auto low = static_cast<size_t>(cell);
    const size_t high = std::min(low + 1, weights.size() - 1);
    const double share = cell - static_cast<float>(low);
    weights[low] += (1 - share) / samples;
    weights[high] += share / samples;
  }
}

/// Softmax in double, so that the label is right to float's last bits. `scores` becomes their
/// exponentials.
void WriteSoftmax(std::span<double> scores, std::span<float> label) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  // Most classes are in no cell and have the score 0.
  const double of_zero = CorrectExp(-highest);
  double sum = 0;
  for (double& score : scores) {
    score = score == 0 ? of_zero : CorrectExp(score - highest);
    sum += score;
  }
  for (size_t i = 0; i < scores.size(); ++i) label[i] = static_cast<float>(scores[i] / sum);
}

}  // namespace

Status LabelMapShape::Validate() const {
  FASTINET_RETURN_IF_ERROR(CheckSide(ranks, "classes a cell"));
  FASTINET_RETURN_IF_ERROR(CheckSide(rows, "rows"));
  return CheckSide(columns, "columns");
}

Status LabelPooler::Pool(std::span<const float> map, const LabelMapShape& shape, const UnitBox& box,
                         MapAxes axes, std::span<float> label) {
  FASTINET_RETURN_IF_ERROR(CheckValues(map, label.size()));
  row_weights_.resize(static_cast<size_t>(shape.rows));
  column_weights_.resize(static_cast<size_t>(shape.columns));
  if (axes == MapAxes::kXY) {
    WeighCells(box.y0, box.y1, row_weights_);
    WeighCells(box.x0, box.x1, column_weights_);
  } else {
    WeighCells(box.x0, box.x1, row_weights_);
    WeighCells(box.y0, box.y1, column_weights_);
  }
  scores_.assign(label.size(), 0.0);
  for (size_t row = 0; row < row_weights_.size(); ++row) {
    if (row_weights_[row] == 0) continue;
    for (size_t column = 0; column < column_weights_.size(); ++column) {
      const double weight = row_weights_[row] * column_weights_[column];
      if (weight != 0) AddCell(map, shape, row * column_weights_.size() + column, weight);
    }
  }
  WriteSoftmax(scores_, label);
  return {};
}

/// Adds a cell's scores. Of a class that is there twice the later one holds, as with torch's
/// scatter_ on a CPU.
void LabelPooler::AddCell(std::span<const float> map, const LabelMapShape& shape, size_t cell,
                          double weight) {
  const auto ranks = static_cast<size_t>(shape.ranks);
  const size_t stride = shape.cells();
  const auto score = map.subspan(cell);
  const auto number = map.subspan(ranks * stride + cell);
  for (size_t rank = 0; rank < ranks; ++rank) {
    bool holds = true;
    for (size_t later = rank + 1; later < ranks; ++later) {
      holds = holds && number[later * stride] != number[rank * stride];
    }
    if (holds) scores_[static_cast<size_t>(number[rank * stride])] += weight * score[rank * stride];
  }
}

}  // namespace fastinet
