// Pooling label maps: cases worked out by hand, and what is refused.
// tests/annotations/test_relabel.py compares it with a slow and plain one.
#include "label_map/label_map.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

bool Near(float a, double b) { return std::fabs(a - b) < 1e-7; }

/// A map of one class a cell, class 0 everywhere, with these scores.
std::vector<float> MapOf(std::vector<float> scores) {
  scores.resize(2 * scores.size(), 0.0F);
  return scores;
}

/// The score that class 0 of two has in a soft label.
double ScoreOf(const std::vector<float>& label) { return std::log(label[0] / label[1]); }

double Pooled(const std::vector<float>& map, const LabelMapShape& shape, const UnitBox& box,
              MapAxes axes = MapAxes::kXY) {
  std::vector<float> label(2);
  LabelPooler pooler;
  CHECK(pooler.Pool(map, shape, box, axes, label).ok());
  CHECK(Near(label[0] + label[1], 1));
  return ScoreOf(label);
}

TEST_CASE("one cell's scores become their softmax") {
  const LabelMapShape shape{.ranks = 2, .rows = 1, .columns = 1};
  std::vector<float> label(4);
  LabelPooler pooler;
  CHECK(pooler.Pool(std::vector<float>{2, 1, 3, 0}, shape, {}, MapAxes::kXY, label).ok());
  const double sum = std::exp(2) + std::exp(1) + 2;
  CHECK(Near(label[0], std::exp(1) / sum));
  CHECK(Near(label[1], 1 / sum));
  CHECK(Near(label[2], 1 / sum));
  CHECK(Near(label[3], std::exp(2) / sum));
}

TEST_CASE("classes that no cell names have the score 0") {
  // The classes that no cell names have the score 0, not none.
  const LabelMapShape shape{.ranks = 1, .rows = 1, .columns = 1};
  std::vector<float> label(3);
  LabelPooler pooler;
  CHECK(pooler.Pool(std::vector<float>{-800, 1}, shape, {}, MapAxes::kXY, label).ok());
  CHECK(Near(label[0], 0.5));
  CHECK(Near(label[1], 0));
}

TEST_CASE("a box is pooled from samples in its cells") {
  const LabelMapShape shape{.ranks = 1, .rows = 1, .columns = 4};
  const std::vector<float> map = MapOf({0, 1, 2, 3});
  // All of it: -0.5 to 3.5 in four samples, at 0, 1, 2, 3.
  CHECK(Near(static_cast<float>(Pooled(map, shape, {0, 0, 1, 1})), 1.5));
  // A quarter is one cell long, with one sample in its middle, at 0.
  CHECK(Near(static_cast<float>(Pooled(map, shape, {0, 0, 0.25F, 1})), 0));
  // Less than a cell becomes one cell: 1.5 to 2.5 has its sample at 2.
  CHECK(Near(static_cast<float>(Pooled(map, shape, {0.5F, 0, 0.5F, 1})), 2));
  // 0.5 to 1.75, in two parts: samples at 0.8125 and 1.4375.
  CHECK(Near(static_cast<float>(Pooled(map, shape, {0.25F, 0, 0.5625F, 1})), 1.125));
  // At the right edge: 3.5 to 4.5 has its sample at 4, beyond which there is nothing.
  CHECK(Near(static_cast<float>(Pooled(map, shape, {1, 0, 1, 1})), 3));
}

TEST_CASE("axes are those of the image, or swapped as the reference has them") {
  const LabelMapShape shape{.ranks = 1, .rows = 2, .columns = 2};
  const std::vector<float> map = MapOf({0, 1, 10, 11});
  const UnitBox right{0.5F, 0, 1, 1};
  CHECK(Near(static_cast<float>(Pooled(map, shape, right)), 6));
  CHECK(Near(static_cast<float>(Pooled(map, shape, right, MapAxes::kReference)), 10.5));
}

TEST_CASE("maps with numbers that cannot be are corrupt, at their place") {
  const LabelMapShape shape{.ranks = 1, .rows = 1, .columns = 2};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> label(3);
  LabelPooler pooler;
  for (const auto& [map, offset] : {std::pair{std::vector<float>{0, nan, 0, 0}, 4},
                                    {std::vector<float>{INFINITY, 0, 0, 0}, 0},
                                    {std::vector<float>{0, 0, 3, 0}, 8},
                                    {std::vector<float>{0, 0, 0, -1}, 12},
                                    {std::vector<float>{0, 0, 0, nan}, 12},
                                    {std::vector<float>{0, 0, 0.5F, 0}, 8}}) {
    const Status status = pooler.Pool(map, shape, {}, MapAxes::kXY, label);
    CHECK(status.code() == StatusCode::kCorrupt);
    CHECK_EQ(status.offset_bytes(), offset);
  }
}

TEST_CASE("shapes that no map has are refused") {
  CHECK(LabelMapShape{}.Validate().ok());
  CHECK_EQ(LabelMapShape{}.values(), size_t{2250});
  CHECK(!LabelMapShape{.ranks = 0}.Validate().ok());
  CHECK(!LabelMapShape{.rows = -1}.Validate().ok());
  CHECK(!LabelMapShape{.columns = 1025}.Validate().ok());
}

}  // namespace
}  // namespace fastinet
