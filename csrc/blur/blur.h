// Blurs of planes of uint8, equal to Pillow's and to torchvision's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"
#include "blur/kernels.h"

namespace fastinet {

/// The largest standard deviation of a blur [pixels].
inline constexpr double kMostSigma = 1000;
/// The most taps of a kernel that is given by its size.
inline constexpr int32_t kMostKernelSize = 255;

/// Blurs planes, one after another; keeps its buffers between them. One per thread.
class Blur {
 public:
  /// ImageFilter.SMOOTH: pixels at the border stay, and images with a side below 3.
  /// `out` is another plane of the same size.
  void Smooth(Size size, Bytes plane, MutableBytes out);

  /// ImageFilter.GaussianBlur of this radius [pixels]: three box blurs along the rows and three
  /// along the columns, each rounded to uint8 (libImaging/BoxBlur.c). Of 0 it changes nothing.
  void Gaussian(double sigma, Size size, MutableBytes plane);

  /// torchvision's gaussian_blur with `kernel_size` taps, which is odd: the kernel's rows and then
  /// its columns, in float; torchvision adds up both at once, in an order that depends on its
  /// backend, so that a value in a hundred thousand differs by 1. Beyond the border the image is
  /// mirrored about its last pixel, whose sides must be longer than kernel_size / 2.
  void Kernel(int32_t kernel_size, double sigma, Size size, MutableBytes plane);

 private:
  double sigma_ = 0;    // of the Gaussian before, and
  BoxWeights weights_;  // its weights
  std::vector<uint8_t> planes_[2];
  std::vector<uint8_t> line_;
  std::vector<float> floats_[2];
};

}  // namespace fastinet
