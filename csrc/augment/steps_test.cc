// Steps on planes: what is gathered in tables and what is not, and what is refused. The Python
// tests hold every operation against Pillow.
#include "augment/steps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

constexpr Size kSize{19, 13};
constexpr size_t kPixels = 19 * 13;

std::vector<uint8_t> RandomPlanes() {
  std::mt19937 random(1);
  std::vector<uint8_t> planes(3 * kPixels);
  for (uint8_t& value : planes) value = static_cast<uint8_t>(random());
  return planes;
}

const std::vector<Step>& SomeSteps() {
  static const std::vector<Step> steps = {
      {.op = StepOp::kBrightness, .arguments = {1.3}},
      {.op = StepOp::kEqualize},
      {.op = StepOp::kContrast, .arguments = {0.6}},
      {.op = StepOp::kSolarize, .arguments = {128}},
      {.op = StepOp::kAutoContrast},
      {.op = StepOp::kSaturation, .arguments = {1.9}},
      {.op = StepOp::kGaussianBlur, .arguments = {0.8}},
      {.op = StepOp::kInvert},
      {.op = StepOp::kRotate, .arguments = {33}, .sampling = Sampling::kBicubic, .fill = {1, 2, 3}},
      {.op = StepOp::kHue, .arguments = {0.2}},
      {.op = StepOp::kSharpness, .arguments = {3}},
      {.op = StepOp::kPosterize, .arguments = {4}},
  };
  return steps;
}

TEST_CASE("steps together give what they give one by one") {
  std::vector<uint8_t> together = RandomPlanes(), alone = together;
  StepRunner runner;
  CHECK_OK(runner.Apply(SomeSteps(), kSize, together));
  for (const Step& step : SomeSteps()) {
    CHECK_OK(step.Validate());
    CHECK_OK(StepRunner().Apply({&step, 1}, kSize, alone));
  }
  CHECK(together == alone);
}

TEST_CASE("a runner forgets the image before") {
  std::vector<uint8_t> first = RandomPlanes(), again = first;
  StepRunner runner;
  CHECK_OK(runner.Apply(SomeSteps(), kSize, first));
  std::vector<uint8_t> larger(3 * 100 * 90, 200);
  CHECK_OK(runner.Apply(SomeSteps(), {100, 90}, larger));
  CHECK_OK(runner.Apply(SomeSteps(), kSize, again));
  CHECK(first == again);
}

TEST_CASE("no steps and no pixels change nothing") {
  std::vector<uint8_t> planes = RandomPlanes(), none;
  CHECK_OK(StepRunner().Apply({}, kSize, planes));
  CHECK(planes == RandomPlanes());
  CHECK_OK(StepRunner().Apply(SomeSteps(), {0, 5}, none));
}

TEST_CASE("four quarter turns and two flips give the image back") {
  constexpr Size kSquare{15, 15};
  std::vector<uint8_t> planes(3 * 15 * 15);
  for (size_t i = 0; i < planes.size(); ++i) planes[i] = static_cast<uint8_t>(i * 31);
  const std::vector<uint8_t> before = planes;
  const Step quarter{.op = StepOp::kRotate, .arguments = {90}};
  const Step flip{.op = StepOp::kFlipVertical};
  for (int turn = 0; turn < 4; ++turn) {
    CHECK_OK(StepRunner().Apply({&quarter, 1}, kSquare, planes));
    CHECK((planes == before) == (turn == 3));
  }
  const std::array<Step, 2> flips = {flip, flip};
  CHECK_OK(StepRunner().Apply(flips, kSquare, planes));
  CHECK(planes == before);
}

TEST_CASE("arguments out of their bounds are refused") {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const Step& step : std::vector<Step>{
           {.op = StepOp::kBrightness, .arguments = {-1}},
           {.op = StepOp::kHue, .arguments = {0.51}},
           {.op = StepOp::kPosterize, .arguments = {9}},
           {.op = StepOp::kPosterize, .arguments = {0.5}},
           {.op = StepOp::kSolarizeAdd, .arguments = {256, 0}},
           {.op = StepOp::kGaussianBlur, .arguments = {infinite}},
           {.op = StepOp::kKernelBlur, .arguments = {2, 1}},
           {.op = StepOp::kKernelBlur, .arguments = {3, 0}},
           {.op = StepOp::kAffine, .arguments = {1, 0, std::nan(""), 0, 1, 0}},
           {.op = StepOp::kAffine, .arguments = {1e5, 0, 0, 0, 1, 0}},
       }) {
    CHECK(step.Validate().code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a kernel must fit the image, mirrored once") {
  std::vector<uint8_t> planes = RandomPlanes();
  const Step fits{.op = StepOp::kKernelBlur, .arguments = {25, 2}};
  const Step too_large{.op = StepOp::kKernelBlur, .arguments = {27, 2}};
  CHECK_OK(StepRunner().Apply({&fits, 1}, kSize, planes));
  CHECK(StepRunner().Apply({&too_large, 1}, kSize, planes).code() == StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fastinet
