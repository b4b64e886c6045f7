"""What is done while calls fail: a scenario makes its files once and gives the same each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from support.checkpointed import WNID, kinds_of_image, small_images, write_archive
from support.gzipped import train_bytes

import fastinet
from fastinet.archives import seek_log
from fastinet.testing.archives import extract
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.label_maps import label_map_files, write_label_maps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.injection import Injector

Result = dict[str, Any]
"""What came out, by name. "failed" counts rows that are missing and were told as failures."""

WINDOW = 6

# So that small archives have several chunks and seek points.
_CHUNK_BYTES, _SPACING = 60_000, 32_768
_CHUNK_ITEMS = 3


def _as_expected(_: Result) -> bool:
    return False


class Scenario(NamedTuple):
    """Something to do with archives in a folder."""

    prepare: Callable[[Path], object]
    run: Callable[[Path, Injector], Result]
    is_told: Callable[[Result], bool] = _as_expected
    """Whether another result than the usual one says itself that something could not be read."""


def digest(data: Any) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def items_of(dataset: fastinet.Dataset) -> Result:
    return {"keys": list(dataset.keys), "labels": dataset.labels.tolist()}


def rows_of(loader: Any) -> Result:
    """Each row of an epoch by its key, and how many rows failed."""
    rows: Result = {"failed": 0}
    with_epoch = iter(loader)
    try:
        for batch in with_epoch:
            for row, key in enumerate(batch.keys):
                if row in batch.errors:
                    rows["failed"] += 1
                    assert batch.labels[row] == -1
                    assert not batch.images[row].any()
                else:
                    rows[key] = digest(batch.images[row].tobytes() + bytes(batch.labels[row]))
    finally:
        with_epoch.close()
    return rows


def _train(folder: Path) -> Path:
    return write_archive(folder / "train.tar", small_images(WINDOW))


def _roads(folder: Path) -> Path:
    return write_archive(folder / "train.tar", kinds_of_image())


def _indexed(write: Callable[[Path], Path]) -> Callable[[Path], object]:
    return lambda folder: fastinet.open(write(folder))


def _open(folder: Path, _: Injector) -> Result:
    return items_of(fastinet.open(folder / "train.tar"))


def _extracted(folder: Path) -> None:
    members = {
        f"n0144076{i % 2}/{name}.JPEG": data
        for i, (name, data) in enumerate(small_images(WINDOW).items())
    }
    extract(members, folder / "train")


def _open_folder(folder: Path, _: Injector) -> Result:
    dataset = fastinet.open(folder / "train")
    return items_of(dataset) | rows_of(_loader(dataset, "mask"))


def _loader(dataset: fastinet.Dataset, on_error: Any) -> fastinet.Loader:
    return fastinet.Loader(
        dataset, 4, fastinet.RandomResizedCrop(16), threads=2, on_error=on_error, shuffle=True
    )


def _epoch(on_error: str) -> Callable[[Path, Injector], Result]:
    def run(folder: Path, _: Injector) -> Result:
        dataset = fastinet.open(folder / "train.tar")
        return rows_of(_loader(dataset, on_error))

    return run


def _with_checkpoints(folder: Path) -> None:
    dataset = fastinet.open(_train(folder))
    dataset.build_checkpoints(threads=1)


def _checkpoints(folder: Path, _: Injector) -> Result:
    dataset = fastinet.open(folder / "train.tar")
    made = dataset.build_checkpoints(threads=2, chunk_items=_CHUNK_ITEMS)
    records = made.records[int(made.starts[0]) :]
    return {"covered": made.covered, "records": digest(bytes(records))}


def _gzipped(folder: Path) -> None:
    (folder / "train.tar.gz").write_bytes(gzip.compress(train_bytes(size=8_000), 1, mtime=0))
    # For the scenarios alone: this process does nothing else.
    seek_log.obtain_seek_index.__kwdefaults__.update(chunk_bytes=_CHUNK_BYTES, spacing=_SPACING)


def _open_gzip(folder: Path, _: Injector) -> Result:
    dataset = fastinet.open(folder / "train.tar.gz")
    return items_of(dataset) | {f"bytes {i}": digest(dataset.read(i)) for i in range(len(dataset))}


def _stream(folder: Path, injector: Injector) -> Result:
    with injector.paused():
        outlet, inlet = os.pipe()
        data = (folder / "train.tar").read_bytes()
        assert len(data) < 60_000  # a pipe takes it at once
        os.write(inlet, data)
        os.close(inlet)
        injector.watch(outlet)
    try:
        return rows_of(
            fastinet.StreamLoader(
                fastinet.open_stream(outlet, name="a pipe", classes=[WNID]),
                4,
                fastinet.RandomResizedCrop(16),
                threads=2,
                on_error="mask",
            )
        )
    finally:
        with injector.paused():
            os.close(outlet)


def _file_object(folder: Path, injector: Injector) -> Result:
    """A stream that a thread of Python reads."""
    with injector.paused():
        data = (folder / "train.tar").read_bytes()
    return rows_of(
        fastinet.StreamLoader(
            fastinet.open_stream(io.BytesIO(data), name="a file object", classes=[WNID]),
            4,
            fastinet.RandomResizedCrop(16),
            threads=2,
            on_error="mask",
        )
    )


def _then(folder: Path, _: Injector) -> Result:
    """A function of the user's on two threads of Python."""
    dataset = fastinet.open(folder / "train.tar")
    loader = fastinet.Loader(
        dataset, 4, fastinet.CenterCrop(16), threads=1, then=fastinet.Then(_inverted, threads=2)
    )
    return rows_of(loader)


