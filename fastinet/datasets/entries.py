"""Which entries of an archive count: the files that tar would leave, without leftovers.

A tar is a list of what happens when it is extracted, and the folder that comes of it is what
everybody else reads. So the members of an archive are what they would be there:

- Of several entries of one name, or of several inner tars, the last counts.
- A *hard link* is a file with the bytes of the last entry before it that has its target's name. One
  whose target is not there is nothing: tar cannot extract it.
- A *symbolic link* to a member is a file with the bytes of what has that name in the end, links to
  links and by way of linked folders included. One that leads out of the archive, by an absolute
  path too, or to nothing, is named in a note.
- A symbolic link to a folder gives nothing, since the files in there count under their own names;
  unless the folder is hidden or a leftover: then they count under the link's.
- What is hidden or left by another program is passed over, whatever it holds
  (``csrc/tar/member_name.h``): only links may point to it.

:class:`~fastinet.archives.folder_archive.FolderArchive` reads a folder by the same rules, but that
it follows links wherever they lead, as every program does; a note names those that lead out. And a
stream (``item_stream.h`` in csrc/), which can take nothing back, refuses doubles and links to
members. docs/items.md tells users of all this.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet._native import _scan
from fastinet.archives.containers import directories
from fastinet.archives.leftovers import are_leftovers, leftover_ends
from fastinet.datasets.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fastinet._native._scan import Members, Passed
    from fastinet.datasets.names import Bools, Ints

__all__ = ["LEFTOVERS", "Double", "Entries", "PassedOver", "counted_entries", "folders_of"]

LEFTOVERS = "files and folders passed over that are hidden or left by other programs"
"""Of PassedOver."""
_FOLDER_LINKS = "symbolic links to folders passed over, whose files count under their own names"

_MOST_HOPS = 40  # links in a row, as Linux follows them


class PassedOver(NamedTuple):
    """Entries that do not count, for one reason."""

    number: int
    names: list[str]
    """Of the first few, three or fewer, with where they point to."""
    what: str
    """Continues "3 ", before a colon and the names."""

    def joined(self, other: PassedOver) -> PassedOver:
        """Both, for the same reason."""
        return PassedOver(self.number + other.number, (self.names + other.names)[:3], self.what)

    def sentence(self) -> str:
        """For a note."""
        more = ["..."] if self.number > len(self.names) else []
        shown = ", ".join([*self.names, *more]) if self.names else ""
        return f"{self.number} {self.what}{': ' if shown else ''}{shown}"


_OUTSIDE = (
    "symbolic links that lead out of the folder are followed; a tar of it has what they lead to if"
    " it is packed with `tar --dereference`, and else not"
)


class Double(NamedTuple):
    """A member that a later one of its name replaces."""

    name: str
    offset: int
    """[bytes]"""
    replaced_at: int
    """Where the one is that counts [bytes]."""


class Entries(NamedTuple):
    """The entries of an archive, divided."""

    members: Members
    """Those that count; links are members that share the bytes of others."""
    passed: list[PassedOver]
    """The others."""
    doubles: list[Double]
    """Those of them that a later member replaces, one by one."""
    lost: list[str]
    """Links without a file: with a name like this something should have been there."""
    outside: list[str]
    """A sentence on links out of a folder, whose files are members; none where there are none."""


def counted_entries(found: Members) -> Entries:
    """Divides what a scan has found in one archive."""
    junk = _scan.junk_ends(found.names, found.name_ends)
    kept: Bools = junk == 0
    passed, links = list(_leftovers(found, junk)), _Links(found)
    tars = _replaced_tars(found.container_names)
    if tars:
        of_these = np.isin(found.containers, list(tars))
        names = [found.container_names[row] for row in tars]
        passed.append(_passed(names, "inner tars that a later one of the same name replaces"))
        kept &= ~of_these
    passed += links.passed
    members, doubles = _last_of_each(found, *_with_links(found, kept, links.files))
    if doubles:
        passed.append(
            _passed(
                [double.name for double in doubles],
                "members that a later one of the same name replaces, as tar extracts them",
            )
        )
    passed += _other_entries(found)
    number, first = found.outside
    leading_out = PassedOver(number, [_arrow(entry) for entry in first], _OUTSIDE)
    outside = [leading_out.sentence()] if number else []
    return Entries(members, passed, doubles, links.lost, outside)


def folders_of(found: Members) -> set[str]:
    """All folders that tar would leave of an archive, inner tars among them, but no leftovers.

    A folder is there although it has no entry of its own: every entry stands for those above it,
    whatever it holds, so that a tar with entries for directories, one without, and the folder that
    they are extracted to have the same ones.
    """
    ends = found.name_ends.astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    folders = set(Names(found.names, starts, ends).folders()[1])
    folders |= {
        entry.name.rstrip("/").rpartition("/")[0] for entry in found.passed or () if _is_file(entry)
    }
    folders.update(directories(found))
    for folder in list(folders):
        above = folder
        while above and (above := above.rpartition("/")[0]) not in folders:
            folders.add(above)
    kept = sorted(folders - {""})
    left = are_leftovers([f"{folder}/" for folder in kept])
    return {folder for folder, is_left in zip(kept, left, strict=True) if not is_left}


def _is_file(entry: Passed) -> bool:
    """Whether it makes folders to lie in; the names of a tar's records are none of files."""
    return entry.kind != _scan.VENDOR_RECORD


