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

TEST_CASE("a rectangle is filled as far as it lies in the image") {
  const std::vector<uint8_t> before = RandomPlanes();
  const size_t count = before.size() / 3, width = static_cast<size_t>(kSize.width);
  for (const auto& [x, y, w, h] : std::vector<std::array<int, 4>>{
           {2, 3, 4, 5}, {-3, -2, 5, 4}, {kSize.width - 1, kSize.height - 2, 9, 9}, {3, 3, 0, 9}}) {
    std::vector<uint8_t> planes = before;
    const Step step{.op = StepOp::kRectangle,
                    .arguments = {double(x), double(y), double(w), double(h)},
                    .fill = {1, 2, 3}};
    CHECK_OK(StepRunner().Apply({&step, 1}, kSize, planes));
    for (size_t i = 0; i < planes.size(); ++i) {
      const int column = static_cast<int>(i % count % width);
      const int line = static_cast<int>(i % count / width);
      const bool is_in = column >= x && column < x + w && line >= y && line < y + h;
      CHECK(planes[i] == (is_in ? i / count + 1 : before[i]));
    }
  }
}

TEST_CASE("a mixture is a sum with weights, of which the image gets a share") {
  const std::vector<uint8_t> before = RandomPlanes();
  const std::array<Step, 5> steps = {Step{.op = StepOp::kMixStart, .arguments = {0.25}},
                                     Step{.op = StepOp::kInvert},
                                     Step{.op = StepOp::kMixChain, .arguments = {0.5}},
                                     Step{.op = StepOp::kMixChain, .arguments = {0.125}},
                                     Step{.op = StepOp::kMixEnd, .arguments = {0.75}}};
  std::vector<uint8_t> planes = before;
  StepRunner runner;
  CHECK_OK(runner.Apply(steps, kSize, planes));
  for (size_t i = 0; i < planes.size(); ++i) {
    const float value = before[i];
    const auto mixed = static_cast<uint8_t>(0.25f * value + 0.5f * (255 - value) + 0.125f * value);
    CHECK(planes[i] == static_cast<uint8_t>(value + 0.75f * (static_cast<float>(mixed) - value)));
  }
  CHECK(runner.Apply({steps.data(), 4}, kSize, planes).code() == StatusCode::kInvalidArgument);
  CHECK(runner.Apply({&steps[2], 1}, kSize, planes).code() == StatusCode::kInvalidArgument);
  const std::array<Step, 3> nested = {steps[0], steps[0], steps[4]};
  CHECK(runner.Apply(nested, kSize, planes).code() == StatusCode::kInvalidArgument);
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
           {.op = StepOp::kRectangle, .arguments = {0.5, 0, 1, 1}},
           {.op = StepOp::kRectangle, .arguments = {0, 0, -1, 1}},
           {.op = StepOp::kMixStart, .arguments = {1.5}},
           {.op = StepOp::kMixChain, .arguments = {-0.5}},
           {.op = StepOp::kKernelBlur, .arguments = {3, 0}},
           {.op = StepOp::kAffine, .arguments = {1, 0, std::nan(""), 0, 1, 0}},
           {.op = StepOp::kAffine, .arguments = {1e5, 0, 0, 0, 1, 0}},
           {.op = StepOp::kTensorContrast, .arguments = {1, 3}},
           {.op = StepOp::kTensorAutoContrast, .arguments = {0}},
           {.op = StepOp::kTensorAffine, .arguments = {1, 0, 0, 0, 1, 0, 2.5}},
           {.op = StepOp::kTensorRotate, .arguments = {30, 3}},
           {.op = StepOp::kTensorRotate, .arguments = {30, 1}, .sampling = Sampling::kBicubic},
       }) {
    CHECK(step.Validate().code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("an image of more pixels than an int32 counts is refused unread") {
  std::vector<uint8_t> none;
  CHECK(StepRunner().Apply(SomeSteps(), {1 << 16, 1 << 15}, none).code() ==
        StatusCode::kInvalidArgument);
}

/// Positions that all but reach 2^15 fit fixed point, and are rounded to what does not.
TEST_CASE("positions at the end of fixed point are outside of the image") {
  for (const double shift : {32767.9999999, 32767.9999999 - 15, -32767.9999999}) {
    std::vector<uint8_t> planes = RandomPlanes();
    const Step step{.op = StepOp::kAffine, .arguments = {0, 0, shift, 1, 0, 0}, .fill = {9, 9, 9}};
    CHECK_OK(StepRunner().Apply({&step, 1}, kSize, planes));
    CHECK(std::ranges::all_of(planes, [](uint8_t value) { return value == 9; }));
  }
}

/// Under the sanitizers: no argument within its bounds leads out of any buffer.
TEST_CASE("extreme arguments do no harm to images of any shape") {
  const auto apply = [](const Step& step, Size size) {
    std::vector<uint8_t> planes(3 * static_cast<size_t>(size.width) * size.height, 77);
    CHECK_OK(step.Validate());
    const Status status = StepRunner().Apply({&step, 1}, size, planes);
    CHECK((status.ok() || step.op == StepOp::kKernelBlur));
  };
  for (const Size size : {Size{1, 1}, Size{1, 70}, Size{70, 1}, Size{2, 3}, Size{33, 17}}) {
    for (const double factor : {0.0, 1e-300, 1e6}) {
      for (const StepOp op :
           {StepOp::kBrightness, StepOp::kContrast, StepOp::kSaturation, StepOp::kSharpness}) {
        apply({.op = op, .arguments = {factor}}, size);
      }
    }
    for (const double version : {1.0, 2.0}) {
      for (const double factor : {0.0, 1e-300, 1e6}) {
        for (const StepOp op :
             {StepOp::kTensorContrast, StepOp::kTensorSaturation, StepOp::kTensorSharpness}) {
          apply({.op = op, .arguments = {factor, version}}, size);
        }
      }
      apply({.op = StepOp::kTensorAutoContrast, .arguments = {version}}, size);
    }
    for (const Sampling sampling : {Sampling::kNearest, Sampling::kBilinear}) {
      for (const double degrees : {-1e6, -1e-300, 45.0, 90.0, 1e6}) {
        apply({.op = StepOp::kTensorRotate, .arguments = {degrees, 1}, .sampling = sampling}, size);
      }
      for (const double entry : {-32'000.0, -5e-324, 0.0, 1.0, 32'000.0}) {
        for (const double shift : {-1e9, -0.5, 0.0, 3.0, 1e9}) {
          apply({.op = StepOp::kTensorAffine,
                 .arguments = {entry, -entry, shift, entry, entry, -shift, 2},
                 .sampling = sampling},
                size);
          apply({.op = StepOp::kTensorAffine,
                 .arguments = {1, 0, shift, 0, 1, shift, 0},
                 .sampling = sampling},
                size);
        }
      }
    }
    for (const double turn : {-0.5, -1e-300, 0.5}) {
      apply({.op = StepOp::kHue, .arguments = {turn}}, size);
    }
    for (const double sigma : {0.0, 5e-324, 1e-30, 0.3, 0.9999, 1.8, 2.2, 40.0, kMostSigma}) {
      apply({.op = StepOp::kGaussianBlur, .arguments = {sigma}}, size);
    }
    for (const double taps : {1.0, 3.0, 33.0, 255.0}) {
      for (const double sigma : {1e-3, kMostSigma}) {
        apply({.op = StepOp::kKernelBlur, .arguments = {taps, sigma}}, size);
      }
    }
    for (const double place : {-1e6, -1.0, 0.0, 1e6}) {
      for (const double side : {0.0, 1.0, 1e6}) {
        apply({.op = StepOp::kRectangle, .arguments = {place, place, side, side}}, size);
      }
    }
    for (const Sampling sampling : {Sampling::kNearest, Sampling::kBilinear, Sampling::kBicubic}) {
      for (const double degrees : {-1e6, -1e-300, 45.0, 1e6}) {
        apply({.op = StepOp::kRotate, .arguments = {degrees}, .sampling = sampling}, size);
      }
      for (const double entry : {-32'000.0, -5e-324, 0.0, 1.0, 32'000.0}) {
        for (const double shift : {-1e9, -0.5, 0.0, 69.999999999999986, 32767.9999999, 1e9}) {
          apply({.op = StepOp::kAffine,
                 .arguments = {entry, 0, shift, 0, entry, shift},
                 .sampling = sampling},
                size);
          apply({.op = StepOp::kAffine,
                 .arguments = {entry, -entry, shift, entry, entry, -shift},
                 .sampling = sampling},
                size);
        }
      }
    }
  }
}

TEST_CASE("tensors that int32 cannot address are not turned") {
  constexpr Size kHuge{1, std::numeric_limits<int32_t>::max() / 3};
  const Step turn{.op = StepOp::kTensorRotate, .arguments = {30, 1}};
  CHECK(turn.ValidateFor(kHuge).code() == StatusCode::kInvalidArgument);
  CHECK_OK(Step{.op = StepOp::kRotate}.ValidateFor(kHuge));
  CHECK_OK(turn.ValidateFor({16384, 16384}));
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
