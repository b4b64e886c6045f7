// The functions of correct_math.h against values that mpmath gives with 300 bits.
#include "base/correct_math.h"

#include <cmath>
#include <limits>

#include "base/test_checks.h"

namespace fastinet {
namespace {

struct Pair {
  double argument;
  double value;
};

// The first four of each are arguments for which glibc 2.36 gives a neighbour of that double.
constexpr Pair kExponentials[] = {{-0x1.3138e5efd4b58p-2, 0x1.7c083eefbded9p-1},
                                  {-0x1.300ce8f70c690p-3, 0x1.b95c582ba0813p-1},
                                  {0x1.8c3e565c6bd38p-3, 0x1.36a5833d1e81ap+0},
                                  {-0x1.452717d317418p-1, 0x1.0f4f446c9d6b0p-1},
                                  {-0x1.5e2p+9, 0x1.af5fe9a485c8ep-1011},
                                  {0x1.62cp+9, 0x1.81e9b4b52d0c9p+1023},
                                  {0x1p-40, 0x1.0000000001p+0},
                                  {0, 1},
                                  {-1000, 0},
                                  {710, std::numeric_limits<double>::infinity()}};
constexpr Pair kLogarithms[] = {{0x1.8fad87cc2ad9ap-1, -0x1.fb3830d25e3dbp-3},
                                {0x1.aa8d44cba80d7p+0, 0x1.0567a76546040p-1},
                                {0x1.1a4055e56c692p+0, 0x1.8fda692d98862p-4},
                                {0x1.32621b8ca56aep+0, 0x1.6ff132e22b252p-3},
                                {0x1.7e43c8800759cp+996, 0x1.5963447f87fb5p+9},
                                {0x1.56e1fc2f8f359p-997, -0x1.5963447f87fb5p+9},
                                {0x1.00000004p+0, 0x1.fffffffcp-31},
                                {1, 0}};
constexpr Pair kSines[] = {
    {-0x1.50383deb78a96p+2, 0x1.b6df31a26c69fp-1},  {-0x1.87554365f24ebp+2, 0x1.57abff24a6bfdp-3},
    {0x1.6da2c0d614416p+1, 0x1.1ff7aaebcc59dp-2},   {0x1.2e1bdaac84de0p-3, 0x1.2d03ab0ef4ce3p-3},
    {0x1.10b5p+14, -0x1.fb8b88aa16538p-1},          {0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53},
    {0x1.199999999999ap-20, 0x1.199999999960dp-20}, {0, 0}};
constexpr Pair kCosines[] = {{-0x1.3401c1b3630e4p+2, 0x1.99ce9ddcd0947p-4},
                             {0x1.60f86fb40ebbcp+0, 0x1.86d0c8defe0c3p-3},
                             {0x1.2d74e5457df24p+0, 0x1.885f124314de7p-2},
                             {0x1.2285891c0e5e5p+2, -0x1.60842f552341fp-3},
                             {-0x1.10b5p+14, 0x1.0d93f6bab0341p-3},
                             {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54},
                             {0, 1}};

TEST_CASE("values are the nearest doubles") {
  for (const auto& [argument, value] : kExponentials) CHECK(CorrectExp(argument) == value);
  for (const auto& [argument, value] : kLogarithms) CHECK(CorrectLog(argument) == value);
  for (const auto& [argument, value] : kSines) {
    CHECK(CorrectSineAndCosine(argument).sine == value);
  }
  for (const auto& [argument, value] : kCosines) {
    CHECK(CorrectSineAndCosine(argument).cosine == value);
  }
}

/// Whether the two are at most one unit in the last place apart, as any C library's should be.
bool AreNeighbours(double a, double b) { return a == b || std::nextafter(a, b) == b; }

TEST_CASE("values are next to the C library's") {
  for (int i = 1; i <= 20'000; ++i) {
    const double x = i * 0x1.9e3779b97f4a8p-12;  // as far as 8
    CHECK(AreNeighbours(CorrectExp(x), std::exp(x)));
    CHECK(AreNeighbours(CorrectExp(-x), std::exp(-x)));
    CHECK(AreNeighbours(CorrectLog(x), std::log(x)));
    const auto [sine, cosine] = CorrectSineAndCosine(-x);
    CHECK(AreNeighbours(sine, std::sin(-x)));
    CHECK(AreNeighbours(cosine, std::cos(-x)));
  }
}

}  // namespace
}  // namespace fastinet
