"""Writes WebDataset shards of small images, as webdataset's own ShardWriter lays them out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["shard_members", "write_shards"]

Labels = Literal["cls", "json", "both", "none"]


def shard_members(
    labels: Sequence[int],
    *,
    first: int = 0,
    kind: Labels = "cls",
    keys: str = "sample{number:06d}",
    extension: str = "jpg",
    seed: int = 0,
) -> dict[str, bytes]:
    """Member name -> bytes of one shard: for each sample an image and what tells its label.

    Args:
        labels: a sample each.
        first: number of the first sample.
        kind: where the labels stand: in a ``.cls``, in a ``.json``, in both, or nowhere.
        keys: of the samples, with "{number}" and "{label}".
        extension: of the images.
        seed: of what the images show; the same number gives the same image.
    """
    members = {}
    for number, label in enumerate(labels, start=first):
        key = keys.format(number=number, label=label)
        if kind in ("cls", "both"):
            members[f"{key}.cls"] = str(label).encode()
        members[f"{key}.{extension}"] = small_jpeg(np.random.default_rng((seed, number)))
        if kind in ("json", "both"):
            members[f"{key}.json"] = json.dumps({"label": label, "number": number}).encode()
    return members


def write_shards(
    folder: str | os.PathLike[str],
    shards: int = 3,
    images: int = 30,
    classes: int = 10,
    *,
    name: str = "train-{shard:04d}.tar",
    kind: Labels = "cls",
    seed: int = 0,
) -> str:
    """Writes shards of synthetic images whose labels are drawn at random.

    Args:
        folder: to write to; made where it is missing.
        shards: how many.
        images: in all, shared out evenly.
        classes: labels are 0 to classes - 1; the first image has the last one.
        name: of the shards, with "{shard:04d}"; one that ends in .gz is compressed.
        kind: where the labels stand, see `shard_members`.
        seed: of labels and images.

    Returns:
        The pattern for :func:`fastinet.open`: "<folder>/train-{0000..0002}.tar".
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.random.default_rng((seed, 7)).integers(0, classes, images).tolist()
    labels[0] = classes - 1
    for shard in range(shards):
        start, end = shard * images // shards, (shard + 1) * images // shards
        data = tar(shard_members(labels[start:end], first=start, kind=kind, seed=seed))
        path = folder / name.format(shard=shard)
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    pattern = name.replace("{shard:04d}", f"{{{0:04d}..{shards - 1:04d}}}")
    return str(folder / pattern)
