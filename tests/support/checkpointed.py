"""Images for every road, archives of them, and what a loader makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from support.comparing import jpeg, picture, rng_of

import fastinet
from fastinet import Loader
from fastinet.items.checkpoints import Checkpoints
from fastinet.testing import jpegs
from fastinet.testing.archives import train_tar
from fastinet.testing.encodings import Encoding, encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fastinet.loading.stats import LoaderStats

APP1 = 0xE1
WNID = "n01440764"


def kinds_of_image() -> dict[str, bytes]:
    """Images by name, first those that fastinet's own JPEG decoder reads; see `OTHER_ROADS`."""
    rng = rng_of("kinds of image")

    def encoded(width: int, height: int, **options: Any) -> bytes:
        return encode(picture(rng, width, height), Encoding(**options))

    first = encoded(97, 83, quality=90)
    return {
        "4:4:4": first,
        "4:2:2": encoded(131, 70, sampling="4:2:2", quality=80),
        "4:2:0": encoded(120, 117, sampling="4:2:0", quality=75),
        "4:4:0": encoded(66, 129, sampling="4:4:0", quality=85),
        "grey": encoded(80, 90, sampling="grey"),
        "standard tables": encoded(75, 75, optimised=False, quality=50),
        "quality 100": encoded(90, 60, quality=100),
        "quality 10": encoded(90, 60, quality=10, sampling="4:2:0"),
        "metadata": encoded(64, 64, metadata_bytes=3000, comment=b"a comment"),
        "restart rows": encoded(100, 140, restart_rows=2, sampling="4:2:0"),
        "restart blocks": jpeg(picture(rng, 107, 61), restart_marker_blocks=5),
        "one pixel": encoded(1, 1),
        "thin": encoded(3, 150, sampling="4:2:0"),
        "flat": encoded(150, 3),
        "turned": jpegs.with_segment(first, APP1, b"Exif\0\0" + jpegs.exif_block(6)),
        "wide tables": jpegs.with_wide_tables(first),
        "stored as RGB": jpegs.with_adobe_transform(first, 0),
        "4:1:0": jpegs.sampled(picture(rng, 90, 70), [(4, 2), (1, 1), (1, 1)]),
        "chroma first": jpegs.sampled(picture(rng, 70, 60), [(1, 1), (2, 2), (1, 1)]),
        "progressive": encoded(90, 80, progressive=True, sampling="4:2:0"),
        "a scan a component": jpegs.sampled(
            picture(rng, 70, 50), [(2, 2), (1, 1), (1, 1)], interleaved=False
        ),
        "cmyk": encoded(70, 61, sampling="cmyk"),
        "ycck": encoded(61, 70, sampling="ycck"),
        "png": encoded(77, 55, png=True),
    }


OTHER_ROADS = {"progressive", "a scan a component", "cmyk", "ycck", "png"}
"""Kinds that fastinet's own JPEG decoder cannot read, whatever its checkpoints."""


def write_archive(path: Path, images: Mapping[str, bytes]) -> Path:
    """A train archive of one class with these images, in order."""
    members = {f"{WNID}_{number}.JPEG": data for number, data in enumerate(images.values())}
    path.write_bytes(train_tar({WNID: members}))
    return path


def small_images(count: int) -> dict[str, bytes]:
    """`count` different small JPEGs, each of several MCU rows."""
    rng = rng_of("small images", count)
    return {
        str(number): jpeg(picture(rng, 40 + number, 50 - number % 20), subsampling=number % 3)
        for number in range(count)
    }


def without_checkpoints(dataset: fastinet.Dataset) -> fastinet.Dataset:
    """The same dataset as if no checkpoint index were there."""
    plain = dataset.select(np.arange(len(dataset)))
    plain._checkpoints = Checkpoints.none(len(dataset))
    return plain


class Rows(NamedTuple):
    """What one epoch made."""

    images: Any
    boxes: Any
    flips: Any
    failures: dict[int, str]
    """Item to the name of its error's class."""
    stats: LoaderStats


def rows_of(dataset: fastinet.Dataset, transform: Any = None, **options: Any) -> Rows:
    """One epoch in the dataset's order; failed items are masked."""
    transform = transform or fastinet.RandomResizedCrop(24)
    loader = Loader(dataset, max(len(dataset), 1), transform, on_error="mask", **options)
    (batch,) = loader
    failures = {
        int(batch.indices[row]): type(error).__name__ for row, error in batch.errors.items()
    }
    return Rows(batch.images, batch.boxes, batch.flips, failures, loader.stats())


def assert_same_rows(ours: Rows, theirs: Rows) -> None:
    """Pixels, boxes, flips and failures."""
    assert ours.failures == theirs.failures
    np.testing.assert_array_equal(ours.boxes, theirs.boxes)
    np.testing.assert_array_equal(ours.flips, theirs.flips)
    different = [
        item
        for item, pair in enumerate(zip(ours.images, theirs.images, strict=True))
        if not np.array_equal(*pair)
    ]
    assert different == []
