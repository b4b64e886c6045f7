// libFuzzer's entry for headers of JPEGs, and for Exif.

#include "fuzz/jpeg_header_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckInput({data, size});
  return 0;
}
