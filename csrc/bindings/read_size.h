// ItemRenderer::ReadInfo in the form that Cython can call: it wants results that begin empty.
#pragma once

#include <cstdint>

#include "item/item.h"

namespace fastinet {

/// Stores the size of the image in `data` [pixels] in `size`.
inline Status ReadSize(ItemRenderer& renderer, Bytes data, int64_t max_pixels, Size* size) {
  FASTINET_ASSIGN_OR_RETURN(const ImageInfo info, renderer.ReadInfo(data, max_pixels));
  *size = info.size;
  return {};
}

}  // namespace fastinet
