// libFuzzer's entry for seek points.

#include "fuzz/seek_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckInput({data, size});
  return 0;
}
