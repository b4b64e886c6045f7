// What binds an index to the archive that it was made from: its size, and samples of its content.
#pragma once

#include <cstdint>
#include <string>

#include "base/source.h"
#include "base/status.h"

namespace fastinet {

/// The C++ twin of fastinet.sidecars.identity.Identity, as far as it decides anything.
struct Identity {
  std::string name;  // of the file, without folder
  uint64_t size_bytes = 0;
  std::string probe;   // SHA-256 in hexadecimal over 8 blocks, evenly spaced
  std::string blocks;  // and over 16 more, or all; empty: not taken, as by earlier versions
  std::string names;   // of an extracted folder, which has no bytes of its own; else empty
  // The first 8 bytes of the SHA-256 of each of the 8 blocks; empty: not known, as from a sidecar.
  std::string samples;

  /// Whether `archive`, a file, has the content that this is of, as far as can be told. An error is
  /// one of reading it.
  Result<bool> IsOf(const Source& archive) const;

  /// Whether `archive`, which has `length` bytes and another size than this, has been cut or added
  /// to since, and is the same otherwise, as far as the samples tell: then what is left of it lies
  /// where it lay.
  Result<bool> IsOfBeginning(const Source& archive, uint64_t length) const;
};

}  // namespace fastinet