def _passed(names: Sequence[str], what: str) -> PassedOver:
    return PassedOver(len(names), list(names[:3]), what)


def _leftovers(found: Members, junk: Ints) -> Iterator[PassedOver]:
    """What is hidden or left by other programs: a folder of such counts once."""
    outermost: dict[bytes, None] = {}
    for row in np.flatnonzero(junk).tolist():
        _add_outermost(outermost, _name_bytes(found, row), int(junk[row]))
    names = [_encoded(entry.name) for entry in found.passed or () if _is_file(entry)]
    for name, end in zip(names, leftover_ends(names), strict=True):
        if end:
            _add_outermost(outermost, name, end)
    if outermost:
        yield _passed(
            [_decoded(name) for name in outermost],
            LEFTOVERS,
        )


def _add_outermost(outermost: dict[bytes, None], name: bytes, end: int) -> None:
    outermost[name[:end] + (b"/" if end < len(name) else b"")] = None


def _other_entries(found: Members) -> Iterator[PassedOver]:
    """What is neither a file nor a link."""
    if found.passed is None:
        if found.special_entries:
            yield PassedOver(
                found.special_entries,
                [],
                "entries skipped that are links, devices or vendor records; the seek index, of an"
                " earlier version, has no names of them",
            )
        return
    for kind, what in (
        (_scan.FOLDER_LINK, _FOLDER_LINKS),
        (_scan.DEVICE, "devices, FIFOs and sockets skipped"),
        (_scan.VENDOR_RECORD, "vendor records of the tar skipped"),
        (
            _scan.SPARSE_FILE,
            "sparse files skipped, which are in the tar in pieces; pack anew without --sparse",
        ),
        (
            _scan.CONTINUATION,
            "rests of files skipped that begin in another volume (tar --multi-volume joins them)",
        ),
    ):
        names = [
            _arrow(entry) if entry.target else entry.name
            for entry in found.passed
            if entry.kind == kind
        ]
        if kind == _scan.DEVICE:
            names = [
                name for name, junk in zip(names, are_leftovers(names), strict=True) if not junk
            ]
        if names:
            yield _passed(names, what)


def _replaced_tars(container_names: Sequence[str]) -> list[int]:
    """The rows of inner tars behind which another one of the same name comes."""
    last = {name: row for row, name in enumerate(container_names)}
    if len(last) == len(container_names):
        return []
    return [
        row
        for row, name in enumerate(container_names)
        if not name.endswith("/") and last[name] != row
    ]


# --------------------------------------------------------------------------------------- links


class _File(NamedTuple):
    """A name that a link gives to the bytes of a member."""

    name: bytes
    offset: int
    """Of the link [bytes]; links lie between the members."""
    row: int
    """Of the member; -1: the name is taken, and there is no file."""


@dataclass
class _Link:
    """A link that tar would leave."""

    offset: int
    row: int
    """Of the member whose bytes it has; -1: it is a symbolic one."""
    target: str = ""
    """Of a symbolic one."""


