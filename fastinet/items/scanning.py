"""What archives have in them: scanned, and recognised as a family's."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastinet import datasets
from fastinet.archives.file_archive import FileArchive, OneFile
from fastinet.archives.files import Files
from fastinet.archives.gzip_archive import GzipArchive
from fastinet.archives.tar_notes import note_sentences, unmarked
from fastinet.datasets.listing import Unmarked
from fastinet.datasets.patch import apply_patch
from fastinet.datasets.published import published_candidates
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number
from fastinet.errors import CorruptError, FastinetError, MissingError, UnsupportedError
from fastinet.sidecars.places import is_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet._native._engine import Source
    from fastinet._native._scan import Members
    from fastinet.archives.archive import Archive
    from fastinet.base.progress import Progress
    from fastinet.datasets.companions import LabelFunction
    from fastinet.datasets.listing import Listing

__all__ = ["as_scanned", "recognised", "scan_archives"]

# What the ImageNet family has beside images: how a file of it is called, and what reads it.
_WITHOUT_IMAGES = (
    (".mat", "a development kit: give it to fastinet.open as the labels= or devkit= of an archive"),
    (".xml", "bounding boxes: fastinet.read_boxes reads them"),
    (".pt", "label maps: fastinet.open_label_maps reads them"),
)


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
        *_tar_notes(path, archives, scanned),
        *([odd_names] if odd_names else []),
        *_digest_notes(archives),
        *_earlier_index_notes(archives, scanned),
    ]
    first = next(
        (
            Unmarked(number, *note)
            for number, each in enumerate(scanned)
            for note in unmarked(each.members.notes)
        ),
        None,
    )
    return replace(
        listing,
        notes=(*listing.notes, *found_notes),
        unmarked=() if first is None else (first,),
    )


def _tar_notes(
    path: Path, archives: Sequence[Archive], scanned: Sequence[ScannedArchive]
) -> list[str]:
    """What is odd about the tars: a sentence for each kind, with the archive among several."""
    notes = []
    for archive, each in zip(archives, scanned, strict=True):
        where = "" if archive.path == path else f"'{archive.name}': "
        notes += [f"{where}{note}" for note in note_sentences(each.members.notes)]
    most = 3
    if len(notes) > most:
        notes[most:] = [f"{len(notes) - most} more of its tars are odd in such ways"]
    return notes


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
