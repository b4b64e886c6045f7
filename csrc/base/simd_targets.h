// The instruction sets that SIMD kernels are compiled for; included before Highway's
// foreach_target.h in every kernel file, so that all files agree.
#pragma once

// Left out on purpose: SSSE3 (CPUs that have it but not SSE4 date from 2006 and 2007), all that
// is newer than AVX-512 on Skylake (no kernel uses the additions and each costs a copy of the
// code; Highway numbers better x86 targets with lower bits), and the scalable vectors, whose
// sizeless types cannot stand in the arrays that the kernels use.
#define HWY_DISABLED_TARGETS \
  ((HWY_AVX3 - 1) | HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
