// Random erasing: boxes of a row whose pixels are replaced after it was normalised.
//
// Zhong et al., "Random Erasing Data Augmentation", AAAI 2020; the rule is the one that torchvision
// and timm share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"
#include "base/status.h"
#include "resample/output.h"
#include "rng/philox.h"

namespace fastinet {

/// What erased pixels become.
enum class EraseMode : uint8_t {
  kConst,  // a value of each channel
  kRand,   // a normal number for each channel of a box
  kPixel,  // a normal number for each channel of each pixel
};

/// Which boxes are erased. The C++ twin of fastinet.augment.RandomErasing.
struct ErasingRule {
  double probability = 0.5;
  std::array<double, 2> scale{0.02, 0.33};  // share of the row's area, of all boxes together
  std::array<double, 2> ratio{0.3, 3.3};    // height / width of a box
  EraseMode mode = EraseMode::kConst;
  std::array<float, 3> value{};  // kConst: of a normalised row
  int32_t count = 1;             // the most boxes of a row

  /// Tries are numbered in 8 bits together with what is drawn before them.
  static constexpr int32_t kMostBoxes = 25;
  /// The largest value that float16 has.
  static constexpr float kMostValue = 65504;

  Status Validate() const;
};

/// Draws the boxes that are erased in a row of `size`, into the rule.count elements of `boxes`;
/// those that are none are Box{}. They depend on the arguments alone.
void DrawErasedBoxes(const ErasingRule& rule, Size size, const AugmentKey& key,
                     std::span<Box> boxes);

/// The key of the normal numbers that replace pixels.
PhiloxKey NoiseKey(const AugmentKey& key);

/// The numbers of box number `box` from number `first` on. Those of kRand are the first three, one
/// for each channel; those of kPixel are one for each channel of each pixel, line by line.
void FillNoise(PhiloxKey key, uint32_t box, size_t first, std::span<float> values);

/// Replaces the pixels of `boxes` in a row of `size` and `format`, in their order. Values are
/// rounded as the format rounds them. uint8 rows stay as they are: they are not normalised yet.
void EraseBoxes(const ErasingRule& rule, std::span<const Box> boxes, PhiloxKey noise, Size size,
                const OutputFormat& format, MutableBytes row);

/// The normal numbers of a row's boxes, box by box, for whoever erases a uint8 row after it was
/// normalised elsewhere; none under kConst.
void KeepNoise(const ErasingRule& rule, std::span<const Box> boxes, PhiloxKey key,
               std::vector<float>& noise);

/// Pixels that are to be erased elsewhere: their numbers, and three values for each.
struct PixelList {
  std::span<int64_t> pixels;
  std::span<float> values;
};

/// Room for what ListErasedPixels may list of these boxes [pixels].
size_t MostErasedPixels(std::span<const Box> boxes);

/// Lists the pixels that `boxes` replace in a row of `size`, each once: its number in the row, line
/// by line, plus `first_pixel`, and the values of its channels, which are those that EraseBoxes
/// puts there before it rounds them. `noise` is what KeepNoise gave. They are written to the front
/// of `out`, which has room; the result is how many there are.
size_t ListErasedPixels(const ErasingRule& rule, std::span<const Box> boxes,
                        std::span<const float> noise, Size size, int64_t first_pixel,
                        PixelList out);

}  // namespace fastinet
