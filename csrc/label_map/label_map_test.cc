// Pooling label maps: cases worked out by hand, and what is refused. tests/annotations/test_relabel.py compares
// it with a slow and plain one.
#include "label_map/label_map.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/test.h"

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
  EXPECT(pooler.Pool(map, shape, box, axes, label).ok());
  EXPECT(Near(label[0] + label[1], 1));
  return ScoreOf(label);
}

void TestOneCell() {
  const LabelMapShape shape{.ranks = 2, .rows = 1, .columns = 1};
  std::vector<float> label(4);
  LabelPooler pooler;
  EXPECT(pooler.Pool(std::vector<float>{2, 1, 3, 0}, shape, {}, MapAxes::kXY, label).ok());
  const double sum = std::exp(2) + std::exp(1) + 2;
  EXPECT(Near(label[0], std::exp(1) / sum));
  EXPECT(Near(label[1], 1 / sum));
  EXPECT(Near(label[2], 1 / sum));
  EXPECT(Near(label[3], std::exp(2) / sum));
}

void TestScoresBelowAllOthers() {
  // The classes that no cell names have the score 0, not none.
  const LabelMapShape shape{.ranks = 1, .rows = 1, .columns = 1};
  std::vector<float> label(3);
  LabelPooler pooler;
  EXPECT(pooler.Pool(std::vector<float>{-800, 1}, shape, {}, MapAxes::kXY, label).ok());
  EXPECT(Near(label[0], 0.5));
  EXPECT(Near(label[1], 0));
}

void TestSamples() {
  const LabelMapShape shape{.ranks = 1, .rows = 1, .columns = 4};
  const std::vector<float> map = MapOf({0, 1, 2, 3});
  // All of it: -0.5 to 3.5 in four samples, at 0, 1, 2, 3.
  EXPECT(Near(static_cast<float>(Pooled(map, shape, {0, 0, 1, 1})), 1.5));
  // A quarter is one cell long, with one sample in its middle, at 0.
  EXPECT(Near(static_cast<float>(Pooled(map, shape, {0, 0, 0.25F, 1})), 0));
  // Less than a cell becomes one cell: 1.5 to 2.5 has its sample at 2.
  EXPECT(Near(static_cast<float>(Pooled(map, shape, {0.5F, 0, 0.5F, 1})), 2));
  // 0.5 to 1.75, in two parts: samples at 0.8125 and 1.4375.
  EXPECT(Near(static_cast<float>(Pooled(map, shape, {0.25F, 0, 0.5625F, 1})), 1.125));
  // At the right edge: 3.5 to 4.5 has its sample at 4, beyond which there is nothing.
  EXPECT(Near(static_cast<float>(Pooled(map, shape, {1, 0, 1, 1})), 3));
}

void TestAxes() {
  const LabelMapShape shape{.ranks = 1, .rows = 2, .columns = 2};
  const std::vector<float> map = MapOf({0, 1, 10, 11});
  const UnitBox right{0.5F, 0, 1, 1};
  EXPECT(Near(static_cast<float>(Pooled(map, shape, right)), 6));
  EXPECT(Near(static_cast<float>(Pooled(map, shape, right, MapAxes::kReference)), 10.5));
}

void TestBadMaps() {
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
    EXPECT(status.code() == StatusCode::kCorrupt);
    EXPECT_EQ(status.offset_bytes(), offset);
  }
}

void TestShapes() {
  EXPECT(LabelMapShape{}.Validate().ok());
  EXPECT_EQ(LabelMapShape{}.values(), size_t{2250});
  EXPECT(!LabelMapShape{.ranks = 0}.Validate().ok());
  EXPECT(!LabelMapShape{.rows = -1}.Validate().ok());
  EXPECT(!LabelMapShape{.columns = 1025}.Validate().ok());
}

}  // namespace
}  // namespace fastinet

int main() {
  fastinet::TestOneCell();
  fastinet::TestScoresBelowAllOthers();
  fastinet::TestSamples();
  fastinet::TestAxes();
  fastinet::TestBadMaps();
  fastinet::TestShapes();
  return fastinet::test::Verdict();
}
