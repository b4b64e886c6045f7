// libFuzzer's entry for PNGs.

#include "fuzz/png_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckPngInput({data, size});
  return 0;
}
