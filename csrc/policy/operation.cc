#include "policy/operation.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <string>
#include <utility>

#include "rng/gamma.h"
#include "rng/portable_math.h"

namespace fastinet {
namespace {

// Blocks of random bits are numbered in 8 bits (rng/philox.h).
constexpr int64_t kMostBlocks = 256;
constexpr size_t kMostParts = 256;
constexpr int32_t kMostDraws = 64;
constexpr int kMostDepth = 8;

/// How many arguments of a step may be drawn: the last one of torchvision's operations on tensors
/// says how to compute, and is always the same.
size_t DrawnArguments(StepOp op) {
  switch (op) {
    case StepOp::kTensorContrast:
    case StepOp::kTensorSaturation:
    case StepOp::kTensorSharpness:
    case StepOp::kTensorAutoContrast:
    case StepOp::kTensorAffine:
    case StepOp::kTensorRotate:
      return ArgumentCount(op) - 1;
    default:
      return ArgumentCount(op);
  }
}

/// How many blocks of random bits an operation has to itself:
///
///   a step      one for each argument that may be drawn, or one if it has none: whether it is
///   made, the number, its
///               sign, how to read between pixels
///   a jitter    one for whether it is made, two for what ColourJitter draws
///   a sequence  one for whether it is made, and those of its parts
///   a choice    one for whether it is made; for each draw one, and those of the part that needs
///               the most, since only one of them is made
///   a mixture   one for whether it is made, one for four of the numbers that weights and the share
///               are made of, if alpha is 1, and those of its parts
int64_t BlocksOf(const Operation& operation);

/// Of a mixture: for a weight of each part, and a share.
int64_t BlocksOfWeights(const Operation& mixture) {
  return static_cast<int64_t>(mixture.parts.size() / 4) + 1;
}

int64_t BlocksOf(const Operation& operation) {
  int64_t blocks = 1;
  switch (operation.kind) {
    case Operation::Kind::kStep:
      return std::max<int64_t>(1, static_cast<int64_t>(DrawnArguments(operation.op)));
    case Operation::Kind::kJitter:
      return 3;
    case Operation::Kind::kSequence:
      for (const Operation& part : operation.parts) blocks += BlocksOf(part);
      return blocks;
    case Operation::Kind::kChoice:
      for (const Operation& part : operation.parts) blocks = std::max(blocks, BlocksOf(part));
      return 1 + operation.count * (1 + blocks);
    case Operation::Kind::kMix:
      blocks += BlocksOfWeights(operation);
      for (const Operation& part : operation.parts) blocks += BlocksOf(part);
      return blocks;
  }
  return blocks;
}

Status ValidateStep(const Operation& operation, Size size) {
  if (operation.arguments.size() != ArgumentCount(operation.op)) {
    return InvalidArgument("a step that takes " + std::to_string(ArgumentCount(operation.op)) +
                           " arguments was given " + std::to_string(operation.arguments.size()));
  }
  for (size_t i = DrawnArguments(operation.op); i < operation.arguments.size(); ++i) {
    if (operation.arguments[i].IsRandom()) {
      return InvalidArgument("how torchvision computes is not drawn");
    }
  }
  for (const size_t end : {size_t{0}, size_t{1}}) {
    Step step{.op = operation.op, .sampling = operation.sampling, .fill = operation.fill};
    for (size_t i = 0; i < operation.arguments.size(); ++i) {
      FASTINET_RETURN_IF_ERROR(operation.arguments[i].Validate());
      step.arguments[i] = operation.arguments[i].Range()[end];
    }
    FASTINET_RETURN_IF_ERROR(step.Validate());
    FASTINET_RETURN_IF_ERROR(step.ValidateFor(size));
  }
  return {};
}

Status ValidateChoice(const Operation& operation) {
  const size_t parts = operation.parts.size();
  if (parts == 0 || parts > kMostParts) {
    return InvalidArgument("a choice must be among 1 to " + std::to_string(kMostParts) +
                           " operations, not " + std::to_string(parts));
  }
  if (operation.count < 0 || operation.count > kMostDraws) {
    return InvalidArgument("0 to " + std::to_string(kMostDraws) +
                           " operations may be chosen, not " + std::to_string(operation.count));
  }
  size_t possible = parts;
  if (!operation.weights.empty()) {
    if (operation.weights.size() != parts) {
      return InvalidArgument("there are " + std::to_string(operation.weights.size()) +
                             " weights for " + std::to_string(parts) + " operations");
    }
    possible = 0;
    double sum = 0;
    for (const double weight : operation.weights) {
      if (!(weight >= 0 && std::isfinite(weight))) {
        return InvalidArgument("weights must be finite numbers from 0 on, not " +
                               std::to_string(weight));
      }
      possible += weight > 0 ? 1 : 0;
      sum += weight;
    }
    if (!std::isfinite(sum)) return InvalidArgument("the sum of weights is too large");
    if (possible == 0) return InvalidArgument("all weights are 0");
  }
  if (!operation.replacement && static_cast<size_t>(operation.count) > possible) {
    return InvalidArgument(std::to_string(operation.count) + " different operations of " +
                           std::to_string(possible) + " cannot be chosen");
  }
  return {};
}

Status Validate(const Operation& operation, Size size, int depth, bool in_mixture) {
  if (operation.shared && depth > 1) {
    return InvalidArgument("what views share cannot be a part of another operation");
  }
  if (depth > kMostDepth) {
    return InvalidArgument("operations may lie " + std::to_string(kMostDepth) + " deep at most");
  }
  if (!(operation.probability >= 0 && operation.probability <= 1)) {
    return InvalidArgument("a probability must be 0 to 1, not " +
                           std::to_string(operation.probability));
  }
  switch (operation.kind) {
    case Operation::Kind::kStep:
      return ValidateStep(operation, size);
    case Operation::Kind::kJitter:
      return operation.jitter.Validate();
    case Operation::Kind::kChoice:
      FASTINET_RETURN_IF_ERROR(ValidateChoice(operation));
      break;
    case Operation::Kind::kMix:
      if (in_mixture) return InvalidArgument("a mixture cannot lie within another one");
      if (operation.parts.empty()) return InvalidArgument("there is nothing to mix");
      if (!(operation.alpha >= kLeastGammaShape && operation.alpha <= kMostGammaShape)) {
        return InvalidArgument("alpha must be " + std::to_string(kLeastGammaShape) + " to " +
                               std::to_string(kMostGammaShape) + ", not " +
                               std::to_string(operation.alpha));
      }
      in_mixture = true;
      break;
    case Operation::Kind::kSequence:
      break;
  }
  for (const Operation& part : operation.parts) {
    FASTINET_RETURN_IF_ERROR(Validate(part, size, depth + 1, in_mixture));
  }
  return {};
}

/// Draws one of the parts that are not `taken`, as likely as its weight says.
size_t DrawPart(const Operation& choice, uint32_t bits, const std::bitset<kMostParts>& taken) {
  const auto weight = [&](size_t part) {
    if (taken[part]) return 0.0;
    return choice.weights.empty() ? 1.0 : choice.weights[part];
  };
  double total = 0;
  for (size_t part = 0; part < choice.parts.size(); ++part) total += weight(part);
  const double target = UnitInterval(bits) * total;
  double sum = 0;
  size_t drawn = 0;  // the last that can be drawn, where rounding leaves none
  for (size_t part = 0; part < choice.parts.size(); ++part) {
    if (weight(part) <= 0) continue;
    drawn = part;
    sum += weight(part);
    if (target < sum) break;
  }
  return drawn;
}

/// Draws from the blocks of random bits of one key.
class Drawing {
 public:
  Drawing(const AugmentKey& key, RandomUse use, std::vector<Step>& steps)
      : key_(key), use_(use), steps_(steps) {}