class _Links:
    """The links of an archive, followed.

    Attributes:
        files: the names that links give to members.
        passed: the links that give none.
        lost: names of links that point to nothing in the archive.
    """

    def __init__(self, found: Members) -> None:
        self.files: list[_File] = []
        self.passed: list[PassedOver] = []
        self.lost: list[str] = []
        self._found = found
        links = [
            entry
            for entry in found.passed or ()
            if entry.kind in (_scan.HARD_LINK, _scan.SYMBOLIC_LINK)
        ]
        if not links:
            return
        hashes = _scan.name_hashes(found.names, found.name_ends)
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]
        self._links: dict[str, list[_Link]] = {}
        self._extract(links)
        self._follow()

    def _extract(self, links: Sequence[Passed]) -> None:
        """Makes the links in their order, as tar does."""
        dangling = []
        is_junk = are_leftovers([entry.name for entry in links])
        for entry, junk in zip(links, is_junk, strict=True):
            if entry.kind == _scan.SYMBOLIC_LINK:
                made: _Link | None = _Link(entry.offset, -1, entry.target)
            else:
                made = self._at(entry.target, entry.offset)
                if made is not None:
                    made = _Link(entry.offset, made.row, made.target)
                elif not junk:
                    dangling.append(entry)
            if made is not None:
                self._links.setdefault(entry.name, []).append(made)
        self._pass_over(dangling, "hard links skipped to what the archive does not have before")

    def _follow(self) -> None:
        """Follows the links from where they are in the end."""
        lost, folders = [], []
        grafted: set[str] = set()
        names = list(self._links)
        for name, junk in zip(names, are_leftovers(names), strict=True):
            if junk:
                continue
            *replaced, link = self._links[name]
            self.files += [_File(_encoded(name), each.offset, each.row) for each in replaced]
            row, folder = (link.row, None) if link.row >= 0 else self._resolved(name)
            entry = _scan.Passed(_scan.SYMBOLIC_LINK, name, link.target, link.offset)
            self.files.append(_File(_encoded(name), link.offset, row))
            if row < 0 and folder is None:
                lost.append(entry)
            elif folder is not None and (folder in grafted or not are_leftovers([folder])[0]):
                folders.append(entry)
            elif folder is not None:
                grafted.add(folder)
                self._graft(name, link.offset, folder)
        self._pass_over(lost, "symbolic links skipped that lead to nothing in the archive")
        if folders:
            self.passed.append(
                _passed(
                    [_arrow(entry) for entry in folders],
                    _FOLDER_LINKS,
                )
            )

    def _pass_over(self, entries: Sequence[Passed], what: str) -> None:
        if entries:
            self.passed.append(_passed([_arrow(entry) for entry in entries], what))
            self.lost += [entry.name for entry in entries]

    def _graft(self, name: str, offset: int, folder: str) -> None:
        """Gives the files in a folder that is passed over their names below a link to it."""
        prefix = _encoded(f"{folder}/")
        for row in range(len(self._found.name_ends)):
            inside = _name_bytes(self._found, row)
            if inside.startswith(prefix):
                rest = inside[len(prefix) :]
                if not leftover_ends([rest])[0]:
                    self.files.append(_File(_encoded(f"{name}/") + rest, offset, row))

    def _at(self, name: str, before: int | None = None) -> _Link | None:
        """What has this name, of what comes before an offset if one is given."""
        row = self._member(_encoded(name), before)
        link = self._links.get(name, (None,))[-1]
        if row < 0 or (link is not None and link.offset > self._found.offsets[row]):
            return link
        return _Link(int(self._found.offsets[row]), row)

    def _member(self, name: bytes, before: int | None) -> int:
        """The last member of this name, before an offset if one is given; -1: there is none."""
        wanted = _scan.name_hashes(np.frombuffer(name, np.uint8), np.array([len(name)], np.uint64))[
            0
        ]
        first, last = np.searchsorted(self._hashes, [wanted, wanted + np.uint64(1)])
        for row in self._order[first : max(first, last)][::-1].tolist():
            if (before is None or self._found.offsets[row] < before) and (
                _name_bytes(self._found, row) == name
            ):
                return int(row)
        return -1

    def _resolved(self, name: str) -> tuple[int, str | None]:
        """The member that a symbolic link leads to, or -1; and the folder, or None."""
        path: list[str] = []
        parts, hops = deque(name.split("/")), 0
        while parts:
            part = parts.popleft()
            if part == "..":
                if not path:
                    return -1, None
                path.pop()
            elif part not in ("", "."):
                path.append(part)
                link = self._links.get("/".join(path), (None,))[-1]
                found = self._at("/".join(path)) if link is not None or not parts else None
                if found is None:
                    continue
                if found.row >= 0:
                    return (-1 if parts else found.row), None
                hops += 1
                if hops > _MOST_HOPS or found.target.startswith("/"):
                    return -1, None
                path.pop()
                parts.extendleft(reversed(found.target.split("/")))
        folder = "/".join(path)
        return -1, (folder if folder in self._folders else None)

    @functools.cached_property
    def _folders(self) -> set[str]:
        """All folders in the archive, its top among them."""
        found = self._found
        folders = {_name_bytes(found, row).rpartition(b"/")[0] for row in range(len(found.sizes))}
        folders |= {_encoded(name) for name in directories(found)}
        for folder in list(folders):
            above = folder
            while above and (above := above.rpartition(b"/")[0]) not in folders:
                folders.add(above)
        return {_decoded(folder) for folder in folders} | {""}


