// libFuzzer's entry for the scan of archives.

#include "fuzz/tar_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckInput({data, size});
  return 0;
}
