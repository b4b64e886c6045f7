// The checks of what describes a crop and its colours: each bound holds at its value and not
// beyond.
#include "crop/crop.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Status Checked(std::array<double, 2> scale, std::array<double, 2> ratio = {0.75, 1.25}) {
  return Transform{.scale = scale, .ratio = ratio}.Validate();
}

TEST_CASE("scales of random crops") {
  CHECK_OK(Checked({1e-9, 1}));
  CHECK_OK(Checked({0.5, 0.5}));
  CHECK_OK(Checked({1, 1}));
  const std::vector<std::array<double, 2>> refused = {
      {0, 1}, {-0.1, 1}, {0.6, 0.5}, {0.5, 1.001}, {1.001, 1.001}, {kNan, 1}, {0.5, kNan}};
  for (const auto& scale : refused) ExpectRefused(Checked(scale), "scale must satisfy 0 < low");
}

TEST_CASE("ratios of random crops") {
  CHECK_OK(Checked({0.5, 1}, {1e-300, 1e300}));
  CHECK_OK(Checked({0.5, 1}, {2, 2}));
  const std::vector<std::array<double, 2>> refused = {
      {0, 1}, {-1, 1}, {1.25, 0.75}, {1, kInfinity}, {kInfinity, kInfinity}, {kNan, 1}, {1, kNan}};
  for (const auto& ratio : refused) {
    ExpectRefused(Checked({0.5, 1}, ratio), "ratio must satisfy 0 < low");
  }
}

TEST_CASE("probabilities and shares") {
  for (const double share : {0.0, 0.5, 1.0}) {
    CHECK_OK((Transform{.flip_probability = share}.Validate()));
    CHECK_OK((Transform{.min_object_covered = share}.Validate()));
  }
  for (const double share : {-0.001, 1.001, kNan, kInfinity}) {
    ExpectRefused(Transform{.flip_probability = share}.Validate(), "the flip probability must be");
    ExpectRefused(Transform{.min_object_covered = share}.Validate(), "min_object_covered must be");
  }
}

TEST_CASE("sides of rows") {
  using Kind = Transform::Kind;
  for (const Kind kind : {Kind::kRandomResizedCrop, Kind::kCenterCrop, Kind::kResize}) {
    for (const int32_t side : {1, 16384}) {
      CHECK_OK((Transform{.kind = kind, .size = {side, 7}}.Validate()));
      CHECK_OK((Transform{.kind = kind, .size = {7, side}}.Validate()));
    }
    for (const int32_t side : {0, -1, 16385}) {
      ExpectRefused(Transform{.kind = kind, .size = {side, 7}}.Validate(), "width must be 1 to");
      ExpectRefused(Transform{.kind = kind, .size = {7, side}}.Validate(), "height must be 1 to");
    }
  }
  for (const int32_t resize : {0, 1, 16384}) {  // 0: the image keeps its size
    CHECK_OK((Transform{.kind = Kind::kCenterCrop, .resize = resize}.Validate()));
  }
  for (const int32_t resize : {-1, 16385}) {
    ExpectRefused(Transform{.kind = Kind::kCenterCrop, .resize = resize}.Validate(), "resize must");
  }
  // What belongs to other kinds is not looked at.
  CHECK_OK((Transform{.kind = Kind::kResize, .scale = {0, 0}, .resize = -1}.Validate()));
}

TEST_CASE("boxes inside an image") {
  const Size image{10, 20};
  const std::vector<Box> inside = {{0, 0, 10, 20}, {9, 19, 1, 1}};
  for (const Box& box : inside) CHECK_OK(CheckInside(box, image));
  const std::vector<Box> outside = {{-1, 0, 5, 5}, {0, -1, 5, 5}, {0, 0, 11, 5}, {0, 0, 5, 21},
                                    {6, 0, 5, 5},  {0, 16, 5, 5}, {0, 0, 0, 5},  {0, 0, 5, 0}};
  for (const Box& box : outside) ExpectRefused(CheckInside(box, image), "does not lie inside");
}

}  // namespace
}  // namespace fastinet