def _arrow(entry: Passed) -> str:
    return f"{entry.name} -> {entry.target}"


# ------------------------------------------------------------------------------------- members


def _with_links(
    found: Members, kept: Bools, files: Sequence[_File]
) -> tuple[Ints, NDArray[np.uint8], NDArray[np.uint64]]:
    """The members that are kept, and behind each the links that come before the next.

    Returns:
        [n] their rows, -1 for a name without a file; all names, one after another; and [n] where
        each ends.
    """
    rows = np.flatnonzero(kept)
    if not files and len(rows) == len(kept):
        return rows, found.names, found.name_ends
    ends = np.concatenate(
        [
            found.name_ends.astype(np.int64),
            len(found.names) + np.cumsum([len(file.name) for file in files], dtype=np.int64),
        ]
    )
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(ends)]
    text = np.concatenate(
        [found.names, np.frombuffer(b"".join(file.name for file in files), np.uint8)]
    )
    places = np.concatenate(
        [found.offsets[rows], np.array([file.offset for file in files], np.uint64)]
    )
    order = np.argsort(places, kind="stable")
    entries = np.concatenate([rows, len(kept) + np.arange(len(files))])[order]
    sources = np.array([file.row for file in files], np.int64)
    offsets, packed = Names(text, starts, ends).packed(entries)
    return np.concatenate([rows, sources])[order], packed, offsets[1:]


def _last_of_each(
    found: Members, rows: Ints, names: NDArray[np.uint8], ends: NDArray[np.uint64]
) -> tuple[Members, list[Double]]:
    """The members `rows` under these names, but of each name the last; and the others."""
    count = len(rows)
    hashes = _scan.name_hashes(names, ends)
    kept: Bools = rows >= 0
    doubles = []
    if count and not _are_distinct(hashes):
        order = np.argsort(hashes, kind="stable")
        alike = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
        last: dict[bytes, int] = {}
        for entry in np.unique(np.concatenate([order[alike], order[alike + 1]]))[::-1].tolist():
            name = names[int(ends[entry - 1]) if entry else 0 : int(ends[entry])].tobytes()
            later = last.setdefault(name, entry)
            if later != entry:
                kept[entry] = False
                places = [
                    int(found.offsets[row]) if row >= 0 else 0 for row in rows[[entry, later]]
                ]
                doubles.append(Double(_decoded(name), *places))
        doubles.reverse()
    if count == len(found.sizes) and kept.all() and names is found.names:
        return found, doubles
    taken = rows[kept]
    starts = np.concatenate([np.zeros(1, np.int64), ends.astype(np.int64)])[:-1]
    offsets, packed = Names(names, starts, ends.astype(np.int64)).packed(np.flatnonzero(kept))
    members = found._replace(
        offsets=found.offsets[taken],
        sizes=found.sizes[taken],
        containers=found.containers[taken],
        heads=found.heads[taken],
        names=packed,
        name_ends=offsets[1:],
    )
    return members, doubles


def _are_distinct(hashes: NDArray[np.uint64]) -> bool:
    ranked = np.sort(hashes)
    return not (ranked[1:] == ranked[:-1]).any()


# --------------------------------------------------------------------------------------- names


def _name_bytes(found: Members, row: int) -> bytes:
    start = int(found.name_ends[row - 1]) if row else 0
    return found.names[start : int(found.name_ends[row])].tobytes()


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
