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

  /// Whether `archive`, a file, has the content that this is of, as far as can be told. An error is
  /// one of reading it.
  Result<bool> IsOf(const Source& archive) const;
};

}  // namespace fastinet
