// What may happen to the pixels of a row: operations that draw their numbers, alone, one after
// another, or chosen among several.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "augment/steps.h"
#include "base/image.h"
#include "base/status.h"
#include "policy/amount.h"
#include "policy/colour_jitter.h"
#include "rng/philox.h"

namespace fastinet {

/// A description of random steps. The descriptions in fastinet.augment become trees of these, which
/// know the size of the row already.
struct Operation {
  enum class Kind : uint8_t {
    kStep,      // one step
    kJitter,    // the adjustments of `jitter`
    kSequence,  // all of `parts`, in their order
    kChoice,    // `count` of `parts`, one after another
    kMix,       // each of `parts` by itself, and the mixture of their results: AugMix
  };

  Kind kind = Kind::kSequence;
  double probability = 1;  // of being made at all

  // kStep:
  StepOp op = StepOp::kInvert;
  std::vector<Amount> arguments{};  // as many as the step has
  bool random_sampling = false;     // bilinear or bicubic, each half of the time
  Sampling sampling = Sampling::kNearest;
  Colour fill{};

  ColourJitter jitter{};  // kJitter

  // All that are no single steps:
  std::vector<Operation> parts{};
  // kChoice:
  std::vector<double> weights{};  // of the parts; none: all alike
  int32_t count = 1;
  bool replacement = true;  // a part may be drawn again; if not, `count` of them differ
  /// Whether all views of an item's copy draw the same for it. Only of operations that are not
  /// parts of others.
  bool shared = false;

  // kMix: whether the mixture is made uint8 before the image gets its share of it (timm), or the
  // image is one more thing that is mixed (torchvision).
  bool blend_at_end = false;
  double alpha = 1;  // of Dirichlet's distribution of the weights, and of Beta's of the share
};

/// Operations that are valid, each with random bits of its own. Copies share them.
class Policy {
 public:
  /// No operations.
  Policy() = default;

  /// Checks that every step that `operations` can give is one, for rows of `size`, and that there
  /// are random bits for all of them. kInvalidArgument otherwise.
  static Result<Policy> Make(std::vector<Operation> operations, Size size);

  [[nodiscard]] bool empty() const { return operations_ == nullptr; }

  /// Puts the steps for `key` behind `steps`: a pure function of the operations and the key. What
  /// one operation draws depends on its place among the others, and on nothing that they are or
  /// draw, as long as each keeps its kind and number of parts. Those that views share are drawn for
  /// `first_view`, the first of the copy that `key.view` belongs to, and have places among
  /// themselves.
  void DrawSteps(const AugmentKey& key, uint16_t first_view, std::vector<Step>& steps) const;
  /// Likewise for the only view of a copy.
  void DrawSteps(const AugmentKey& key, std::vector<Step>& steps) const {
    DrawSteps(key, key.view, steps);
  }

 private:
  std::shared_ptr<const std::vector<Operation>> operations_;  // none: nullptr
};

}  // namespace fastinet
