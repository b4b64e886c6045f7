"""Scans of archives: where each member lies, as arrays; and where gzip data can be entered."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinet.base.progress import Progress
from fastinet.errors import FastinetError

HARD_LINK: str
SYMBOLIC_LINK: str
DEVICE: str
VENDOR_RECORD: str
LEFTOVER: str
SPARSE_FILE: str
CONTINUATION: str
FOLDER_LINK: str
PASSED_KINDS: tuple[str, ...]
"""What an entry is that is no file of its own."""

CUT_MARKER: str
NO_MARKER: str
LONE_ZEROS: str
STALE_PADDING: str
UNKNOWN_TYPE: str
NOTE_KINDS: tuple[str, ...]
"""What is odd about a tar that is read nevertheless, see ``TarNoteKind`` in csrc/tar/scan.h."""

class Note(NamedTuple):
    """Something odd about a tar that is read nevertheless."""

    kind: str
    """One of ``NOTE_KINDS``."""
    name: str
    """The inner tar, as in ``container_names``, or "" for the archive itself; of UNKNOWN_TYPE the
    member."""
    offset: int
    """[bytes]"""

class Passed(NamedTuple):
    """An entry that is no file of its own."""

    kind: str
    """One of ``PASSED_KINDS``. LEFTOVER: hidden, or left by another program, with all in it.
    FOLDER_LINK: of an archive that is a folder, a link to one whose files are listed elsewhere."""
    name: str
    """As that of a member; bytes that are no UTF-8 are surrogates."""
    target: str
    """Of a hard link, as the name of a member; of a symbolic link, as it is told; else ""."""
    offset: int
    """Where content would begin [bytes]; among members' offsets it tells the order of entries."""

class Members(NamedTuple):
    """The regular files of an archive as columns, in archive order; N is their number.

    Members of an inner tar are addressed in the outer archive and named as if the inner tar were a
    folder: ``n01440764/n01440764_10026.JPEG``.
    """

    offsets: NDArray[np.uint64]
    """[N] first content byte in the archive."""
    sizes: NDArray[np.uint64]
    """[N] content bytes."""
    containers: NDArray[np.int32]
    """[N] index into ``container_names``; -1 for a member of the archive itself."""
    heads: NDArray[np.uint8]
    """[N, 8] first content bytes, zeros where the member has fewer."""
    names: NDArray[np.uint8]
    """All names, one after another: UTF-8 as a rule, but undecoded."""
    name_ends: NDArray[np.uint64]
    """[N] where each name ends in ``names``."""
    container_names: list[str]
    """Names of the inner tars, as the archive spells them: ``n01440764.tar``; and the paths of the
    directories, with a slash behind: ``train/n01440764/``."""
    special_entries: int
    """Links, devices and vendor records (directories do not count)."""
    passed: Sequence[Passed] | None = ()
    """Entries that are no files of their own, in archive order: the ``special_entries``, and
    directories that are leftovers. None: an earlier version of fastinet has kept none of them."""
    outside: tuple[int, Sequence[Passed]] = ...
    """Of an archive that is a folder: how many symbolic links, to files or folders, lead out of it,
    or are absolute, and are followed all the same: what they lead to is among the members. And the
    first three of them."""
    notes: Sequence[Note] = ()
    """What is odd, in archive order."""

def scan(
    path: str | os.PathLike[str],
    folder: str = "",
    progress: Progress | None = None,
    end_marker_required: bool = True,
) -> Members:
    """Walks the headers of the tar at ``path``, inner tars included, with the GIL released.

    Args:
        path: the archive.
        folder: put before every name, with a slash; "" puts nothing.
        progress: called now and then with (bytes passed, bytes in all). Ctrl-C stops the scan.
        end_marker_required: whether a tar without its end-of-archive marker is truncated.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
        CorruptError: it is no tar, is truncated, or is damaged; the message says where.
        UnsupportedError: compressed, or nested deeper than two levels.
        TooLargeError: an extended header or a name beyond its limit.
    """

