// Whose sidecars are believed: one's own, the super-user's, and those of the archives' owner. The
// reasons are in fastinet/sidecars/owners.py, which has the same rule.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "io/file.h"

namespace fastinet {

/// Whose a file is.
struct Ownership {
  uint32_t user = 0;
  bool everybody = false;  // may write to it
};

/// That of what lies at `path`, links followed; kIo when the system does not say.
Result<Ownership> OwnershipOf(const std::string& path);

/// Fails with kUnsupported where somebody else than the user, the super-user and the owner of all
/// `archives` may have written `sidecar`, unless the environment's FASTINET_TRUSTED_OWNERS names
/// them.
Status CheckOwner(const File& sidecar, std::span<const Ownership> archives);

}  // namespace fastinet
