"""What lies at a path, or at several: the archives, scanned, and the family they are of."""

from __future__ import annotations

import functools
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet import datasets
from fastinet._native import _paths
from fastinet.archives.file_archive import FileArchive, OneFile
from fastinet.archives.files import Files
from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.gzip_archive import GzipArchive, is_gzip
from fastinet.archives.leftovers import are_leftovers
from fastinet.archives.shards import shard_paths, sidecar_base, title, why_missing
from fastinet.datasets import webdataset
from fastinet.datasets.entries import LEFTOVERS, PassedOver
from fastinet.datasets.patch import apply_patch
from fastinet.datasets.published import published_candidates
from fastinet.datasets.scanned import (
    ScannedArchive,
    ScannedMembers,
    names_around,
    wnid_number,
)
from fastinet.errors import (
    CorruptError,
    FastinetError,
    MissingError,
    ReadError,
    UnsupportedError,
)
from fastinet.items.index import classes_in_index
from fastinet.sidecars.places import Sidecars, is_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet._native._engine import Source
    from fastinet._native._scan import Members
    from fastinet.archives.archive import Archive
    from fastinet.base.progress import Progress
    from fastinet.datasets.companions import LabelFunction
    from fastinet.datasets.listing import Listing

__all__ = [
    "Found",
    "archives_at",
    "as_scanned",
    "find_archives",
    "keep_sidecars",
    "patch_at",
    "recognised",
    "scan_archives",
    "siblings_note",
]

# Of one dataset. A process may have 256 (macOS) or 1024 (Linux) as a rule, and others need some;
# ImageNet-21K as class tars is 19,167 files.
_MOST_OPEN_FILES = 64

# Of inflated data of one dataset: 32 gzip files may keep what each keeps by itself.
_CACHE_BYTES = 1 << 30
_MOST_FULL_CACHES = 32

# What the ImageNet family has beside images: how a file of it is called, and what reads it.
_WITHOUT_IMAGES = (
    (".mat", "a development kit: give it to fastinet.open as the labels= or devkit= of an archive"),
    (".xml", "bounding boxes: fastinet.read_boxes reads them"),
    (".pt", "label maps: fastinet.open_label_maps reads them"),
)

# Names of folders that have no labels in common with splits beside them.
_WITHOUT_SIBLINGS = ("", "small_classes")

_TAR = re.compile(r"\.(?:tar|tgz|tar\.gz)$", re.IGNORECASE)
_WORD = re.compile(r"[^-_. ]+")

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
    if isinstance(path, str) and _URL.match(path) and not Path(path).exists():
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
        return [_file_archive(path)], []
    if not stat.S_ISDIR(mode):
        raise UnsupportedError("not a regular file", archive=str(path))
    class_tars = sorted(entry for entry in found if _is_class_tar(entry))
    if not class_tars:
        if wnid_number(path.name) >= 0:
            return [FolderArchive(path.parent, path.name)], []
        return [FolderArchive(path)], []
    others = sorted(e for e in found if not _is_class_tar(e) and not is_sidecar(e.name))
    names = [entry.name + "/" * entry.is_dir() for entry in others]
    left = are_leftovers(names)
    notes = []
    for are_left, what in (
        (False, "files passed over that are not class tars"),
        (True, LEFTOVERS),
    ):
        some = [name for name, is_left in zip(names, left, strict=True) if is_left == are_left]
        if some:
            notes.append(PassedOver(len(some), some[:3], what).sentence())
    return _sharing(list(map(_file_archive, class_tars))), notes


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
    if path.is_dir():
        raise UnsupportedError(
            "a patch is an archive; in an extracted folder, put its images in place of the others",
            archive=str(path),
        )
    if not path.exists():
        raise MissingError("no such file", archive=str(path))
    return _file_archive(path)


def _file_archive(path: Path) -> FileArchive | GzipArchive:
    # By content: the archives of ImageNet-V2 are called .tar.gz and are plain tars.
    kind = GzipArchive if is_gzip(path) else FileArchive
    return kind(path, path.stem if _is_class_tar(path) else "")


