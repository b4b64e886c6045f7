// libFuzzer's entry for the items of a stream.

#include "fuzz/stream_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckStreamInput({data, size});
  return 0;
}
