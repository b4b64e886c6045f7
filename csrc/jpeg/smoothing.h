// Progressive JPEGs whose last scans are missing, as libjpeg-turbo shows them: smoothed.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "jpeg/turbo_session.h"

namespace fastinet {

/// Whether libjpeg-turbo smooths this image: a progressive one of which all scans were read, and
/// some of the coefficients that it can estimate are not known to their last bit. (Its
/// smoothing_ok, in jdcoefct.c.)
[[nodiscard]] bool IsSmoothed(const jpeg_decompress_struct& decompressor);

/// Writes the image `jpeg`, which IsSmoothed, as a sequential JPEG with the coefficients that
/// smoothing gives, so that every region of it can be decoded like those of any other file.
///
/// libjpeg-turbo smooths while it decodes, from what it has at hand: before and behind a cropped
/// region that is not what the whole image has, and its versions before 3.0.1 took wrong rows for
/// the whole, too (its issues 700 and 721). The rules here are those of 3.0.1 and later, which
/// Pillow 13's wheels have.
Status WriteSmoothed(Bytes jpeg, std::vector<uint8_t>* smoothed);

}  // namespace fastinet