def _is_class_tar(path: Path) -> bool:
    return path.suffix == ".tar" and wnid_number(path.stem) >= 0


def scan_archives(
    path: Path,
    archives: Sequence[Archive],
    progress: Progress | None,
    *,
    patched: bool = False,
    label_function: LabelFunction | None = None,
) -> Listing:
    """Scans the archives at `path` and has their family recognised.

    Args:
        path: what was opened.
        archives: what there is at `path`, and a patch behind it where `patched`.
        progress: as for :func:`fastinet.open`.
        patched: the last archive overrides what the others have.
        label_function: gives the items their labels; None: the archives do.

    Raises:
        as :func:`fastinet.open`.
    """
    scanned = []
    sizes = [
        archive.path.stat().st_size if isinstance(archive, FileArchive | GzipArchive) else 0
        for archive in archives
    ]
    for i, archive in enumerate(archives):
        of_one = progress
        if progress is not None and len(archives) > 1:
            of_one = functools.partial(_tell_progress, progress, sum(sizes[:i]), sum(sizes))
        try:
            found = archive.scan(of_one)
        except CorruptError as error:
            if error.cause.startswith("not a tar"):  # `fastinet verify` knows no more of it
                raise
            raise error.advising("`fastinet verify` says more") from None
        scanned.append(as_scanned(archive, found))
    own = scanned[:-1] if patched else scanned
    listing = recognised(path, own, label_function)
    if patched:
        listing = apply_patch(listing, scanned[-1], len(own))
    odd_names = _backslashes(path, scanned)
    found_notes = [
        *([odd_names] if odd_names else []),
        *_digest_notes(archives),
        *_earlier_index_notes(archives, scanned),
    ]
    return replace(listing, notes=(*listing.notes, *found_notes))


def as_scanned(archive: Archive, members: Members) -> ScannedArchive:
    """An archive and what a scan found in it, which opens where companions are to be read."""
    return ScannedArchive(
        archive.name, members, functools.partial(_opened_for_scan, archive, members)
    )


def recognised(
    path: Path, own: Sequence[ScannedArchive], label_function: LabelFunction | None = None
) -> Listing:
    """The listing of what was scanned at `path`, by the first family that takes it for its own.

    Raises:
        CorruptError, MissingError, UnsupportedError: there are no images, their classes are not
            known, or what tells them contradicts itself.
        ReadError: companions cannot be read.
    """
    try:
        listing = datasets.recognise(own, label_function, _name_around(path))
    except FastinetError as error:
        raise error.in_archive(str(path)) from None
    if listing is not None:
        return listing
    members = ScannedMembers(own)
    if members.images().any():
        if odd_names := _backslashes(path, own):
            raise UnsupportedError(
                f"its images carry no wnid, in folders or file names; {odd_names}",
                archive=str(path),
            )
        has_companions = members.names.ends_with(".cls") | members.names.ends_with(".json")
        naming = (
            "; there are .cls or .json in it, but none with a label has the name of an image up to"
            " its first dot, nor has each image one up to its last dot"
            if has_companions.any()
            else ""
        )
        raise UnsupportedError(
            "its images carry no wnid, in folders or file names, and have no .cls or .json with a"
            " label beside them, so their classes are not known; labels= takes a function of key"
            " and companions that gives the label, as lambda key, companions:"
            f" [...].index(key.split('/')[-2]) does of class folders by name{naming}",
            archive=str(path),
        )
    raise _without_images(path, members)


def _name_around(path: Path) -> str:
    """The name that counts as a folder around all that was opened; "": a pattern's does not."""
    if not path.exists():
        return ""
    # A class folder, or tar, is a part of the folder that it lies in.
    bare = path.name.removesuffix(".tar")
    return path.parent.name if wnid_number(bare) >= 0 else path.name


def siblings_note(path: Path, listing: Listing, *, look_at_indexes: bool) -> list[str]:
    """What to say of a split that was opened by itself, when one beside it has more classes.

    Its labels are then other ones than those that it has as a part of the whole. Of a tar the
    others' classes are known where they have good indexes, which are looked at or not.
    """
    mine = {wnid for _, wnids in listing.splits for wnid in wnids}
    if listing.family == webdataset.FAMILY:  # whose labels are numbers of their own
        return []
    if path.is_dir():
        return _folders_note(path, mine)
    return _tars_note(path, mine) if look_at_indexes and path.is_file() else []