def survey(
    path: str | os.PathLike[str],
    folder: str = "",
    progress: Progress | None = None,
    keep: Any = None,
    begun: tuple[bytes, Sequence[str]] | None = None,
    max_errors: int = 1000,
    end_marker_required: bool = True,
) -> tuple[Members, list[FastinetError]]:
    """Walks the headers as :func:`scan` does, and on behind what is damaged.

    Args:
        path: the archive.
        folder: put before every name, with a slash; "" puts nothing.
        progress: called now and then with (bytes passed, bytes in all). Ctrl-C stops the scan.
        keep: has ``is_due() -> bool``, asked now and then, and ``save(members, errors, state)``,
            which keeps what was found so far; another survey goes on from the state and the names
            of the containers.
        begun: go on from a state that was kept, with the names of the containers up to there.
        max_errors: after so many errors the walk ends.
        end_marker_required: as of :func:`scan`.

    Returns:
        The members that are whole, and what is wrong, in archive order; of a survey that goes on,
        those from there on, and all names of containers. An inner tar that is cut
        off is listed as far as it goes; an archive that is cut off gives an error at each level.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
        CorruptError: `begun` is no such state.
    """

SEEK_SPACING: int
"""Distance of seek points unless another is asked for [bytes of inflated data]."""
MIN_SEEK_SPACING: int
"""The least that can be asked for [bytes]."""

class SeekPart(NamedTuple):
    """What a part of a :class:`SeekPass` found: P seek points, and members."""

    bit_offsets: NDArray[np.uint64]
    """[P] of the points' deflate blocks, in the file [bits]."""
    offsets: NDArray[np.uint64]
    """[P] of the first byte that each inflates to, in the inflated data [bytes]."""
    window_sizes: NDArray[np.uint32]
    """[P] bytes in ``windows``; 0: the point needs none."""
    windows: NDArray[np.uint8]
    """What must be known of the data before each point, one behind the other."""
    members: Members
    """Offsets are in the inflated data; ``containers`` number the containers from the first part's
    first on, ``container_names`` are those that this part has begun."""
    state: NDArray[np.uint8]
    """What :meth:`SeekPass.resume` goes on from."""

class SeekPass:
    """Inflates a gzipped tar once: checks it, finds its members and seek points, computes its MD5.

    It stops between steps, and a new one goes on from any part's state.

    Args:
        path: the archive.
        folder: put before every name, with a slash; "" puts nothing.
        spacing: of the seek points [bytes of inflated data].
        end_marker_required: as of :func:`scan`.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
        ValueError: the spacing is too small.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        folder: str = "",
        spacing: int = ...,
        end_marker_required: bool = True,
    ) -> None: ...
    def resume(self, state: NDArray[np.uint8] | bytes, container_names: Sequence[str]) -> None:
        """Goes on after the part with `state`; before any step, if at all.

        Args:
            state: of that part.
            container_names: of all parts up to it.

        Raises:
            CorruptError: it is no such state, or of another spacing.
        """
    def step(self, compressed_bytes: int) -> None:
        """Takes in some `compressed_bytes` of the file, with the GIL released.

        After an error the pass cannot go on; what :meth:`take` gives is good even then.

        Raises:
            CorruptError: the gzip data are damaged or cut, or the tar in them is, or it is none.
            UnsupportedError, TooLargeError: see :func:`scan`.
            ReadError: the file cannot be read.
        """
    @property
    def done(self) -> bool:
        """The file has been taken in to its end, and found whole."""
    @property
    def size_bytes(self) -> int:
        """Of the file."""
    @property
    def position_bytes(self) -> int:
        """How far the pass has come in the file."""
    @property
    def inflated_bytes(self) -> int:
        """What came of it."""
    @property
    def md5(self) -> str:
        """Of the whole file, in hexadecimal digits, once the pass is done."""
    def take(self) -> SeekPart:
        """What was found since the last call: up to the last seek point, or all once it is done."""
    def rest(self) -> Members:
        """After an error: the members behind those of :meth:`take`, as far as the data go.

        The content of the last one may end behind :attr:`inflated_bytes`.
        """

def junk_ends(names: NDArray[np.uint8], name_ends: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where in each of N names the first part ends that is hidden or a leftover; 0: none is.

    Args:
        names: all names, one after another.
        name_ends: [N] where each ends.

    Returns:
        [N] bytes from the name's start. ``csrc/tar/member_name.h`` has the rule.
    """

def name_hashes(names: NDArray[np.uint8], name_ends: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """[N] a hash of each of N names, given as for :func:`junk_ends`."""
