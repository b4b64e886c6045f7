"""Question: how much memory does a process hold at most that makes batches, and nothing else?

    python benchmarks/peak_memory.py WAY train.tar

prints the peak [bytes] of this process: of fastinet, or of simplejpeg with OpenCV, the leanest of
the codecs that we know. Each makes two epochs of the same batches and holds four of them, as many
as fastinet's loader has slots. Imports count, so that this file has none but those of its way.
"""

from __future__ import annotations

import os
import resource
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH = 64
SIZE = 224  # side of a row [pixels]
EPOCHS = 2
BATCHES_HELD = 4


def peak_bytes(what: str = "VmHWM") -> int:
    """Memory that this process held at most, or holds ("VmRSS").

    Linux's ru_maxrss would count the parent's too; macOS, where it is in bytes, has nothing else.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith(what)]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _fastinet(archive: str, **options: str) -> None:
    import fastinet  # noqa: PLC0415 - see above

    loader = fastinet.Loader(
        fastinet.open(archive),
        BATCH,
        fastinet.RandomResizedCrop(SIZE),
        shuffle=True,
        threads=1,
        prefetch=BATCHES_HELD - 2,
        **options,  # type: ignore[arg-type]
    )
    for number in range(EPOCHS):
        for _batch in loader.epoch(number):
            pass


def _fastinet_float32(archive: str) -> None:
    _fastinet(archive, dtype="float32", mean="imagenet", std="imagenet")


def _simplejpeg(archive: str) -> None:
    """Full decode and linear resize, into four batches by turns, nothing allocated for an image."""
    import cv2  # noqa: PLC0415 - see above
    import simplejpeg  # noqa: PLC0415

    cv2.setNumThreads(1)
    members = list(_members(archive))
    file = os.open(archive, os.O_RDONLY)
    heads = (simplejpeg.decode_jpeg_header(os.pread(file, *each)) for each in members)
    buffer = np.zeros(3 * max(height * width for height, width, *_ in heads), np.uint8)
    data = memoryview(bytearray(max(size for size, _ in members)))
    ring = [np.zeros((BATCH, SIZE, SIZE, 3), np.uint8) for _ in range(BATCHES_HELD)]
    for _ in range(EPOCHS):
        for number, (size, offset) in enumerate(members):
            os.preadv(file, [data[:size]], offset)
            image = simplejpeg.decode_jpeg(data[:size], "RGB", buffer=buffer)
            batch, row = divmod(number, BATCH)
            cv2.resize(image, (SIZE, SIZE), dst=ring[batch % BATCHES_HELD][row])


def _members(archive: str) -> Iterator[tuple[int, int]]:
    """Size and offset of every image in a tar of class tars."""
    with tarfile.open(archive) as tar:
        for member in tar:
            with tarfile.open(fileobj=tar.extractfile(member)) as inner:
                for image in inner:
                    yield image.size, member.offset_data + image.offset_data


WAYS: dict[str, Callable[[str], None]] = {
    "fastinet": _fastinet,
    "fastinet-float32": _fastinet_float32,
    "simplejpeg": _simplejpeg,
}


if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2])
    print(peak_bytes())