  /// `operation`, whose blocks begin with number `block`.
  void Draw(const Operation& operation, int64_t block) {
    const PhiloxBlock bits = Bits(block);
    if (!(UnitInterval(bits[0]) < operation.probability)) return;
    switch (operation.kind) {
      case Operation::Kind::kStep:
        return DrawStep(operation, block);
      case Operation::Kind::kJitter:
        return DrawColourSteps(operation.jitter, Bits(block + 1), Bits(block + 2), steps_);
      case Operation::Kind::kSequence:
        ++block;
        for (const Operation& part : operation.parts) {
          Draw(part, block);
          block += BlocksOf(part);
        }
        return;
      case Operation::Kind::kChoice:
        return DrawChoice(operation, block);
      case Operation::Kind::kMix:
        return DrawMix(operation, block);
    }
  }

 private:
  PhiloxBlock Bits(int64_t block) const { return key_.Bits(use_, static_cast<uint8_t>(block)); }

  void DrawStep(const Operation& operation, int64_t block) {
    Step step{.op = operation.op, .sampling = operation.sampling, .fill = operation.fill};
    const size_t drawn = DrawnArguments(operation.op);
    for (size_t i = 0; i < operation.arguments.size(); ++i) {
      const PhiloxBlock bits = i < drawn ? Bits(block + static_cast<int64_t>(i)) : PhiloxBlock{};
      step.arguments[i] = operation.arguments[i].Draw(bits[1], bits[2]);
    }
    if (operation.random_sampling) {
      step.sampling = UnitInterval(Bits(block)[3]) < 0.5 ? Sampling::kBilinear : Sampling::kBicubic;
    }
    steps_.push_back(step);
  }

  void DrawChoice(const Operation& choice, int64_t block) {
    const int64_t each = (BlocksOf(choice) - 1) / std::max(choice.count, 1);
    std::bitset<kMostParts> taken;
    ++block;
    for (int32_t draw = 0; draw < choice.count; ++draw) {
      const size_t part = DrawPart(choice, Bits(block)[0], taken);
      if (!choice.replacement) taken.set(part);
      Draw(choice.parts[part], block + 1);
      block += each;
    }
  }

