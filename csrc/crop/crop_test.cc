// The checks of what describes a crop and its colours: each bound holds at its value and not
// beyond.
#include "crop/crop.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/correct_math.h"
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

TEST_CASE("flips, rules and padding of random crops") {
  using Kind = Transform::Kind;
  for (const Kind kind : {Kind::kRandomResizedCrop, Kind::kRandomCrop}) {
    CHECK_OK((Transform{.kind = kind, .vflip_probability = 1}.Validate()));
    ExpectRefused(Transform{.kind = kind, .vflip_probability = kNan}.Validate(),
                  "the vertical flip probability must be");
    ExpectRefused(Transform{.kind = kind, .flip_probability = 1.5}.Validate(),
                  "the flip probability must be");
  }
  CHECK_OK((Transform{.box_rule = BoxRule::kTensorFlow, .min_object_covered = 1}.Validate()));
  CHECK_OK((Transform{.box_rule = BoxRule::kClamp}.Validate()));
  ExpectRefused(Transform{.box_rule = BoxRule::kClamp, .min_object_covered = 0.1}.Validate(),
                "min_object_covered must be 0");
  const auto padded = [](Padding padding) {
    return Transform{.kind = Kind::kRandomCrop, .padding = padding}.Validate();
  };
  CHECK_OK(padded({4096, 4096, 4096, 4096}));
  for (const Padding& padding :
       std::vector<Padding>{{-1, 0, 0, 0}, {0, 4097, 0, 0}, {0, 0, -1, 0}, {0, 0, 0, INT32_MAX}}) {
    ExpectRefused(padded(padding), "padding must be 0 to 4096 pixels");
  }
}

TEST_CASE("windows of random crops") {
  const Transform crop{
      .kind = Transform::Kind::kRandomCrop, .size = {8, 6}, .padding = {1, 2, 3, 4}};
  const Size image{10, 5};
  const std::vector<Box> cut = {{-1, -2, 8, 6}, {5, 3, 8, 6}, {0, 0, 8, 6}};
  for (const Box& window : cut) CHECK_OK(CheckWindow(crop, image, window));
  const std::vector<Box> others = {
      {-2, 0, 8, 6}, {0, -3, 8, 6},        {6, 0, 8, 6},         {0, 4, 8, 6},        {0, 0, 7, 6},
      {0, 0, 8, 7},  {INT32_MIN, 0, 8, 6}, {INT32_MAX, 0, 8, 6}, {0, INT32_MAX, 8, 6}};
  for (const Box& window : others) {
    ExpectRefused(CheckWindow(crop, image, window), "is none that the transform cuts out");
  }
  // Larger than what there is: of 8 columns, 3 more are padded on either side.
  CHECK_OK(CheckWindow(crop, {1, 1}, {-4, -2, 8, 6}));
  CHECK_OK(CheckWindow(crop, {1, 1}, {-1, -1, 8, 6}));
  ExpectRefused(CheckWindow(crop, {1, 1}, {-5, -2, 8, 6}), "resized to 1 x 1 pixels");
  ExpectRefused(CheckWindow(crop, {1, 1}, {0, -2, 8, 6}), "resized to 1 x 1 pixels");
}

TEST_CASE("sides of rows") {
  using Kind = Transform::Kind;
  for (const Kind kind :
       {Kind::kRandomResizedCrop, Kind::kRandomCrop, Kind::kCenterCrop, Kind::kResize}) {
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

/// The width of a box of the area `area`, by correctly rounded functions.
int32_t WidthOf(double area, double ratio) {
  return static_cast<int32_t>(std::nearbyint(std::sqrt(area * CorrectExp(CorrectLog(ratio)))));
}

TEST_CASE("sides that lie between two whole numbers are those of correctly rounded functions") {
  int32_t up = 0, down = 0;
  for (int32_t side = 16; side <= 512; side *= 2) {
    const double area = static_cast<double>(side) * side;
    for (int32_t whole = 1; whole < side; ++whole) {
      const double length = whole + 0.5, ratio = length * length / area;  // exact
      const Transform transform{.kind = Transform::Kind::kRandomResizedCrop,
                                .size = {8, 8},
                                .scale = {1, 1},
                                .ratio = {ratio, ratio},
                                .box_rule = BoxRule::kClamp};
      const Box box = DrawCrop(transform, {side, side}, {}, {}).box;
      CHECK_EQ(box.width, WidthOf(area, ratio));
      ++(box.width > whole ? up : down);
    }
  }
  CHECK(up > 100);  // the last bit decides either way
  CHECK(down > 100);
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
