"""Files of bounding-box annotations: PASCAL VOC's XML, and the archives that it is published in.

The archives are ``.tar.gz`` (bbox_train_v2, the dogs' training boxes), ``.tgz`` (bbox_val_v3), ZIP
(the dogs' test boxes), the same unpacked and packed again as plain tar, and folders. Which it is
shows from the content: names in circulation say ``.tar`` where the file is gzip.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet._native import _scan
from fastinet.archives.explaining import explained_scan
from fastinet.base.memory import raise_for_memory
from fastinet.base.paths import is_folder
from fastinet.errors import (
    CorruptError,
    FastinetError,
    MissingError,
    ReadError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree import ElementTree as ET

    from fastinet.base.progress import Progress

__all__ = [
    "Annotation",
    "BadAnnotationError",
    "annotation_files",
    "classification_folder",
    "parse_annotation",
]

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK"
_MOST_FILE_BYTES = 1 << 20  # an annotation has some 700 bytes, one of many objects some 20 KB
_MOST_UNPACKED_BYTES = 8 << 30  # bbox_train_v2 unpacks to less than 1 GB
_MOST_SIDE = 1 << 24  # of an image: float32 still counts every pixel
_PIECE = 1 << 20

# Kaggle's tree and ILSVRC2017_CLS-LOC keep the annotations of other tasks beside these.
_CLASSIFICATION = Path("Annotations", "CLS-LOC")


class BadAnnotationError(Exception):
    """One file is no annotation that can be used; the text says why."""


class Annotation(NamedTuple):
    """What one XML file says."""

    width: int
    """Of the annotated image [pixels], which may differ from the image in the archive."""
    height: int
    folder: str
    objects: list[tuple[str, float, float, float, float]]
    """Name, xmin, ymin, xmax, ymax [pixels of the annotated image], as they stand."""
    bad_objects: int
    """Objects without a box of four numbers."""


def annotation_files(path: Path, progress: Progress | None = None) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the XML files at ``path``: tar, compressed tar, ZIP or folder.

    Args:
        path: of the archive or folder. A folder that has ``Annotations/CLS-LOC`` in it, or below
            ``ILSVRC``, stands for that.
        progress: called now and then with (files done, files in all). It may raise to stop.

    Raises:
        MissingError: there is nothing.
        CorruptError: it is truncated or damaged, or none of these.
        TooLargeError: it unpacks to far more than annotations do.
        ReadError: it cannot be read, or there is no room to unpack it.
    """
    try:
        if is_folder(path):
            yield from _of_folder(path, progress)
            return
        with path.open("rb") as file:
            magic = file.read(2)
        if magic == _ZIP_MAGIC:
            yield from _of_zip(path, progress)
        elif magic == _GZIP_MAGIC:
            yield from _of_compressed_tar(path, progress)
        else:
            yield from _of_tar(path, path, progress)
    except FileNotFoundError as error:
        if isinstance(error, FastinetError):
            raise
        raise MissingError("no such file or folder", archive=str(path)) from error
    except OSError as error:
        if isinstance(error, FastinetError):
            raise
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error


def _is_annotation(name: str) -> bool:
    """Whether a file of this name is an annotation; macOS puts ``._`` files beside others."""
    base = name.rpartition("/")[2]
    return base.lower().endswith(".xml") and not base.startswith("._")


def classification_folder(path: Path) -> Path:
    """``Annotations/CLS-LOC`` in ``path`` or in its folder ``ILSVRC``; without either, ``path``."""
    for folder in (path / _CLASSIFICATION, path / "ILSVRC" / _CLASSIFICATION):
        if is_folder(folder):
            return folder
    return path


def _names_in_folder(path: Path) -> list[str]:
    """Names of the XML files below a folder, relative to it, sorted."""
    return sorted(
        Path(folder, name).relative_to(path).as_posix()
        for folder, _, names in os.walk(path, followlinks=True)
        for name in names
        if _is_annotation(name)
    )


def _of_folder(path: Path, progress: Progress | None) -> Iterator[tuple[str, bytes]]:
    folder = classification_folder(path)
    names = _names_in_folder(folder)
    for number, name in enumerate(names):
        file = folder / name
        _tell_progress(progress, number, len(names))
        if file.stat().st_size > _MOST_FILE_BYTES:
            yield name, b""
        else:
            yield name, file.read_bytes()
    _tell_progress(progress, len(names), len(names))


def _of_zip(path: Path, progress: Progress | None) -> Iterator[tuple[str, bytes]]:
    with contextlib.ExitStack() as opened:
        with _zip_errors(path):
            archive = opened.enter_context(zipfile.ZipFile(path))
        members = [info for info in archive.infolist() if _is_annotation(info.filename)]
        for number, info in enumerate(members):
            _tell_progress(progress, number, len(members))
            content = b""
            if info.file_size <= _MOST_FILE_BYTES:
                with _zip_errors(path):
                    content = archive.read(info)
            yield info.filename, content
        _tell_progress(progress, len(members), len(members))


