// libFuzzer's entry for the road from an item's bytes to its rows.

#include "fuzz/item_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fastinet::fuzz::CheckItemInput({data, size});
  return 0;
}
