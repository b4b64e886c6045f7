"""What binds a sidecar to the archive that it was made from: size and content, and not the time.

A copy of an archive has another time of change than the archive, as a rule: after ``cp``, or
``rsync`` without -t. Its sidecars are taken over. So what tells two files of one size apart is
samples of their content:

- 8 blocks of 4 KiB, evenly spaced from the first byte to the last, as every version has recorded
  them, and
- 16 more of 4 KiB at places that a hash of the size chooses; a file of up to 128 KiB is read whole.

That is 96 KiB. Archives that were packed from other files, or in another order, differ in nearly
every block. A change of a part of the file that leaves its size is missed when it lies between the
blocks: one that touches a tenth of the file with a probability of (9/10) ** 24, 8 %, and one of a
few bytes nearly always. After such a change the sidecars have to be removed.

A folder has no bytes of its own. It is the one that it was where it has the same names in the same
folders, and 256 of its files, evenly spread over the folders, have the sizes that they had.
Sidecars of earlier versions know the times of the folders only, and hold as long as those are the
same.

A dataset is *bound* to its archives as they were when it was opened (:class:`Bound`). Whatever
reads them later, in this process or where the dataset was sent to, reads them only as long as they
are the same: by the stamp that the system gives a file, and where that differs, as it does for a
copy, by the content. Of a file that was cut, what is left is the same. The engine compares on the
very descriptor that it reads (``csrc/io/archive_file.h``).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastinet.errors import ReadError
from fastinet.sidecars.owners import Ownership
from fastinet.sidecars.schema import Count, Range, UnusableSidecarError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO

__all__ = [
    "Bound",
    "Identity",
    "Stamp",
    "check_identities",
    "content_hash",
    "fastinet_version",
    "has_same_content",
    "identify_file",
    "look_at_file",
]

_PROBES = 8
_BLOCKS = 16
_SAMPLE_BYTES = 8
_BLOCK_BYTES = 4096  # each costs a seek, however small it is
_WHOLE_BYTES = 1 << 17


class Identity(NamedTuple):
    """What binds an index to an archive: it holds for these bytes only, as far as we can tell."""

    name: str
    """File name without folder."""
    size: Count
    """Bytes; of a folder, how many folders there are in it."""
    mtime_ns: Annotated[int, Range(-(2**63), 2**63 - 1)]
    """Time of the last change, nanoseconds since 1970. It tells people, and decides nothing."""
    probe: str
    """SHA-256 over 8 blocks of content; of a folder, over its folders and their times."""
    blocks: str = ""
    """SHA-256 over 16 more blocks, or all, of a file; "": not taken, as by earlier versions."""
    names: str = ""
    """Of a folder: SHA-256 over all names, and the sizes of some files; "": as `blocks`."""

    def exact_fields(self) -> dict[str, Any]:
        """What has to be the same, the time too, where nothing but the very file will do."""
        return {name: getattr(self, name) for name in ("name", "size", "mtime_ns", "probe")}


class Stamp(NamedTuple):
    """What the system says of a file: as long as that is the same, nobody has written to it."""

    device: int
    inode: int
    mtime_ns: int
    ctime_ns: int
    """Of the last change of anything; no program can set it."""


_UNSETTLED = Stamp(0, 0, 0, 0)  # which no file has
_TICK_NS = 20_000_000  # file times are counted in ticks of up to 10 ms on Linux


def _is_settled(status: os.stat_result) -> bool:
    """Whether a change from now on would show in the file's times: not within the same tick."""
    return abs(time.time_ns() - status.st_ctime_ns) > _TICK_NS


class Bound(NamedTuple):
    """A file as it was when it was looked at. What is read of it later has to be the same."""

    identity: Identity
    samples: bytes
    """The first 8 bytes of the SHA-256 of each of the 8 blocks, which tell whether what is left of
    a file that was cut is the same."""
    stamp: Stamp
    ownership: Ownership

    def native(self) -> tuple[int, str, str, bytes, int, int, int, int]:
        """As the engine takes it: what the content must be, and the stamp that vouches for it."""
        identity = self.identity
        return identity.size, identity.probe, identity.blocks, self.samples, *self.stamp


def identify_file(path: Path, *, blocks: bool = True) -> Identity:
    """Identity of the file at `path` as it is now; arguments and errors as `look_at_file`'s."""
    return look_at_file(path, blocks=blocks).identity


