// Runs a test once for every instruction set that the kernels are compiled for and the CPU has.
#pragma once

#include "base/simd_targets.h"
// Highway's targets follow from the macro above.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace fastinet::test {

/// Calls `run(name)` with each instruction set in turn chosen for all kernels.
template <class Run>
void ForEachTarget(Run run) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    run(hwy::TargetName(target));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace fastinet::test