def _folders_note(path: Path, mine: set[str]) -> list[str]:
    """What to say of a split's folder, which has these classes."""
    if _paths.known_split(path.name) in _WITHOUT_SIBLINGS:
        return []
    notes = []
    for sibling in _folders_in(path.parent):
        if sibling == path.name or _paths.known_split(sibling) in _WITHOUT_SIBLINGS:
            continue
        wnids = {
            wnid
            for entry in _folders_in(path.parent / sibling)
            if wnid_number(wnid := entry.removesuffix(".tar")) >= 0
        }
        together = f"fastinet.open('{path.parent}', split='{path.name}')"
        notes += _more_classes_note(sibling, wnids, mine, together)
    return notes


def _tars_note(path: Path, mine: set[str]) -> list[str]:
    """The same of a tar: train.tar is beside val.tar, and x_train.tar beside x_val.tar."""
    own = _without_split(path.name)
    if own is None:
        return []
    notes = []
    for name in _folders_in(path.parent):
        sibling = path.parent / name
        told = _without_split(name)
        # Test images have no labels as a rule, and their table is that of all 1000 classes.
        if told is None or told[0] in (own[0], "test") or told[1] != own[1]:
            continue
        places = [place for place in Sidecars(sibling).places() if place.is_file()]
        if not places:
            continue
        try:
            identity = _file_archive(sibling).identify()
        except FastinetError:
            continue
        wnids = classes_in_index(places[0], [identity])
        together = f"fastinet.open(['{sibling}', '{path}'], split='{own[0]}')"
        notes += _more_classes_note(name, wnids, mine, together)
    return notes


def _without_split(name: str) -> tuple[str, list[str]] | None:
    """The split that a tar is called as, and the other words of its name; None: it is none."""
    if not _TAR.search(name):
        return None
    (around,) = names_around("", [name])
    split = _paths.known_split(around)
    words = [word for word in _WORD.findall(around) if not _paths.known_split(word)]
    return (split, words) if split not in _WITHOUT_SIBLINGS else None


def _more_classes_note(sibling: str, wnids: set[str], mine: set[str], together: str) -> list[str]:
    more = sorted(wnids - mine)
    if not more:
        return []
    shown = ", ".join([*more[:3], *(["..."] if len(more) > 3 else [])])
    note = (
        f"'{sibling}' beside it has {len(more)} classes that it does not have: {shown}; labels"
        f" number the {len(mine)} that it has, and those of all splits by {together}"
    )
    return [note]


def _folders_in(path: Path) -> list[str]:
    """The names of what lies in a folder, sorted; nothing where it cannot be read."""
    try:
        return sorted(entry.name for entry in os.scandir(path))
    except OSError:
        return []


def _backslashes(path: Path, archives: Sequence[ScannedArchive]) -> str:
    """What to say of names with backslashes, which some programs on Windows write; "": no name."""
    count, first = 0, ""
    for archive in archives:
        names, ends = archive.members.names, archive.members.name_ends.astype(np.int64)
        rows = np.unique(np.searchsorted(ends, np.flatnonzero(names == ord("\\")), side="right"))
        if len(rows) and not count:
            start = int(ends[rows[0] - 1]) if rows[0] else 0
            first = names[start : ends[rows[0]]].tobytes().decode("utf-8", "backslashreplace")
        count += len(rows)
    if not count:
        return ""
    advice = (
        "extract them again: of a ZIP unzip makes folders of them, of a tar"
        if path.is_dir()
        else "extract it with GNU tar, and open or pack the folder:"
    )
    return (
        f"{count} names have backslashes, as some programs on Windows write them, where folders"
        f" have slashes; the first is '{first}'; {advice}"
        " `tar --transform='s,\\\\,/,g' -xf TAR`"
    )


