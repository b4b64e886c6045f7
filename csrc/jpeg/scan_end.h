// What stands behind the data of a JPEG's only scan.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/status.h"
#include "jpeg/header.h"

namespace fastinet {

/// Whether a JPEG of this header has all of its data in its first scan.
[[nodiscard]] bool HasOneScan(const JpegHeader& header);

/// Fails with kCorrupt, and the byte, where a further scan, frame or image begins before the image
/// ends, or a marker stands there that libjpeg-turbo does not know or whose segment is broken:
/// libjpeg-turbo refuses such files, and of the first ones the pixels are of one of two. `from` is
/// a byte of the data of the only scan of `jpeg`. A file that ends before that is no business of
/// this function.
Status CheckScanEnd(Bytes jpeg, size_t from);

}  // namespace fastinet
