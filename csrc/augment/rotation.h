// Rotations as Pillow's Image.rotate makes them.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/image.h"
#include "warp/warp.h"

namespace fastinet {

/// Turns an image of three planes by `degrees`, anticlockwise, about its centre. Half turns, and
/// quarter turns of squares, move pixels; others read between them.
void Rotate(double degrees, Sampling sampling, Colour fill, Warp& warp, Size size,
            MutableBytes planes);

/// The last line of a plane comes first.
void FlipLines(Size size, MutableBytes plane);

}  // namespace fastinet
