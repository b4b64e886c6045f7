"""Writes a train archive like ILSVRC2012_img_train.tar from synthetic photographs."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.testing.photographs import photograph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WRITTEN = 1_339_632_000  # seconds since 1970: 2012-06-14, the day of the official archives
_VERSION = 1  # of the bytes that a seed gives; part of the cached file's name


def write_train_archive(
    path: str | os.PathLike[str],
    images: int = 400,
    classes: int = 40,
    seed: int = 0,
    odd: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Writes a tar of per-wnid tars, each padded to a multiple of 10,240 bytes as GNU tar does it.

    The file appears under its name only when it is complete. The same arguments give the same
    bytes with the same versions of NumPy and Pillow.

    Args:
        path: file to write; what is there is replaced.
        images: photographs in all, shared out evenly.
        classes: how many of the 1,000 wnids, spread evenly over them.
        seed: of all that is random.
        odd: names from fastinet.testing.encodings.ODD_ENCODINGS, for one photograph each.
        progress: called with the number of photographs written so far.

    Returns:
        `path`.

    Raises:
        ValueError: fewer images than classes or odd ones, or more than 1,000 classes.
    """
    wnids = imagenet1k_wnids()
    if not 1 <= classes <= min(images, len(wnids)) or len(odd) > images:
        raise ValueError(
            f"a train archive needs 1 to {len(wnids)} classes and an image for each of them, "
            f"got {images} images, {classes} classes and {len(odd)} odd encodings"
        )
    path = Path(path)
    chosen = [wnids[number * len(wnids) // classes] for number in range(classes)]
    # Odd ones lie as far apart as they can.
    odd_at = {number * images // len(odd): name for number, name in enumerate(odd)}
    edges = [number * images // classes for number in range(classes + 1)]
    with _appearing_when_complete(path) as outer:
        for wnid, first, end in zip(chosen, edges, edges[1:], strict=False):
            contents = io.BytesIO()
            with _tar(contents) as inner:
                numbers = _image_numbers(seed, first, end - first)
                for index, number in zip(range(first, end), numbers, strict=True):
                    data = photograph(index, seed, odd_at.get(index)).data
                    _add(inner, f"{wnid}_{number}.JPEG", data)
                    if progress is not None:
                        progress(index + 1)
            _add(outer, f"{wnid}.tar", contents.getvalue())
    return path


def cached_train_archive(
    images: int = 400,
    classes: int = 40,
    seed: int = 0,
    odd: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Path:
    """The archive of `write_train_archive`, kept in the user's cache folder between calls."""
    name = "-".join([f"train-{images}x{classes}", f"seed{seed}", *odd, f"v{_VERSION}"])
    folder = platformdirs.user_cache_path("fastinet", appauthor=False)
    path = folder / f"{name.replace(':', '')}.tar"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_train_archive(path, images, classes, seed, odd, progress)
    return path


@contextlib.contextmanager
def _appearing_when_complete(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar for writing that takes the name `path` at the end, or leaves nothing behind."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file, _tar(file) as tar:
            yield tar
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _tar(file: io.BytesIO | io.BufferedWriter) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    header.mtime = _WRITTEN
    tar.addfile(header, io.BytesIO(data))


def _image_numbers(seed: int, first: int, count: int) -> list[int]:
    """Numbers in the members' names: rising, neither consecutive nor of one width."""
    steps = np.random.default_rng((seed, first, 1)).integers(1, 60, count)
    return [int(number) for number in np.cumsum(steps)]
