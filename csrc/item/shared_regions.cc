#include "item/shared_regions.h"

namespace fastinet {

Box Around(const Box& a, const Box& b) {
  if (a.width == 0 || a.height == 0) return b;
  if (b.width == 0 || b.height == 0) return a;
  const int32_t left = std::min(a.x, b.x), right = std::max(a.x + a.width, b.x + b.width);
  const int32_t top = std::min(a.y, b.y), bottom = std::max(a.y + a.height, b.y + b.height);
  return {left, top, right - left, bottom - top};
}

SharedRegions::Decode& SharedRegions::NewDecode() {
  if (count_ == decodes_.size()) decodes_.emplace_back();
  Decode& decode = decodes_[count_++];
  decode.box = {};
  decode.regions.clear();
  return decode;
}

}  // namespace fastinet
