// Which colour jitters there are; the Python tests hold what they draw against torchvision's rules.
#include "policy/colour_jitter.h"

#include <array>
#include <limits>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("bounds of colour factors") {
  CHECK_OK(ColourJitter().Validate());
  for (size_t op = 0; op < 4; ++op) {
    const bool is_hue = op == 3;
    const double least = is_hue ? -0.5 : 0, most = is_hue ? 0.5 : 1e6;
    const auto checked = [&](double low, double high) {
      ColourJitter jitter;
      jitter.bounds[op] = {low, high};
      return jitter.Validate();
    };
    CHECK_OK(checked(least, most));
    CHECK_OK(checked(least, least));
    CHECK_OK(checked(most, most));
    const std::vector<std::array<double, 2>> refused = {
        {least - 0.01, most}, {least, most + 0.01}, {0.2, 0.1}, {kNan, most}, {least, kNan}};
    for (const auto& [low, high] : refused) {
      ExpectRefused(checked(low, high), "colour factors must not lie in");
    }
  }
}

}  // namespace
}  // namespace fastinet
