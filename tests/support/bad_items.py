"""An archive with items that give no row, each for a reason of its own."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import fastinet
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from pathlib import Path

MAX_PIXELS = 20_000
"""That a loader must have for the item that is too large to be so."""

BAD = {3: "cut", 4: "empty", 9: "no image", 13: "damaged", 14: "too large", 29: "unreadable"}
"""Item and what is wrong with it; the last one can no longer be read, since the file was cut."""

DAMAGED = 13
"""The item whose fault lies in the middle: a crop from above it is sound."""

ITEMS = 30


def write_bad_archive(path: Path) -> fastinet.Dataset:
    """30 items of 5 classes, 6 of them bad; opened, and cut since.

    "whole.tar" beside `path` is as it was before it was cut.
    """
    rng = np.random.default_rng(1)
    images = [small_jpeg(rng) for _ in range(ITEMS)]
    images[3] = images[3][: len(images[3]) // 2]
    images[4] = b""
    images[9] = b"\xff\xd8" + b"not a JPEG any more" * 30
    # A second frame header where the image data should go on.
    middle = len(images[13]) * 3 // 4
    images[13] = images[13][:middle] + b"\xff\xc0\x00\x04" + images[13][middle + 4 :]
    large = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (160, 150, 3), np.uint8)).save(large, "JPEG")
    images[14] = large.getvalue()
    wnids = ["n01440764", "n01443537", "n01484850", "n01491361", "n01494475"]
    members = {
        wnid: {f"{wnid}_{i:02}.JPEG": images[i] for i in range(6 * j, 6 * j + 6)}
        for j, wnid in enumerate(wnids)
    }
    path.write_bytes(train_tar(members))
    path.with_name("whole.tar").write_bytes(path.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastinet.errors.FastinetWarning)
        dataset = fastinet.open(path, index=False)
    with path.open("r+b") as file:
        file.truncate(int(dataset.columns.offsets[ITEMS - 1]) + 10)
    return dataset
