"""Files of an extracted folder, or shards, that others change while an epoch reads them."""

from __future__ import annotations

import os
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = fastinet.Resize((16, 16))
COUNT = 40  # items; far more than are under way


def _grow(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(bytes(700))


def _as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _as_link_to_another(file: Path) -> None:
    others = sorted(other for other in file.parent.iterdir() if other.suffix == file.suffix)
    file.unlink()
    file.symlink_to(others[0] if others[0] != file else others[1])


def _replace(file: Path) -> None:
    others = sorted(other for other in file.parent.iterdir() if other.suffix == file.suffix)
    other = others[0] if others[0] != file else others[1]
    copy = file.with_name("copy")
    shutil.copyfile(other, copy)
    copy.replace(file)


CHANGES: dict[str, Callable[[Path], object]] = {
    "is cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "is emptied": lambda file: os.truncate(file, 0),
    "grows": _grow,
    "is removed": lambda file: file.unlink(),
    "becomes a folder": _as_folder,
    "becomes a pipe": _as_pipe,
    "becomes a link to another": _as_link_to_another,
    "is replaced by another": _replace,
}


@pytest.fixture
def images() -> dict[str, bytes]:
    """Of sizes that all differ."""
    rng = np.random.default_rng(0)
    return {f"n01440764_{number}.JPEG": small_jpeg(rng) + bytes(number) for number in range(COUNT)}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("change", CHANGES)
def test_a_folders_files(
    tmp_path: Path, images: dict[str, bytes], change: str, threads: int
) -> None:
    folder = tmp_path / "n01440764"
    folder.mkdir()
    for name, content in images.items():
        (folder / name).write_bytes(content)
    dataset = fastinet.open(folder)
    files = sorted(folder.glob("*.JPEG"))
    _check(dataset, files[1::3], change, threads, is_lost=True)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("change", CHANGES)
def test_shards(tmp_path: Path, images: dict[str, bytes], change: str, threads: int) -> None:
    shards = [tmp_path / f"shard-{number}.tar" for number in range(4)]
    names = sorted(images)
    for number, shard in enumerate(shards):
        shard.write_bytes(tar({f"n01440764/{name}": images[name] for name in names[number::4]}))
    # A shard stays open, so that it is there for as long as it is not written to.
    is_lost = change in {"is cut", "is emptied"}
    _check(fastinet.open(shards), shards[1:3], change, threads, is_lost=is_lost)


def _check(
    dataset: fastinet.Dataset, files: list[Path], change: str, threads: int, *, is_lost: bool
) -> None:
    """Each row of an epoch that has begun is the item's, or is masked, and the loader ends."""
    rows = {
        int(item): image
        for batch in fastinet.Loader(dataset, 8, SMALL)
        for item, image in zip(batch.indices, batch.images, strict=True)
    }
    options: dict[str, Any] = {"shuffle": True, "threads": threads, "prefetch": 1}
    loader = fastinet.Loader(dataset, 4, SMALL, on_error="mask", **options)
    epoch = iter(loader)
    batches = [next(epoch)]
    for file in files:
        CHANGES[change](file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of failed items
        batches += epoch
    assert sum(len(batch) for batch in batches) == COUNT
    shown = 0
    for batch in batches:
        for item, image, valid in zip(batch.indices, batch.images, batch.valid, strict=True):
            if valid:
                np.testing.assert_array_equal(image, rows[int(item)])
                shown += 1
    assert shown + len(loader.failures) == COUNT
    assert shown >= len(batches[0])
    assert bool(loader.failures) == is_lost
