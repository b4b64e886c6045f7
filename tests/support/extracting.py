"""Tars that tests packed, extracted in every Python."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract_all(packed: Path, folder: Path) -> None:
    """Extracts a tar, by the filter that Python 3.12 warns without and 3.11.2 does not know."""
    with tarfile.open(packed) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)  # noqa: S202  # it was packed by a test
