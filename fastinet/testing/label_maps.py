"""Writes miniatures of ``relabel_imagenet.tar``, and of the folder that it is extracted to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fastinet.testing.archives import extract, tar
from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

__all__ = ["label_map", "label_map_files", "write_label_maps"]

ROOT = "imagenet_efficientnet_l2_sz475_top5"
"""The folder within the official archive."""

Container = Literal["legacy", "zip"]


def label_map(
    rng: np.random.Generator,
    shape: tuple[int, int, int] = (5, 15, 15),
    classes: int = 1000,
) -> NDArray[np.float32]:
    """A label map of random scores, float32 [2, ranks, rows, columns].

    As in real ones the cells share a few classes, so that a part of an image has a clear label.

    Args:
        rng: of all that is random.
        shape: (ranks, rows, columns).
        classes: to choose from. Those of a cell are different ones, and its scores fall.
    """
    ranks, rows, columns = shape
    shared = rng.permutation(classes)[: 2 * ranks]
    order = rng.random((rows, columns, len(shared))).argsort(axis=2)
    numbers = shared[order[:, :, :ranks]]
    scores = -np.sort(-rng.normal(6, 3, (rows, columns, ranks)), axis=2)
    return np.stack([scores, numbers]).transpose(0, 3, 1, 2).astype(np.float32).copy()


def label_map_files(
    keys: Iterable[str],
    seed: int = 0,
    *,
    container: Container = "legacy",
    shape: tuple[int, int, int] = (5, 15, 15),
    classes: int = 1000,
) -> dict[str, bytes]:
    """A ``.pt`` file for each key, by the path that it has below the archive's root.

    Args:
        keys: of the items, "n01440764/n01440764_10026.JPEG"; folders stay, the extension goes.
        seed: of the numbers.
        container: of torch's two.
        shape: (ranks, rows, columns).
        classes: to choose from.
    """
    write = legacy_torch_file if container == "legacy" else zip_torch_file
    rng = np.random.default_rng(seed)
    return {
        f"{os.path.splitext(key)[0]}.pt": write(label_map(rng, shape, classes))  # noqa: PTH122
        for key in keys
    }


def write_label_maps(
    path: str | os.PathLike[str],
    files: Mapping[str, bytes],
    *,
    form: Literal["tar", "folder"] = "tar",
    root: str = ROOT,
) -> Path:
    """Writes an archive of label maps.

    Args:
        path: file, or folder, to write.
        files: from :func:`label_map_files`, or anything else by its path.
        form: how they are packed.
        root: folder within the archive that they are put into; "" is none.

    Returns:
        ``path``.
    """
    path = Path(path)
    members = {f"{root}/{name}" if root else name: content for name, content in files.items()}
    if form == "tar":
        path.write_bytes(tar(members))
        return path
    return extract(members, path)