  /// Weights of the parts, which make 1 together, and the share of them. Both are made of numbers
  /// from the gamma distribution. Those of alpha 1 take a word each of the blocks from `block` on;
  /// others take any number of words, under a key from the first block.
  std::vector<double> MixtureShares(const Operation& mixture, int64_t block, double* share) const {
    const size_t count = mixture.parts.size();
    const auto bits = [&](size_t i) { return Bits(block + static_cast<int64_t>(i / 4))[i % 4]; };
    std::vector<double> weights(count);
    if (mixture.alpha == 1) {
      // Exponential numbers. The half keeps the logarithm finite.
      for (size_t i = 0; i < count; ++i) weights[i] = -PortableLog((bits(i) + 0.5) * 0x1p-32);
      *share = UnitInterval(bits(count));
    } else {
      const PhiloxKey key{bits(0), bits(1)};
      const auto drawn = [&](size_t i) {
        return LogOfGamma(mixture.alpha, key, static_cast<uint32_t>(i));
      };
      for (size_t i = 0; i < count; ++i) weights[i] = drawn(i);
      MakeShares(weights);
      std::vector<double> both = {drawn(count), drawn(count + 1)};
      MakeShares(both);
      *share = both[0] / (both[0] + both[1]);
    }
    double sum = 0;
    for (const double weight : weights) sum += weight;
    for (double& weight : weights) weight /= sum;
    return weights;
  }

  /// Numbers in the ratio of those that these are the logarithms of; the largest is 1.
  static void MakeShares(std::vector<double>& logs) {
    constexpr double kLeastPower = -700;
    const double most = std::ranges::max(logs);
    for (double& log : logs) log = PortableExp(std::max(log - most, kLeastPower));
  }

  /// Weights from Dirichlet's distribution, and a share from Beta's.
  void DrawMix(const Operation& mixture, int64_t block) {
    const size_t count = mixture.parts.size();
    double share = 0;
    const std::vector<double> weights = MixtureShares(mixture, block + 1, &share);
    const auto part_of = [](double whole) { return static_cast<float>(whole); };
    steps_.push_back(
        {.op = StepOp::kMixStart, .arguments = {mixture.blend_at_end ? 0.0f : part_of(1 - share)}});
    block += 1 + BlocksOfWeights(mixture);
    for (size_t i = 0; i < count; ++i) {
      Draw(mixture.parts[i], block);
      block += BlocksOf(mixture.parts[i]);
      // Weights are float32 for both, and so is torchvision's product.
      float weight = part_of(weights[i]);
      if (!mixture.blend_at_end) weight *= part_of(share);
      steps_.push_back({.op = StepOp::kMixChain, .arguments = {weight}});
    }
    steps_.push_back(
        {.op = StepOp::kMixEnd, .arguments = {mixture.blend_at_end ? part_of(share) : 1.0f}});
  }

  const AugmentKey& key_;
  const RandomUse use_;
  std::vector<Step>& steps_;
};

}  // namespace

Result<Policy> Policy::Make(std::vector<Operation> operations, Size size) {
  int64_t blocks = 0;
  for (const Operation& operation : operations) {
    FASTINET_RETURN_IF_ERROR(Validate(operation, size, 1, false));
    blocks += BlocksOf(operation);
  }
  if (blocks > kMostBlocks) {
    return InvalidArgument("these operations need " + std::to_string(blocks) +
                           " blocks of random bits; there are " + std::to_string(kMostBlocks));
  }
  Policy policy;
  if (!operations.empty()) {
    policy.operations_ = std::make_shared<const std::vector<Operation>>(std::move(operations));
  }
  return policy;
}

void Policy::DrawSteps(const AugmentKey& key, uint16_t first_view, std::vector<Step>& steps) const {
  if (empty()) return;
  AugmentKey first_key = key;
  first_key.view = first_view;
  Drawing drawing(key, RandomUse::kOperation, steps);
  Drawing shared(first_key, RandomUse::kShared, steps);
  int64_t block = 0, shared_block = 0;
  bool had_jitter = false;
  for (const Operation& operation : *operations_) {
    if (operation.shared) {
      shared.Draw(operation, shared_block);
      shared_block += BlocksOf(operation);
      continue;
    }
    // The first colour jitter has bits of its own, that of loaders from before there were policies.
    if (operation.kind == Operation::Kind::kJitter && !std::exchange(had_jitter, true)) {
      const PhiloxBlock bits = key.Bits(RandomUse::kOperation, static_cast<uint8_t>(block));
      if (UnitInterval(bits[0]) < operation.probability) {
        DrawColourSteps(operation.jitter, key.Bits(RandomUse::kColour, 0),
                        key.Bits(RandomUse::kColour, 1), steps);
      }
    } else {
      drawing.Draw(operation, block);
    }
    block += BlocksOf(operation);
  }
}

}  // namespace fastinet
