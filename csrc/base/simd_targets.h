// The instruction sets that SIMD kernels are compiled for; included before Highway's
// foreach_target.h in every kernel file.
#pragma once

// Left out on purpose: SSSE3 (CPUs that have it but not SSE4 date from 2006 and 2007), all that
// is newer than AVX-512 on Skylake (each costs a copy of the code; Highway numbers better x86
// targets with lower bits), and the scalable vectors, whose sizeless types cannot stand in the
// arrays that the kernels use.
//
// A kernel that gains by the additions of Ice Lake and Zen 4 defines FASTINET_WITH_AVX3_DL before
// it includes this. Highway chooses among the targets of each file by itself, so that such a file
// need not agree with the others.
#ifdef FASTINET_WITH_AVX3_DL
#define HWY_WANT_AVX3_DL
#define FASTINET_BEST_X86_TARGET HWY_AVX3_DL
#else
#define FASTINET_BEST_X86_TARGET HWY_AVX3
#endif

#define HWY_DISABLED_TARGETS                                                                      \
  ((FASTINET_BEST_X86_TARGET - 1) | HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | \
   HWY_RVV)
