// The kernels by dot products of bytes on any machine: SIMDe (libsimde-dev) does in plain C what
// each of Intel's instructions does. Without it there is nothing here to test.
#include "base/test_checks.h"
#include "resample/test_passes.h"

// clang-tidy's own Clang may not be the one that CMake tried.
#if defined(FASTINET_HAS_SIMDE) && !defined(__clang_analyzer__)

#define SIMDE_ENABLE_NATIVE_ALIASES
// Vectors of 64 bytes are passed by nobody but this file.
#pragma GCC diagnostic ignored "-Wpsabi"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <simde/x86/avx512.h>

// Two instructions that it lacks.
static __m512i EmulatedMaskedLoad(uint64_t mask, const uint8_t* bytes) {
  uint8_t loaded[64] = {};
  for (int i = 0; i < 64; ++i) {
    if ((mask >> i & 1) != 0) loaded[i] = bytes[i];
  }
  return simde_mm512_loadu_si512(loaded);
}
#define _mm512_maskz_loadu_epi8 EmulatedMaskedLoad

static __m512i EmulatedShift(__m512i values, int bits) {
  int32_t shifted[16];
  simde_mm512_storeu_si512(shifted, values);
  for (int32_t& value : shifted) value >>= bits;
  return simde_mm512_loadu_si512(shifted);
}
#define _mm512_srai_epi32 EmulatedShift

#define FASTINET_DOT_NAMESPACE emulated
#include "resample/dot_kernels-inl.h"

namespace fastinet {
namespace {

TEST_CASE("dot products equal plain sums, emulated") {
  test::TestBothPasses(
      [](const AxisSpec& spec, Interpolation interpolation) {
        return test::TestHorizontalPass<WideWeights>(spec, interpolation,
                                                     emulated::ResampleWideWindows);
      },
      [](const AxisSpec& spec, Interpolation interpolation, size_t width) {
        const auto quads = [](const QuadWeights& weights, int32_t y) { return weights.quads(y); };
        return test::TestVerticalPass<QuadWeights>(spec, interpolation, width, 4, quads,
                                                   emulated::ResampleQuads);
      });
}

}  // namespace
}  // namespace fastinet

#else

TEST_CASE("dot products equal plain sums, emulated" * doctest::skip()) {}

#endif