@contextlib.contextmanager
def _zip_errors(path: Path) -> Iterator[None]:
    """What zipfile says of an archive that it cannot read, as a CorruptError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise_for_memory(error)
        raise CorruptError(
            f"the ZIP is truncated, damaged, or of a kind that is not read: {error}",
            archive=str(path),
        ) from None


def _of_compressed_tar(path: Path, progress: Progress | None) -> Iterator[tuple[str, bytes]]:
    """The files of a gzipped tar, by way of a temporary file that other processes do not see.

    The tar's own walk wants to look ahead and back; the whole of bbox_train_v2 is 0.8 GB unpacked,
    too much for memory that training wants.
    """
    with tempfile.TemporaryDirectory(prefix="fastinet-") as folder:
        unpacked = Path(folder, "unpacked.tar")
        with unpacked.open("wb", buffering=0) as file:
            _unpack(path, file)
        yield from _of_tar(unpacked, path, progress)


def _unpack(path: Path, file: IO[bytes]) -> None:
    """Writes what the gzip file at ``path`` has in it; its checksum is verified at its end."""
    try:
        with gzip.open(path) as stream:
            while piece := stream.read(_PIECE):
                _write(piece, file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise_for_memory(error)
        raise CorruptError(
            f"the gzip stream is truncated or damaged: {error}", archive=str(path)
        ) from None


def _write(piece: bytes, file: IO[bytes], path: Path) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise ReadError(
            f"cannot be unpacked to '{file.name}': {error.strerror}; TMPDIR may name another"
            " folder",
            archive=str(path),
        ) from error
    if file.tell() > _MOST_UNPACKED_BYTES:
        raise TooLargeError(
            "unpacks to more than 8 GB, where annotations have less than 1 GB; unpack their part of"
            " it and open that",
            archive=str(path),
        )


def _of_tar(tar: Path, named: Path, progress: Progress | None) -> Iterator[tuple[str, bytes]]:
    """The files of the tar at ``tar``; errors name the archive ``named``."""
    try:
        members = _scan.scan(tar)
    except FastinetError as found:
        error = explained_scan(found, tar) if tar == named else found
        kind = "" if tar == named else " (byte of the unpacked tar)"
        raise type(error)(
            f"{error.cause}{kind}", archive=str(named), member=error.member, offset=error.offset
        ) from None
    starts = np.concatenate([np.zeros(1, np.uint64), members.name_ends]).tolist()
    names = members.names.tobytes()
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(tar.open("rb"))
        extents = zip(members.offsets.tolist(), members.sizes.tolist(), strict=True)
        for number, (offset, size) in enumerate(extents):
            _tell_progress(progress, number, len(members.offsets))
            name = names[starts[number] : starts[number + 1]].decode("utf-8", "surrogateescape")
            if _is_annotation(name):
                file.seek(offset)
                yield name, b"" if size > _MOST_FILE_BYTES else file.read(size)
        _tell_progress(progress, len(members.offsets), len(members.offsets))


def _tell_progress(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None and (done % 1024 == 0 or done == total):
        progress(done, total)


def parse_annotation(data: bytes) -> Annotation:
    """What an annotation file says.

    A document type declaration is refused, and with it every entity that could grow beyond the
    file: expat tells markup from text in encodings that agree with ASCII and in UTF-16, so it is
    there exactly when its bytes are, or when there are zero bytes.

    Raises:
        BadAnnotationError: it is no XML, no annotation, or has no size.
    """
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - many programs never need it

    if b"<!DOCTYPE" in data or b"\0" in data:
        raise BadAnnotationError("has a document type declaration, or is UTF-16, both refused")
    try:
        root = ET.fromstring(data)  # noqa: S314  # no declaration, no entities
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadAnnotationError(f"is no XML: {error}") from None
    size = root.find("size")
    if root.tag != "annotation" or size is None:
        raise BadAnnotationError("is no annotation: it has no size in it")
    objects = []
    bad = 0
    for element in root.iterfind("object"):
        corners = _corners(element)
        if corners is None:
            bad += 1
        else:
            objects.append((element.findtext("name", "").strip(), *corners))
    folder = root.findtext("folder", "").strip()
    return Annotation(_side(size, "width"), _side(size, "height"), folder, objects, bad)


def _side(size: ET.Element, name: str) -> int:
    text = size.findtext(name, "").strip()
    pixels = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= pixels <= _MOST_SIDE:
        raise BadAnnotationError(f"says that the image's {name} is {text!r}")
    return pixels


def _corners(element: ET.Element) -> tuple[float, float, float, float] | None:
    """xmin, ymin, xmax, ymax of an object, or None when they are not four numbers."""
    box = element.find("bndbox")
    if box is None:
        return None
    try:
        xmin, ymin, xmax, ymax = (
            float(box.findtext("xmin", "")),
            float(box.findtext("ymin", "")),
            float(box.findtext("xmax", "")),
            float(box.findtext("ymax", "")),
        )
    except ValueError:
        return None
    corners = xmin, ymin, xmax, ymax
    return corners if all(abs(corner) <= _MOST_SIDE for corner in corners) else None
