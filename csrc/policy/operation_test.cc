// Drawn operations: what may be drawn, how often, and what is refused. The Python tests hold what
// fastinet.augment describes against torchvision's and timm's rules.
#include "policy/operation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "rng/gamma.h"

namespace fastinet {
namespace {

constexpr Size kRow{32, 24};
constexpr int kDraws = 4000;

Operation StepOf(StepOp op, std::vector<Amount> arguments = {}) {
  return {.kind = Operation::Kind::kStep, .op = op, .arguments = std::move(arguments)};
}

Operation Choice(std::vector<Operation> parts, int32_t count = 1) {
  return {.kind = Operation::Kind::kChoice, .parts = std::move(parts), .count = count};
}

std::vector<Step> Drawn(const Policy& policy, uint64_t item, uint16_t view = 0) {
  std::vector<Step> steps;
  policy.DrawSteps({.seed = 5, .epoch = 2, .item = item, .view = view}, steps);
  return steps;
}

Policy Made(std::vector<Operation> operations) {
  return Policy::Make(std::move(operations), kRow).value();
}

/// Whether `count` of `draws` is what a probability gives, within five standard deviations.
bool IsAbout(int count, int draws, double probability) {
  const double sigma = std::sqrt(draws * probability * (1 - probability));
  return std::abs(count - draws * probability) <= 5 * sigma;
}

TEST_CASE("no operations give no steps") {
  CHECK(Policy().empty());
  CHECK(Made({}).empty());
  CHECK(Drawn(Policy(), 0).empty());
}

TEST_CASE("the same key gives the same steps, another one others") {
  const Policy policy = Made({StepOf(StepOp::kBrightness, {{.low = 0.1, .high = 1.9}})});
  std::set<double> factors;
  for (uint64_t item = 0; item < 100; ++item) {
    for (const uint16_t view : {uint16_t{0}, uint16_t{1}}) {
      const std::vector<Step> steps = Drawn(policy, item, view);
      REQUIRE(steps.size() == 1);
      CHECK(steps[0].arguments[0] == Drawn(policy, item, view)[0].arguments[0]);
      factors.insert(steps[0].arguments[0]);
    }
  }
  CHECK(factors.size() == 200);
}

TEST_CASE("views share what is shared, and nothing else") {
  const Operation own = StepOf(StepOp::kBrightness, {{.low = 0.1, .high = 1.9}});
  Operation shared{.kind = Operation::Kind::kSequence, .parts = {own}, .shared = true};
  const Policy first = Made({shared, own}), second = Made({own, own, shared, shared});
  std::set<double> factors;
  for (uint64_t item = 0; item < 50; ++item) {
    const std::vector<Step> of_first = Drawn(first, item, 6);
    std::vector<Step> of_second;
    second.DrawSteps({.seed = 5, .epoch = 2, .item = item, .view = 9}, 6, of_second);
    REQUIRE(of_first.size() == 2);
    REQUIRE(of_second.size() == 4);
    CHECK(of_first[0].arguments[0] == of_second[2].arguments[0]);
    for (const Step& step : of_first) factors.insert(step.arguments[0]);
    for (const size_t i : {0, 1, 3}) factors.insert(of_second[i].arguments[0]);
    // What is beside it is drawn as it is without.
    CHECK(of_first[1].arguments[0] == Drawn(Made({own}), item, 6)[0].arguments[0]);
  }
  CHECK(factors.size() == 250);
  shared.probability = 0;
  CHECK(Drawn(Made({shared}), 0).empty());
  shared.probability = 1;
  ExpectRefused(Policy::Make({Choice({shared})}, kRow).status(), "cannot be a part of another");
}

TEST_CASE("an operation is made as often as it says") {
  for (const double probability : {0.0, 0.1, 0.5, 1.0}) {
    Operation grey = StepOf(StepOp::kGrayscale);
    grey.probability = probability;
    const Policy policy = Made({grey});
    int made = 0;
    for (uint64_t item = 0; item < kDraws; ++item)
      made += static_cast<int>(Drawn(policy, item).size());
    CHECK(IsAbout(made, kDraws, probability));
  }
}

TEST_CASE("a choice draws by its weights, and a part of weight 0 never") {
  Operation choice = Choice({StepOf(StepOp::kInvert), StepOf(StepOp::kEqualize),
                             StepOf(StepOp::kGrayscale), StepOf(StepOp::kAutoContrast)});
  choice.weights = {1, 0, 5, 2};
  const Policy policy = Made({choice});
  std::array<int, 4> drawn{};
  for (uint64_t item = 0; item < kDraws; ++item) {
    const StepOp op = Drawn(policy, item)[0].op;
    for (size_t part = 0; part < 4; ++part) drawn[part] += choice.parts[part].op == op ? 1 : 0;
  }
  for (size_t part = 0; part < 4; ++part) {
    CHECK(IsAbout(drawn[part], kDraws, choice.weights[part] / 8));
  }
}

TEST_CASE("without replacement all parts differ, with it some are the same") {
  Operation choice =
      Choice({StepOf(StepOp::kInvert), StepOf(StepOp::kEqualize), StepOf(StepOp::kGrayscale)}, 3);
  int repeated = 0;
  for (const bool replacement : {false, true}) {
    choice.replacement = replacement;
    const Policy policy = Made({choice});
    for (uint64_t item = 0; item < 200; ++item) {
      std::set<StepOp> ops;
      for (const Step& step : Drawn(policy, item)) ops.insert(step.op);
      if (replacement) {
        repeated += ops.size() < 3 ? 1 : 0;
      } else {
        CHECK(ops.size() == 3);
      }
    }
  }
  CHECK(IsAbout(repeated, 200, 7.0 / 9));
}

TEST_CASE("what an operation draws does not depend on what stands around it") {
  const Operation blur = StepOf(StepOp::kGaussianBlur, {{.low = 0.1, .high = 2}});
  const Operation grey = StepOf(StepOp::kGrayscale);
  Operation rare = grey;
  rare.probability = 0.01;
  // Another probability before it, another number of alternatives of the same shape, one behind it.
  const Policy a = Made({grey, Choice({grey, grey}), blur});
  const Policy b = Made({rare, Choice({grey, grey, grey}), blur, grey});
  for (uint64_t item = 0; item < 50; ++item) {
    const auto sigma = [&](const Policy& policy) {
      for (const Step& step : Drawn(policy, item)) {
        if (step.op == StepOp::kGaussianBlur) return step.arguments[0];
      }
      return -1.0;
    };
    CHECK(sigma(a) == sigma(b));
    CHECK(sigma(a) > 0);
  }
}

TEST_CASE("a mixture draws every chain, weights of one in all, and a share") {
  for (const size_t width : {size_t{1}, size_t{3}, size_t{4}, size_t{9}}) {
    for (const bool blend_at_end : {false, true}) {
      const Policy policy =
          Made({{.kind = Operation::Kind::kMix,
                 .parts = std::vector<Operation>(width, StepOf(StepOp::kEqualize)),
                 .blend_at_end = blend_at_end}});
      double mean = 0;
      for (uint64_t item = 0; item < 500; ++item) {
        const std::vector<Step> steps = Drawn(policy, item);
        REQUIRE(steps.size() == 2 + 2 * width);
        CHECK(steps[0].op == StepOp::kMixStart);
        CHECK(steps.back().op == StepOp::kMixEnd);
        double sum = steps[0].arguments[0];
        for (size_t chain = 0; chain < width; ++chain) {
          CHECK(steps[1 + 2 * chain].op == StepOp::kEqualize);
          CHECK(steps[2 + 2 * chain].op == StepOp::kMixChain);
          sum += steps[2 + 2 * chain].arguments[0];
        }
        CHECK(std::abs(sum - 1) < 1e-6);
        mean += blend_at_end ? steps.back().arguments[0] : steps[0].arguments[0];
        CHECK((blend_at_end ? steps[0].arguments[0] == 0 : steps.back().arguments[0] == 1));
      }
      CHECK(std::abs(mean / 500 - 0.5) < 5 * std::sqrt(1.0 / 12 / 500));
    }
  }
}

TEST_CASE("weights of a small alpha are those of one part, and of a large one all alike") {
  for (const double alpha : {kLeastGammaShape, 0.1, 2.0, kMostGammaShape}) {
    const Policy policy = Made({{.kind = Operation::Kind::kMix,
                                 .parts = std::vector<Operation>(3, StepOf(StepOp::kEqualize)),
                                 .alpha = alpha}});
    double largest = 0, first = 0, shares = 0;
    constexpr uint64_t kItems = 400;
    for (uint64_t item = 0; item < kItems; ++item) {
      const std::vector<Step> steps = Drawn(policy, item);
      const double share = 1 - steps[0].arguments[0];
      double most = 0, sum = 0;
      for (const size_t chain : {size_t{2}, size_t{4}, size_t{6}}) {
        most = std::max(most, steps[chain].arguments[0]);
        sum += steps[chain].arguments[0];
      }
      CHECK(std::abs(sum - share) < 1e-6);
      shares += share;
      // Where nothing has any share there is nothing to divide.
      largest += share > 1e-6 ? most / sum : 0;
      first += share > 1e-6 ? 1 : 0;
    }
    CAPTURE(alpha);
    CHECK(std::abs(shares / kItems - 0.5) < 5 * 0.5 / std::sqrt(kItems));
    if (alpha == kLeastGammaShape) CHECK(largest / first > 0.98);
    if (alpha == kMostGammaShape) CHECK(largest / first < 0.35);
    if (alpha == 2.0) CHECK(std::abs(largest / first - 0.55) < 0.1);
  }
}

TEST_CASE("a colour jitter that comes first has the bits it had alone") {
  Operation jitter{.kind = Operation::Kind::kJitter};
  jitter.jitter.bounds[0] = {0.5, 1.5};
  jitter.jitter.bounds[3] = {-0.2, 0.2};
  const AugmentKey key{.seed = 5, .epoch = 2, .item = 9};
  std::vector<Step> alone;
  DrawColourSteps(jitter.jitter, key.Bits(RandomUse::kColour, 0), key.Bits(RandomUse::kColour, 1),
                  alone);
  const std::vector<Step> drawn = Drawn(Made({StepOf(StepOp::kInvert), jitter, jitter}), 9);
  REQUIRE(alone.size() == 2);
  REQUIRE(drawn.size() == 5);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(drawn[1 + i].op == alone[i].op);
    CHECK(drawn[1 + i].arguments == alone[i].arguments);
  }
  // The second one has others.
  CHECK(drawn[3].arguments != drawn[1].arguments);
}

TEST_CASE("amounts: values, signs, what becomes of them") {
  const Amount values{.source = Amount::Source::kValues, .values = {1, 2, 4}};
  CHECK(values.Draw(0, 0) == 1);
  CHECK(values.Draw(0x80000000, 0) == 2);
  CHECK(values.Draw(0xffffffff, 0) == 4);
  CHECK(values.Range() == std::array<double, 2>{1, 4});

  const Amount sign{.low = 0.9, .high = 0.9, .random_sign = true, .offset = 1, .floor = 0.3};
  CHECK(sign.Draw(0, 0) == 0.3);  // 1 - 0.9 is below the floor
  CHECK(sign.Draw(0, 0xffffffff) == 1.9);
  CHECK(sign.Range() == std::array<double, 2>{0.3, 1.9});
  CHECK(sign.IsRandom());

  const Amount bits{.low = 7,
                    .high = 7,
                    .divisor = 10,
                    .factor = 4,
                    .truncate = true,
                    .offset = 4,
                    .subtract = true};
  CHECK(bits.Draw(0, 0) == 2);  // 4 - int(2.8)
  CHECK_FALSE(bits.IsRandom());
  const Amount capped{.low = 10, .high = 10, .factor = 25.7, .ceiling = 256};
  CHECK(capped.Draw(0, 0) == 256);

  const Amount cut{.low = 0, .high = 3, .limit = 2};
  CHECK(cut.Draw(0xffffffff, 0) == 2);
  CHECK(cut.Draw(0x40000000, 0) == 0.75);
  CHECK(cut.Range() == std::array<double, 2>{0, 2});

  const Amount normal{.source = Amount::Source::kNormal, .low = 9, .high = 0.5, .limit = 10};
  CHECK(normal.Range() == std::array<double, 2>{0, 10});
  CHECK(normal.Draw(0xffffffff, 0) == 10);
  CHECK(std::abs(normal.Draw(0x7fffffff, 0) - 9) < 1e-6);
}

TEST_CASE("impossible operations are refused") {
  const auto refused = [](Operation operation, const char* why) {
    ExpectRefused(Policy::Make({std::move(operation)}, kRow).status(), why);
  };
  Operation grey = StepOf(StepOp::kGrayscale);
  grey.probability = 1.5;
  refused(grey, "a probability must be 0 to 1");
  grey.probability = std::numeric_limits<double>::quiet_NaN();
  refused(grey, "a probability must be 0 to 1");
  refused(StepOf(StepOp::kInvert, {{}}), "takes 0 arguments was given 1");
  refused(StepOf(StepOp::kBrightness), "takes 1 arguments was given 0");
  refused(StepOf(StepOp::kHue, {{.low = -0.5, .high = 0.6}}), "must be from");
  refused(StepOf(StepOp::kBrightness, {{.low = 2, .high = 1}}), "cannot be drawn from");
  refused(StepOf(StepOp::kBrightness, {{.source = Amount::Source::kValues}}), "no values");
  refused(StepOf(StepOp::kBrightness, {{.source = Amount::Source::kNormal, .low = 1, .high = 1}}),
          "a limit");
  refused(StepOf(StepOp::kBrightness, {{.divisor = 0}}), "must be finite");
  refused(StepOf(StepOp::kKernelBlur, {Amount::Constant(49), Amount::Constant(1)}),
          "sides longer than half of it");
  refused(StepOf(StepOp::kTensorContrast, {Amount::Constant(1), {.low = 1, .high = 2}}),
          "is not drawn");
  refused(Choice({}), "1 to 256 operations, not 0");
  refused(Choice({StepOf(StepOp::kInvert)}, 65), "0 to 64 operations");
  Operation choice = Choice({StepOf(StepOp::kInvert), StepOf(StepOp::kEqualize)}, 2);
  choice.weights = {1};
  refused(choice, "1 weights for 2 operations");
  choice.weights = {1, -1};
  refused(choice, "finite numbers from 0 on");
  choice.weights = {0, 0};
  refused(choice, "all weights are 0");
  choice.weights = {1e308, 1e308};
  refused(choice, "sum of weights is too large");
  choice.weights = {0, 1};
  choice.replacement = false;
  refused(choice, "2 different operations of 1");
  const Operation mixture{.kind = Operation::Kind::kMix, .parts = {StepOf(StepOp::kInvert)}};
  refused({.kind = Operation::Kind::kMix}, "nothing to mix");
  refused({.kind = Operation::Kind::kMix, .parts = {{.parts = {mixture}}}}, "within another one");
  for (const double alpha : {0.0, -1.0, 1e5, std::numeric_limits<double>::quiet_NaN()}) {
    Operation odd = mixture;
    odd.alpha = alpha;
    refused(odd, "alpha must be");
  }
  Operation deep = StepOf(StepOp::kInvert);
  for (int i = 0; i < 9; ++i) deep = {.parts = {deep}};
  refused(deep, "8 deep at most");
  ExpectRefused(Policy::Make(std::vector<Operation>(257, StepOf(StepOp::kInvert)), kRow).status(),
                "257 blocks of random bits");
  // All that there are, of which a step of tensors takes no more than Pillow's.
  const std::vector<Amount> of_tensors = {Amount::Constant(1.5), Amount::Constant(2)};
  CHECK(Drawn(Made(std::vector<Operation>(256, StepOf(StepOp::kTensorContrast, of_tensors))), 0)
            .size() == 256);
  CHECK(Drawn(Made(std::vector<Operation>(256, StepOf(StepOp::kInvert))), 0).size() == 256);
}

}  // namespace
}  // namespace fastinet
