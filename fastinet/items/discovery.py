"""What lies at a path, or at several: the archives."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.gzip_archive import GzipArchive, is_gzip
from fastinet.archives.leftovers import are_leftovers
from fastinet.archives.shards import shard_paths, sidecar_base, title, why_missing
from fastinet.base.paths import exists, is_folder
from fastinet.datasets.entries import LEFTOVERS, PassedOver
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.path_splits import image_numbers
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number
from fastinet.errors import MissingError, ReadError, UnsupportedError
from fastinet.sidecars.places import Sidecars, is_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.archives.archive import Archive

__all__ = [
    "Found",
    "archives_at",
    "file_archive",
    "find_archives",
    "keep_sidecars",
    "patch_at",
]

# Of one dataset. A process may have 256 (macOS) or 1024 (Linux) as a rule, and others need some;
# ImageNet-21K as class tars is 19,167 files.
_MOST_OPEN_FILES = 64

# Of inflated data of one dataset: 32 gzip files may keep what each keeps by itself.
_CACHE_BYTES = 1 << 30
_MOST_FULL_CACHES = 32

# RFC 3986, section 3.1; and WebDataset's "pipe:curl ...".
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|pipe:", re.IGNORECASE)


class Found(NamedTuple):
    """What was found where the user looked."""

    path: Path
    """What was opened, as messages name it; absolute."""
    sidecars: Sidecars
    """Of all archives together, in the usual places."""
    archives: list[Archive]
    notes: list[str]
    """What the user should hear about."""


def find_archives(path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Found:
    """The archives at a path, or those that a pattern or a list of them stands for.

    Raises:
        ValueError: a pattern that is none, an empty list, or an archive that it names twice.
        MissingError, ReadError, UnsupportedError: as :func:`fastinet.open`.
    """
    if isinstance(path, str) and _URL.match(path) and not exists(Path(path)):
        raise UnsupportedError(
            "a URL, and fastinet opens what is on this machine; what curl sends can be streamed: "
            'curl -L URL | python train.py, with fastinet.open("-") in it',
            archive=path,
        )
    paths = shard_paths(path)
    if len(paths) == 1:
        return Found(paths[0], Sidecars(paths[0]), *archives_at(paths[0]))
    shown = title(path, paths)
    archives: list[FileArchive | GzipArchive] = []
    missing: list[Path] = []
    for shard in paths:
        try:
            found, _ = archives_at(shard)
        except MissingError:
            missing.append(shard)
            continue
        if not isinstance(found[0], FileArchive | GzipArchive) or len(found) > 1:
            raise UnsupportedError(
                f"a folder among {len(paths)} archives: open it by itself; fastinet.concatenate"
                " joins datasets",
                archive=str(shard),
            )
        archives.append(found[0])
    if missing:
        names = [each.name for each in missing[:3]]
        some = ", ".join([*names, *(["..."] if len(missing) > 3 else [])])
        # Of a few that are missing the others are no news.
        advice = why_missing(missing[0]) if len(missing) == len(paths) else ""
        raise MissingError(
            f"{len(missing)} of {len(paths)} shards are missing: {some}{advice}",
            archive=str(shown),
        )
    targets = [Path(os.path.realpath(shard)) for shard in paths]
    sidecars = Sidecars(sidecar_base(paths), target=sidecar_base(targets))
    return Found(shown, sidecars, _sharing(archives), [])


def archives_at(path: Path) -> tuple[list[Archive], list[str]]:
    """The archives that ``path`` stands for, and what the user should hear about the others.

    Raises:
        MissingError, ReadError, UnsupportedError: as :func:`fastinet.open`.
    """
    try:
        mode = path.stat().st_mode
        found = list(path.iterdir()) if stat.S_ISDIR(mode) else []
    except (FileNotFoundError, NotADirectoryError) as error:
        cause = f"no such file or folder{why_missing(path)}"
        raise MissingError(cause, archive=str(path)) from error
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    if stat.S_ISREG(mode):
        return [file_archive(path)], []
    if not stat.S_ISDIR(mode):
        raise UnsupportedError("not a regular file", archive=str(path))
    class_tars = sorted(entry for entry in found if _is_class_tar(entry))
    if not class_tars:
        if wnid_number(path.name) >= 0:
            return [FolderArchive(path.parent, path.name)], []
        return [FolderArchive(path)], []
    others = sorted(e for e in found if not _is_class_tar(e) and not is_sidecar(e.name))
    _refuse_images_beside(path, class_tars, others)
    names = [entry.name + "/" * is_folder(entry) for entry in others]
    left = are_leftovers(names)
    notes = []
    for are_left, what in (
        (False, "files passed over that are not class tars"),
        (True, LEFTOVERS),
    ):
        some = [name for name, is_left in zip(names, left, strict=True) if is_left == are_left]
        if some:
            notes.append(PassedOver(len(some), some[:3], what).sentence())
    return _sharing(list(map(file_archive, class_tars))), notes


def _refuse_images_beside(path: Path, class_tars: Sequence[Path], others: Sequence[Path]) -> None:
    """Raises UnsupportedError if more images whose class is told lie beside class tars, or below.

    A tar of the folder has all of them, and without some labels would be other ones.
    """
    if not others:
        return
    beside = FolderArchive(path)
    files = sorted(beside.file_names())
    labelled = {_sample(name) for name in files if name.lower().endswith((".cls", ".json"))}
    members = ScannedMembers([ScannedArchive(path.name, beside.scan())])
    images = members.names.take(np.flatnonzero(members.images()))
    told = (wnids_told(images) >= 0) | (image_numbers(images)[1] >= 0)
    found = sorted(
        images[row]
        for row, is_told in enumerate(told.tolist())
        if is_told or _sample(images[row]) in labelled
    )
    found += [name for name in files if "/" in name and _is_class_tar(Path(name))]
    if found:
        raise UnsupportedError(
            f"{len(found)} more images, or class tars, lie beside {len(class_tars)} class tars:"
            " extract these, each to a folder of its class, as"
            f" `tar -xf {class_tars[0].name} -C {class_tars[0].stem}` does, and move them away; or"
            " move the others; this is the first of the others",
            archive=str(path),
            member=found[0],
        )


def _sample(name: str) -> str:
    """What files have in common that belong to one image, as WebDataset has it."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.partition('.')[0]}"


