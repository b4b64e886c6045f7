// libFuzzer's entry for the own JPEG decoder.

#include "fuzz/jpeg_differential.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckInput({data, size});
  return 0;
}