def _opened_for_scan(archive: Archive, members: Members) -> Source:
    """`archive` as the reader of its companions needs it: held open, one archive at a time."""
    if isinstance(archive, OneFile):
        archive = replace(archive, briefly=False)
    return archive.open(
        lambda: Files(
            members.names,
            np.concatenate([np.zeros(1, np.uint64), members.name_ends.astype(np.uint64)]),
            members.offsets,
            members.sizes,
        )
    )


def _without_images(path: Path, members: ScannedMembers) -> FastinetError:
    """What to say of archives, or a folder, without an image."""
    for suffix, what in _WITHOUT_IMAGES:
        if members.names.ends_with(suffix).any():
            return UnsupportedError(f"there is no image in it; it holds {what}", archive=str(path))
    lost = [name for entries in members.entries for name in entries.lost]
    some = ", ".join([*lost[:3], *(["..."] if len(lost) > 3 else [])])
    links = "1 link" if len(lost) == 1 else f"{len(lost)} links"
    if path.is_dir():
        below = _archives_below(path, members)
        advice = below or (
            f"; {links} in it lead to files that are not there: {some}" if lost else ""
        )
        return MissingError(f"a folder without images and class tars{advice}", archive=str(path))
    if lost:
        return UnsupportedError(
            f"there is no image in it: it has {links} to what is not in it: {some}; pack the images"
            " in place of the links, with `tar --dereference`",
            archive=str(path),
        )
    if not len(members):
        return CorruptError(
            "a complete tar, but there is no image in it, nor anything else; a file of zeros looks"
            " so, too, as a download leaves it that made room and did not fill it: pack or download"
            " it again",
            archive=str(path),
        )
    return CorruptError("a complete tar, but there is no image in it", archive=str(path))


def _archives_below(path: Path, members: ScannedMembers) -> str:
    """What to do with the archives in a folder that has no images; "": there is none."""
    tars = sorted(entry.name for entry in path.glob("*.tar*") if not is_sidecar(entry.name))
    if tars:
        shown = f"{', '.join(tars[:5])}{', ...' if len(tars) > 5 else ''}"
        one = f"; open one of its archives by its own path: {shown}"
        together = f"; shards together as a list of paths, or by a pattern, '{path}/*.tar'"
        return f"{one}{together if len(tars) > 1 else ''}"
    deeper = members.names.ends_with(".tar") | members.names.ends_with(".tar.gz")
    rows = np.flatnonzero(deeper).tolist()
    folders = sorted({str(Path(members.name(row)).parent) for row in rows})[:5]
    if folders:
        return f"; there are archives in folders below: open it by its path: {', '.join(folders)}"
    return ""


def _digest_notes(archives: Sequence[Archive]) -> list[str]:
    """What the MD5s of gzipped archives tell, which the passes that make seek indexes compute.

    It loads the seek index, which the scan has just made or found, once more for its MD5. The notes
    are kept in the listing, so that later opens show them without the seek index.
    """
    notes = []
    for archive in archives:
        if not isinstance(archive, GzipArchive):
            continue
        md5 = archive.seek_index().md5
        known = [each.md5 for each in published_candidates(archive.name) if each.md5]
        if known and md5 not in known:
            notes.append(
                f"its MD5 is {md5}, and that of the published {archive.name} is {known[0]}: it was"
                " damaged on its way, or is another archive of that name"
            )
    return notes


def _earlier_index_notes(
    archives: Sequence[Archive], scanned: Sequence[ScannedArchive]
) -> list[str]:
    """What the members in seek indexes of earlier versions leave open.

    Published archives have neither links nor class folders without images.
    """
    notes = []
    for archive, found in zip(archives, scanned, strict=True):
        if not isinstance(archive, GzipArchive) or found.members.passed is not None:
            continue
        index = archive.seek_index()
        if index.md5 not in [each.md5 for each in published_candidates(archive.name)]:
            notes.append(
                "its seek index is of an earlier version, which kept no folders and no links of the"
                " tar: class folders without images have no class then, and images that are links"
                f" are missing. Remove '{index.path}' and the index of items, '.fastinet', to have"
                " it read anew"
            )
    return notes


def _tell_progress(progress: Progress, before: int, total: int, position: int, _: int) -> None:
    progress(before + position, total)