def _inverted(image: Any) -> Any:
    return 255 - image


def _verify(folder: Path, _: Injector) -> Result:
    report = fastinet.verify(folder / "train.tar", decode=True, threads=2).to_dict()
    report.pop("remembered", None)
    return {name: str(value) for name, value in report.items()}


def _is_told(report: Result) -> bool:
    """That no sentence is passed, and why: what is said of an image is none of its faults."""
    reasons = (
        "The disk or the network failed",
        "It says nothing of the image",
        "it was changed while it was verified",
    )
    told = any(reason in report["findings"] for reason in reasons)
    return report["ok"] == "False" and told


def _copied(folder: Path) -> None:
    images = small_images(WINDOW)
    fastinet.open(write_archive(folder / "train.tar", {**images, "copy": images["1"]}))


def _duplicates(folder: Path, _: Injector) -> Result:
    found = fastinet.find_duplicates(fastinet.open(folder / "train.tar"), threads=2)
    return {"groups": [group.tolist() for group in found]}


def _boxes(folder: Path) -> None:
    xml = annotation_xml((60, 40), [("n01440764", 3, 4, 50, 30)])
    write_boxes(folder / "boxes.tar.gz", {f"a/{i}.xml": xml for i in range(4)})


def _read_boxes(folder: Path, _: Injector) -> Result:
    boxes = fastinet.read_boxes(folder / "boxes.tar.gz")
    return {"keys": boxes.keys.tolist(), "pixels": boxes.pixels.tolist()}


def _label_maps(folder: Path) -> None:
    write_label_maps(folder / "maps.tar", label_map_files([f"a/{i}" for i in range(4)]))


def _open_label_maps(folder: Path, _: Injector) -> Result:
    maps = fastinet.open_label_maps(folder / "maps.tar")
    return {"offsets": maps.offsets.tolist()}


_IMAGES = kinds_of_image()


def _decode(_: Path, __: Injector) -> Result:
    """Every road of the decoders, and a batch on two threads."""
    result = {
        kind: digest(fastinet.decode(data, size=(9, 11)).tobytes())
        for kind, data in _IMAGES.items()
    }
    batch = fastinet.decode_batch(list(_IMAGES.values()), size=(8, 8), threads=2)
    return result | {"batch": digest(batch.tobytes())}


SCENARIOS = {
    "open": Scenario(_train, _open),
    "open again": Scenario(_indexed(_train), _open),
    "open a folder": Scenario(_extracted, _open_folder),
    "open a gzip file": Scenario(_gzipped, _open_gzip),
    "epoch": Scenario(_indexed(_roads), _epoch("raise")),
    "epoch that masks": Scenario(_indexed(_train), _epoch("mask")),
    "epoch with checkpoints": Scenario(_with_checkpoints, _epoch("raise")),
    "checkpoints": Scenario(_indexed(_train), _checkpoints),
    "stream": Scenario(_train, _stream),
    "stream of a file object": Scenario(_train, _file_object),
    "epoch with a function": Scenario(_indexed(_train), _then),
    "verify": Scenario(_train, _verify, _is_told),
    "duplicates": Scenario(_copied, _duplicates),
    "boxes": Scenario(_boxes, _read_boxes),
    "label maps": Scenario(_label_maps, _open_label_maps),
    "decode": Scenario(lambda _folder: None, _decode),
}


class Folder:
    """The folder of a scenario, which can be made again what it was before."""

    def __init__(self, path: Path, scenario: Scenario) -> None:
        self.path = path
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        scenario.prepare(path)
        self._folders = {file for file in self._all() if file.is_dir()}
        self._files = {
            file: (file.read_bytes(), file.stat()) for file in self._all() if file.is_file()
        }

    def _all(self) -> list[Path]:
        return sorted(self.path.rglob("*"), reverse=True)

    def restore(self) -> None:
        """Makes it what it was: no files besides those that were prepared, and these unchanged."""
        for file in self._all():
            if file.is_dir():
                if file not in self._folders:
                    file.rmdir()
            elif file not in self._files:
                file.unlink()
        for file, (content, status) in self._files.items():
            now = file.stat() if file.exists() else None
            if now is None or (now.st_size, now.st_mtime_ns) != (
                status.st_size,
                status.st_mtime_ns,
            ):
                file.write_bytes(content)
                os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    def left_over(self) -> list[str]:
        """Temporary files and locks, which nothing may leave."""
        return [file.name for file in self._all() if file.suffix in (".tmp", ".lock")]
