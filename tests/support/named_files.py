"""Folders and tars of files by names alone, and what is said when they are opened."""

from __future__ import annotations

import tarfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import END, entry
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

JPEG = small_jpeg(np.random.default_rng(0))


def write_folder(root: Path, names: Sequence[str]) -> Path:
    """Files of these names, and folders where they end in a slash."""
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(JPEG)
    return root


def write_tar(path: Path, names: Sequence[str]) -> Path:
    members = [
        entry(name, type=tarfile.DIRTYPE) if name.endswith("/") else entry(name, JPEG)
        for name in names
    ]
    path.write_bytes(b"".join(members) + END)
    return path


def written(form: str, folder: Path, names: Sequence[str], name: str = "data") -> Path:
    if form == "folder":
        return write_folder(folder / name, names)
    return write_tar(folder / f"{name}.tar", sorted(names))


def opened(path: Path | list[Path], split: str | None = None) -> tuple[fastinet.Dataset, list[str]]:
    """The dataset, and what was said."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FastinetWarning)
        dataset = fastinet.open(path, split=split, index=False)
    return dataset, [str(each.message) for each in caught]


def labels(dataset: fastinet.Dataset) -> dict[str, int]:
    return dict(zip(dataset.keys, dataset.labels.tolist(), strict=True))


def wnids(dataset: fastinet.Dataset) -> list[str]:
    return [info.wnid for info in dataset.classes]
