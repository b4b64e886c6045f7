// libFuzzer's entry for JSON texts.

#include "fuzz/json_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckJson({data, size});
  return 0;
}
