// libFuzzer's entry for indexes.

#include "fuzz/index_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckInput({data, size});
  return 0;
}
