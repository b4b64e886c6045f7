"""Every long pass tells its progress alike, and stops when the callback raises."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet.testing.archives import train_tar
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.label_maps import label_map_files, write_label_maps
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastinet.base.progress import Progress

COUNT = 40
FORMS = ("tar.gz", "zip", "folder")


class Stopped(Exception):  # noqa: N818  # as Ctrl-C is
    """Raised by a callback."""


def images() -> dict[str, bytes]:
    """Photographs, and each of them once more."""
    rng = np.random.default_rng(0)
    different = [small_jpeg(rng) for _ in range(COUNT // 2)]
    return {f"n01440764_{number}.JPEG": different[number // 2] for number in range(COUNT)}


def passes(folder: Path) -> dict[str, tuple[int | None, Callable[[Progress], Any]]]:
    """Each pass, and what it counts up to, where that is no matter of its own."""
    archive = folder / "train.tar"
    content = train_tar({"n01440764": images()})
    archive.write_bytes(content)
    zipped = folder / "zipped.tar.gz"
    zipped.write_bytes(gzip.compress(content, 1, mtime=0))
    dataset = fastinet.open(archive)
    annotation = annotation_xml((500, 375), [("n01440764", 1, 2, 3, 4)])
    files = {f"Annotation/n01440764/n01440764_{n}.xml": annotation for n in range(COUNT)}
    boxes = [write_boxes(folder / f"boxes.{form}", files, form=form) for form in FORMS]
    maps = write_label_maps(folder / "maps.tar", label_map_files(dataset.keys))
    return {
        "scan": (len(content), lambda f: fastinet.open(archive, index=False, progress=f)),
        "index": (len(content), lambda f: fastinet.open(archive, index=folder / "i", progress=f)),
        "gzip": (zipped.stat().st_size, lambda f: fastinet.open(zipped, progress=f)),
        "checkpoints": (COUNT, lambda f: dataset.build_checkpoints(chunk_items=7, progress=f)),
        "duplicates": (None, lambda f: fastinet.find_duplicates(dataset, progress=f)),
        "boxes": (None, lambda f: fastinet.read_boxes(boxes[0], index=False, progress=f)),
        "boxes in a zip": (None, lambda f: fastinet.read_boxes(boxes[1], progress=f)),
        "boxes in a folder": (COUNT, lambda f: fastinet.read_boxes(boxes[2], progress=f)),
        "label maps": (None, lambda f: fastinet.open_label_maps(maps, progress=f)),
    }


NAMES = [
    "scan",
    "index",
    "gzip",
    "checkpoints",
    "duplicates",
    "boxes",
    "boxes in a zip",
    "boxes in a folder",
    "label maps",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_tells_how_far_it_is_up_to_its_end(tmp_path: Path, name: str) -> None:
    whole, run = passes(tmp_path)[name]
    told: list[tuple[int, int]] = []
    run(lambda done, total: told.append((done, total)))
    assert told == sorted(told), "it goes forward"
    assert all(0 <= done <= total for done, total in told)
    done, total = told[-1]
    assert done == total > 0
    assert whole in (None, total)
    assert {type(number) for pair in told for number in pair} == {int}


@pytest.mark.parametrize("name", NAMES)
def test_a_callback_stops_a_pass_by_raising(tmp_path: Path, name: str) -> None:
    _, run = passes(tmp_path)[name]
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append((done, total))
        raise Stopped

    with pytest.raises(Stopped):
        run(stop)
    assert len(calls) == 1, "nothing goes on behind it"
    again: list[int] = []
    run(lambda done, _: again.append(done))  # and does no harm to the next
    assert again


def test_the_names_are_those_of_the_passes(tmp_path: Path) -> None:
    assert list(passes(tmp_path)) == NAMES
