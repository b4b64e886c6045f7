"""Gzipped tars of noise or images, and their seek indexes with as many points as can be."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
from support.checkpointed import small_images

import fastinet
from fastinet._native import _scan
from fastinet.archives.seek_index import SeekIndex
from fastinet.archives.seek_log import obtain_seek_index
from fastinet.sidecars.identity import identify_file
from fastinet.testing.archives import train_tar

SPACING = _scan.MIN_SEEK_SPACING


def obtain(path: Path, **options: Any) -> SeekIndex:
    return obtain_seek_index(path, identify_file(path), **{"spacing": SPACING, **options})


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def log_of(path: Path) -> Path:
    return path.with_name(path.name + ".fastinet.seek")


def noise(size: int, seed: int, repeated: float = 0.05) -> bytes:
    """Bytes that hardly compress, with copies of what came before in them."""
    rng = random.Random(seed)
    data = bytearray()
    while len(data) < size:
        if len(data) > 100 and rng.random() < repeated:
            start = len(data) - rng.randint(1, min(len(data), 40_000))
            data += data[start : start + rng.randint(3, 60)]
        else:
            data += rng.randbytes(rng.randint(1, 60))
    return bytes(data[:size])


def train_bytes(seed: int = 0, size: int = 20_000) -> bytes:
    """A tar of two class tars with some 250 kB of noise in them."""
    classes = {
        f"n0000000{c}": {
            f"n0000000{c}_{i}.JPEG": noise(size + i, seed + 10 * c + i) for i in range(6)
        }
        for c in (1, 2)
    }
    return train_tar(classes, record_bytes=10240)


def assert_is_plain(index: SeekIndex, path: Path, plain: Path) -> None:
    """The index gives the members and the bytes of the plain tar."""
    members, expected = index.members(), _scan.scan(plain)
    for name, wanted in expected._asdict().items():
        found = getattr(members, name)
        if isinstance(wanted, np.ndarray):
            np.testing.assert_array_equal(found, wanted)
        else:
            assert found == wanted, name
    data = plain.read_bytes()
    assert index.size_bytes == len(data)
    assert index.md5 == hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324
    for cache_bytes in (0, 1 << 24):
        source = index.open(path, cache_bytes)
        assert source.size_bytes == len(data)
        rng = random.Random(1)
        for _ in range(60):
            start = rng.randrange(len(data))
            size = min(rng.choice([1, 700, 30_000]), len(data) - start)
            assert source.read(start, size) == data[start : start + size]
        assert source.read(0, len(data)) == data


def one_image() -> bytes:
    return next(iter(small_images(1).values()))


def epoch(dataset: fastinet.Dataset, **options: Any) -> list[fastinet.Batch]:
    loader = fastinet.Loader(
        dataset,
        batch_size=8,
        transform=fastinet.RandomResizedCrop(32),
        shuffle=True,
        seed=1,
        **options,
    )
    return list(loader)
