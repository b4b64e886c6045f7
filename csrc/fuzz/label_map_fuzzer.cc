// libFuzzer's entry for label maps.

#include "fuzz/label_map_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckLabelMap({data, size});
  return 0;
}