def look_at_file(path: Path, *, blocks: bool = True) -> Bound:
    """The file at `path` as it is now.

    Args:
        path: of the file.
        blocks: False leaves them out: for one of thousands of archives, which 8 probes of each tell
            apart.

    Raises:
        ReadError: it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            info = os.fstat(file.fileno())
            last = max(0, info.st_size - _BLOCK_BYTES)
            probe, samples = hashlib.sha256(), b""
            for i in range(_PROBES):
                block = _block(file, _BLOCK_BYTES, last * i // (_PROBES - 1))
                probe.update(block)
                samples += hashlib.sha256(block).digest()[:_SAMPLE_BYTES]
            more = hashlib.sha256()
            for start, count in _chosen_blocks(info.st_size) if blocks else ():
                more.update(_block(file, count, start))
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    identity = Identity(
        path.name,
        info.st_size,
        info.st_mtime_ns,
        probe.hexdigest(),
        blocks=more.hexdigest() if blocks else "",
    )
    stamp = Stamp(info.st_dev, info.st_ino, info.st_mtime_ns, info.st_ctime_ns)
    return Bound(identity, samples, stamp if _is_settled(info) else _UNSETTLED, Ownership.of(info))


def _block(file: FileIO, count: int, start: int) -> bytes:
    """So many bytes of the file, or as many as there are: a read may give less."""
    block = b""
    while len(block) < count:
        piece = os.pread(file.fileno(), count - len(block), start + len(block))
        if not piece:
            break
        block += piece
    return block


def _chosen_blocks(size: int) -> Iterator[tuple[int, int]]:
    """(start, bytes) of the blocks of a file of `size` bytes."""
    if size <= _WHOLE_BYTES:
        yield 0, size
        return
    for i in range(_BLOCKS):
        digest = hashlib.sha256(f"{size} {i}".encode("ascii")).digest()
        yield int.from_bytes(digest[:8], "little") % (size - _BLOCK_BYTES + 1), _BLOCK_BYTES


def has_same_content(then: Identity, now: Identity) -> bool:
    """Whether two archives have the same content, as far as can be told; names and times aside."""
    if then.size != now.size:
        return False
    if then.names and now.names:  # of folders
        return then.names == now.names
    return then.probe == now.probe and (
        not then.blocks or not now.blocks or then.blocks == now.blocks
    )


def check_identities(indexed: Sequence[Identity], present: Sequence[Identity]) -> None:
    """Raises UnusableSidecarError unless the index was made from archives with this content."""
    if [archive.name for archive in indexed] != [archive.name for archive in present]:
        raise UnusableSidecarError(f"is stale: {_other_names(indexed, present)}")
    for then, now in zip(indexed, present, strict=True):
        if has_same_content(then, now):
            continue
        if now.names:
            change = "has other folders or files, or they were changed since"
        elif then.size != now.size:
            change = f"had {then.size} bytes when it was made and has {now.size} now"
        else:
            change = "has other content than when it was made"
        raise UnusableSidecarError(f"is stale: archive '{now.name}' {change}")


def _other_names(indexed: Sequence[Identity], present: Sequence[Identity]) -> str:
    """What is different about archives that are not called as those in a sidecar."""
    if len(indexed) != len(present):
        return f"it lists {len(indexed)} archives, and these are {len(present)}"
    pairs = [
        (then, now) for then, now in zip(indexed, present, strict=True) if then.name != now.name
    ]
    then, now = pairs[0]
    more = f", and {len(pairs) - 1} more have other names" if len(pairs) > 1 else ""
    if not all(itertools.starmap(has_same_content, pairs)):
        return f"it is of an archive '{then.name}', and this is '{now.name}'{more}"
    return (
        f"it was made when '{now.name}', whose content is the same, was called '{then.name}'{more};"
        " a name may tell a split"
    )


def content_hash(archives: Sequence[Identity]) -> str:
    """16 hexadecimal digits that tell the contents of archives from those of others.

    They are the same for every copy, so that a sidecar that is called by them is found from it.
    """
    digest = hashlib.sha256()
    for archive in archives:
        digest.update(f"{archive.size} {archive.names or archive.probe}\n".encode("ascii"))
    return digest.hexdigest()[:16]


def fastinet_version() -> str:
    """Version of the installed package."""
    import importlib.metadata  # noqa: PLC0415 - only who writes a sidecar needs it

    try:
        return importlib.metadata.version("fastinet")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"
