// Tables of 256 values, one for each channel: what adjusts every pixel by its own value alone.
//
// Such adjustments follow one another without a look at the pixels: the table of the first, looked
// up in that of the second, is one table. So any number of them costs one pass over the image.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "colour/kernels.h"
#include "colour/tensor_kernels.h"

namespace fastinet {

/// What becomes of each value of one channel.
using ValueTable = std::array<uint8_t, 256>;

/// How many pixels of one channel have each value.
using Histogram = std::array<uint32_t, 256>;

/// 255 - v (ImageOps.invert).
ValueTable InvertTable();
/// v below `threshold`, else 255 - v (ImageOps.solarize).
ValueTable SolarizeTable(double threshold);
/// v + `addition` within 0 to 255 below `threshold`, else v: the SolarizeAdd of TensorFlow's
/// AutoAugment and of timm.
ValueTable SolarizeAddTable(int32_t addition, int32_t threshold);
/// The `bits` highest bits, 0 to 8 (ImageOps.posterize, which has refused 0 bits since Pillow 13).
ValueTable PosterizeTable(int32_t bits);
/// Blends with an image of the value `background`; see BlendWithValue.
ValueTable BlendTable(uint8_t background, float factor);
/// Stretches the values that occur to 0 .. 255 (ImageOps.autocontrast without cutoff). What has one
/// value stays.
ValueTable AutoContrastTable(const Extremes& extremes);
/// Makes all values equally frequent, as far as that goes (ImageOps.equalize).
ValueTable EqualizeTable(const Histogram& histogram);

/// torchvision's adjust_contrast of a tensor of uint8 whose mean grey is `mean`.
ValueTable TensorContrastTable(float mean, double factor, TransformsVersion version);
/// torchvision's autocontrast of a tensor of uint8.
ValueTable TensorAutoContrastTable(const Extremes& extremes, TransformsVersion version);

/// A table for each of three channels, built up by one adjustment after another.
class ColourTable {
 public:
  ColourTable() { Clear(); }

  /// No adjustment.
  void Clear();
  bool is_identity() const { return identity_; }
  /// Adjusts one channel, or all alike, after all that was there before.
  void Append(size_t channel, const ValueTable& next);
  void Append(const ValueTable& next);

  /// `histogram`, of values before the table, as it is of those behind it.
  Histogram Mapped(size_t channel, const Histogram& histogram) const;
  /// Looks every value up.
  void Apply(const RgbPlanes& planes) const;

 private:
  std::array<ValueTable, 3> tables_;
  bool identity_ = true;
};

/// The histogram of each channel.
std::array<Histogram, 3> HistogramsOf(const RgbPlanes& planes);

}  // namespace fastinet
