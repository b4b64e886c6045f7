"""Gzipped tars of noise, and their seek indexes with as many points as can be."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from fastinet._native import _scan
from fastinet.archives.seek_log import obtain_seek_index
from fastinet.sidecars.identity import identify_file
from fastinet.testing.archives import train_tar

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.archives.seek_index import SeekIndex

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
