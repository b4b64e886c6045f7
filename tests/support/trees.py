"""Trees of files, and the ways that they are packed: a folder, a tar of it, a gzipped tar."""

from __future__ import annotations

import functools
import gzip
import os
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fastinet.testing.archives import END, Format, entry

JPEG = b"\xff\xd8\xff\xe0"
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class HardLink:
    """Another name of the file at the path `to` in the same tree."""

    to: str


@dataclass(frozen=True)
class SymbolicLink:
    """A link with the text `to`, which is relative to the folder that the link lies in."""

    to: str


class EmptyFolder:
    """A folder that may have nothing in it."""

    def __repr__(self) -> str:
        return "EmptyFolder()"


@dataclass(frozen=True)
class InnerTar:
    """A tar of files: content by name."""

    files: tuple[tuple[str, bytes], ...]

    def packed(self) -> bytes:
        return b"".join([*(entry(name, content) for name, content in self.files), END])


Entry = bytes | InnerTar | HardLink | SymbolicLink | EmptyFolder
Tree = Mapping[str, Entry]
"""What lies at each path; folders around it need not be mentioned."""


def folders_of(tree: Tree) -> set[str]:
    """The paths of all folders in the tree."""
    found = {path for path, what in tree.items() if isinstance(what, EmptyFolder)}
    for path in tree:
        found |= {str(parent) for parent in PurePosixPath(path).parents}
    return found - {"."}


def bytes_of(file: Entry) -> bytes:
    """The content of a file."""
    if isinstance(file, InnerTar):
        return file.packed()
    assert isinstance(file, bytes)
    return file


def with_tars_as_folders(tree: Tree) -> Tree:
    """The tree with a folder "n01440764" in place of each inner tar "n01440764.tar".

    Paths stay in their order, and files in that of their tar.
    """
    found: dict[str, Entry] = {}
    for path, what in tree.items():
        if isinstance(what, InnerTar):
            folder = path.removesuffix(".tar")
            found[folder] = EmptyFolder()
            found |= {f"{folder}/{name}": content for name, content in what.files}
        else:
            found[path] = what
    return found


def write_tree(tree: Tree, folder: Path) -> None:
    """Makes the tree in `folder`, which is made, too."""
    folder.mkdir()
    for path in sorted(folders_of(tree)):
        (folder / path).mkdir()
    for path, what in tree.items():
        if isinstance(what, bytes | InnerTar):
            (folder / path).write_bytes(bytes_of(what))
        elif isinstance(what, SymbolicLink):
            (folder / path).symlink_to(what.to)
    for path, what in tree.items():
        if isinstance(what, HardLink):
            os.link(folder / what.to, folder / path)


# ---------------------------------------------------------------------------------------- orders


def by_path(tree: Tree) -> Iterator[str]:
    """All paths in the order that a folder has when it is opened: that of the bytes of paths."""
    yield from sorted({*tree, *folders_of(tree)}, key=os.fsencode)


def as_tar_sorts(tree: Tree) -> Iterator[str]:
    """All paths in the order of ``tar --sort=name``: "a/x" before "a-b"."""
    yield from sorted({*tree, *folders_of(tree)}, key=lambda path: os.fsencode(path).split(b"/"))


def as_a_disk_has_it(tree: Tree) -> Iterator[str]:
    """All paths in the order of a plain ``tar``: a folder before what is in it, no other rule."""

    def mixed(path: str) -> list[bytes]:
        return [bytes(255 - byte for byte in part) for part in os.fsencode(path).split(b"/")]

    yield from sorted({*tree, *folders_of(tree)}, key=mixed)


ORDERS = {function.__name__: function for function in (by_path, as_tar_sorts, as_a_disk_has_it)}


# ---------------------------------------------------------------------------------------- packing


def tar_of(
    tree: Tree,
    *,
    order: str = "by_path",
    top: str = "",
    format: Format = tarfile.GNU_FORMAT,  # noqa: A002  # as tarfile calls it
    replaced: Collection[str] = (),
) -> bytes:
    """The tar that GNU tar makes of the tree, with an entry for each folder.

    The name of a file with several names that comes first is the file, and the others are links.

    Args:
        tree: what is packed.
        order: one of `ORDERS`.
        top: what names begin with: "" as of ``tar -C FOLDER *``, "./" as of ``tar -C FOLDER .``,
            "FOLDER/" as of ``tar FOLDER``.
        format: of the headers.
        replaced: paths of files that were packed with another content first; the tree's own was
            appended to the tar, as ``tar -r`` does.
    """
    folders = folders_of(tree)
    make = functools.partial(entry, format=format)
    entries = [make(top, type=tarfile.DIRTYPE)] if top else []
    first_names: dict[str, str] = {}  # of each file with several: the one that came first
    for path in ORDERS[order](tree):
        name = top + path
        what = tree.get(path)
        if path in folders:
            entries.append(make(f"{name}/", type=tarfile.DIRTYPE))
        elif isinstance(what, SymbolicLink):
            entries.append(make(name, type=tarfile.SYMTYPE, linkname=what.to))
        else:
            file = what.to if isinstance(what, HardLink) else path
            first = first_names.setdefault(file, name)
            if path in replaced:
                entries.append(make(name, JPEG + b"replaced"))
            elif first == name:
                entries.append(make(name, bytes_of(tree[file])))
            else:
                entries.append(make(name, type=tarfile.LNKTYPE, linkname=first))
    entries += [make(top + path, bytes_of(tree[path])) for path in replaced]
    return b"".join([*entries, END])


def gzipped(tar: bytes) -> bytes:
    """The tar as a gzip file, as ``tar -z`` makes it."""
    return gzip.compress(tar, 1, mtime=0)
