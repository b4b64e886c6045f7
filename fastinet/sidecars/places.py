"""Where the sidecars of an archive lie: beside it, or in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

__all__ = ["SUFFIX", "is_sidecar", "places"]

SUFFIX = ".fastinet"
"""Of the index; other sidecars have one more: ``.fastinet.checkpoints``."""


def places(path: Path, suffix: str = "") -> tuple[Path, Path]:
    """Where a sidecar of ``path`` (an archive, or a folder of them) may be, best place first.

    Beside it, or in the user's cache folder under a name that holds a hash of the absolute path.

    Args:
        path: of the archive.
        suffix: which sidecar, ``".checkpoints"``; "" is the index.
    """
    absolute = path.absolute()
    label = hashlib.sha256(os.fsencode(absolute)).hexdigest()[:16]
    cache = platformdirs.user_cache_path("fastinet", appauthor=False) / "indexes"
    return (
        absolute.with_name(absolute.name + SUFFIX + suffix),
        cache / f"{absolute.name}-{label}{SUFFIX}{suffix}",
    )


def is_sidecar(name: str) -> bool:
    """Whether a file of this name is an index, or lies beside one, and is none of the user's."""
    _, found, rest = name.partition(SUFFIX)
    return bool(found) and (not rest or rest.startswith("."))
