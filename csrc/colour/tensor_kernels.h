// The inner loops of torchvision's colour adjustments of tensors of uint8, each compiled for every
// instruction set and chosen at run time. torchvision computes in float and cuts off what is
// broken; its two versions round in other places, and so differ from each other and from Pillow by
// a level of many values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "colour/kernels.h"

namespace fastinet {

/// torchvision.transforms, whose products and sums are rounded one by one, and
/// torchvision.transforms.v2, whose sums are fused with the product before them, as torch has them
/// on processors that can.
enum class TransformsVersion : uint8_t { k1 = 1, k2 = 2 };

/// Sum of the pixels' grey: 0.2989 R + 0.587 G + 0.114 B in float, cut off.
uint64_t SumOfTensorGrey(const RgbPlanes& planes, TransformsVersion version);

/// Blends every channel of a pixel with that grey of the pixel: factor * value + (1 - factor) *
/// grey, clipped and cut off.
void BlendWithTensorGrey(const RgbPlanes& planes, double factor, TransformsVersion version);

/// Blends values with smoothed ones. Version 2 adds to the value its difference from the smoothed
/// one, so that nothing changes where there is none.
void BlendWithSmoothTensor(uint8_t* values, size_t count, const uint8_t* smooth, double factor,
                           TransformsVersion version);

}  // namespace fastinet
