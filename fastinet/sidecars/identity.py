"""What binds a sidecar to the archive that it was made from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastinet.errors import ReadError
from fastinet.sidecars.schema import Count, Range, UnusableSidecarError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Identity", "check_identities", "fastinet_version", "identify_file"]

# Eight blocks tell one archive from another of equal size and time; reading them costs eight seeks.
_PROBES = 8
_PROBE_BYTES = 4096


class Identity(NamedTuple):
    """What binds an index to an archive: it holds for these bytes only, as far as we can tell."""

    name: str
    """File name without folder."""
    size: Count
    """Bytes; of a folder, how many folders there are in it."""
    mtime_ns: Annotated[int, Range(-(2**63), 2**63 - 1)]
    """Time of the last change, nanoseconds since 1970."""
    probe: str
    """SHA-256 over a few blocks of content; of a folder, over its folders and their times."""


def identify_file(path: Path) -> Identity:
    """Identity of the file at `path` as it is now. Raises ReadError where it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            info = os.fstat(file.fileno())
            last = max(0, info.st_size - _PROBE_BYTES)
            digest = hashlib.sha256()
            for i in range(_PROBES):
                digest.update(os.pread(file.fileno(), _PROBE_BYTES, last * i // (_PROBES - 1)))
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    return Identity(path.name, info.st_size, info.st_mtime_ns, digest.hexdigest())


def check_identities(indexed: Sequence[Identity], present: Sequence[Identity]) -> None:
    """Raises UnusableSidecarError unless the index was made from these archives as they are now."""
    if [archive.name for archive in indexed] != [archive.name for archive in present]:
        raise UnusableSidecarError("is stale: it lists other archives")
    for then, now in zip(indexed, present, strict=True):
        if then.size != now.size:
            change = f"had {then.size} bytes when it was made and has {now.size} now"
        elif then.mtime_ns != now.mtime_ns:
            change = "was written after it was made"
        elif then.probe != now.probe:
            change = "has other content than when it was made"
        else:
            continue
        raise UnusableSidecarError(f"is stale: archive '{now.name}' {change}")


def fastinet_version() -> str:
    """Version of the installed package."""
    try:
        return importlib.metadata.version("fastinet")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"
