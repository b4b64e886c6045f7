// libFuzzer's entry for records of checkpoints.

#include "fuzz/checkpoints_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckRecordInput({data, size});
  return 0;
}