def keep_sidecars(archives: Sequence[Archive], index: bool | str) -> list[Archive]:
    """The archives of one dataset, with their own sidecars where its ``index=`` says.

    Their names tell them apart in one folder, and a number where several have one name.
    """
    kept: list[Archive] = []
    names = [archive.name for archive in archives]
    for number, archive in enumerate(archives):
        if isinstance(archive, GzipArchive):
            path = archive.path
            if isinstance(index, str) and names.count(archive.name) > 1:
                path = path.with_name(f"{number}-{path.name}")
            part = f".{path.name}" if len(archives) > 1 else ""
            archive = replace(archive, sidecars=Sidecars(path, index, part=part))  # noqa: PLW2901
        kept.append(archive)
    return kept


def with_end_marker(archives: Sequence[Archive], *, required: bool) -> list[Archive]:
    """The archives, of which tars must end with their marker or need not."""
    return [
        archive
        if isinstance(archive, FolderArchive)
        else replace(archive, end_marker_required=required)
        for archive in archives
    ]


def _sharing(archives: Sequence[FileArchive | GzipArchive]) -> list[Archive]:
    """The archives of one dataset, which share what a process may have of files and memory."""
    briefly = len(archives) > _MOST_OPEN_FILES
    cache_bytes = _CACHE_BYTES // len(archives) if len(archives) > _MOST_FULL_CACHES else None
    told: set[str] = set()
    return [
        replace(archive, briefly=briefly, cache_bytes=cache_bytes, told=told)
        if isinstance(archive, GzipArchive)
        else replace(archive, briefly=briefly)
        for archive in archives
    ]


def patch_at(path: Path) -> FileArchive | GzipArchive:
    """The archive at `path`, as a patch of another one.

    Raises:
        UnsupportedError: it is a folder.
        MissingError, ReadError: it is not there, or cannot be read.
    """
    if is_folder(path):
        raise UnsupportedError(
            "a patch is an archive; in an extracted folder, put its images in place of the others",
            archive=str(path),
        )
    if not exists(path):
        raise MissingError("no such file", archive=str(path))
    return file_archive(path)


def file_archive(path: Path) -> FileArchive | GzipArchive:
    """The file at `path` as the archive that it is by its content."""
    # By content: the archives of ImageNet-V2 are called .tar.gz and are plain tars.
    kind = GzipArchive if is_gzip(path) else FileArchive
    return kind(path, path.stem if _is_class_tar(path) else "")


def _is_class_tar(path: Path) -> bool:
    return path.suffix == ".tar" and wnid_number(path.stem) >= 0
