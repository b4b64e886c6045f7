// Exif orientation: a file's rows and columns as a viewer shows them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/image.h"
#include "base/status.h"

namespace fastinet {

/// How stored pixels become shown ones (Exif 2.32, 4.6.4 A, tag 0x0112).
class Orientation {
 public:
  /// `exif` is the tag's value; anything but 2..8 leaves the pixels where they are.
  explicit Orientation(uint8_t exif) : exif_(exif >= 2 && exif <= 8 ? exif : uint8_t{1}) {}

  bool is_identity() const { return exif_ == 1; }
  /// Whether stored rows are shown as columns.
  bool transposes() const { return exif_ >= 5; }
  /// Whether stored columns (or, with transposes(), what they are shown as) run backwards.
  bool mirrors_columns() const { return exif_ == 2 || exif_ == 3 || exif_ == 7 || exif_ == 8; }
  bool mirrors_rows() const { return exif_ == 3 || exif_ == 4 || exif_ == 6 || exif_ == 7; }

  /// Size as shown of an image that is stored with `stored`.
  Size Shown(Size stored) const {
    return transposes() ? Size{stored.height, stored.width} : stored;
  }
  /// The stored box that is shown as `shown`, in an image stored with `stored`.
  Box Stored(const Box& shown, Size stored) const;

 private:
  uint8_t exif_;
};

/// Takes a stored region's rows and hands them on as shown. It must hold the region to turn it:
/// 3 bytes a pixel, for the few images that are not upright.
class OrientedSink final : public RowSink {
 public:
  /// `stored` is the size of the region that will come.
  OrientedSink(Orientation orientation, Size stored, RowSink& sink)
      : orientation_(orientation), stored_(stored), sink_(sink) {}

  Status OnRows(const RowBand& band) override;
  /// Hands all rows on.
  Status Finish();

 private:
  void CopyShownRow(int32_t y, uint8_t* out) const;
  const uint8_t* StoredPixel(int32_t x, int32_t y) const;

  Orientation orientation_;
  Size stored_;
  RowSink& sink_;
  int32_t channels_ = 0;
  std::vector<uint8_t> pixels_;  // [stored rows][stored columns][channels]
};

}  // namespace fastinet
