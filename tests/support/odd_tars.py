"""Tars as programs write them and as they should not be: drawn entry by entry, down to the bytes."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from fastinet.testing.archives import checksummed, entry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "JPEG",
    "ant_padding",
    "filled",
    "old_sparse",
    "pax",
    "pax_sparse",
    "record",
    "tar_bytes",
]

JPEG = b"\xff\xd8\xff\xe0"
_RECORD_BYTES = 10240


def filled(content: bytes) -> bytes:
    """The content, up to the next block."""
    return content + bytes(-len(content) % 512)


def record(key: str, value: str) -> bytes:
    """A pax record, whose length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def pax(*records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header with these records."""
    return entry("pax", b"".join(records), type=kind)


def old_sparse(
    name: str, parts: Sequence[tuple[int, bytes]], size: int, *, map_blocks: bool = False
) -> bytes:
    """An entry of GNU's type 'S': (offset, bytes) of each part of a file of `size` bytes.

    With `map_blocks` the header's own room for parts stays empty but for the first one.
    """
    stored = b"".join(data for _, data in parts)
    header = bytearray(entry(name, stored, type=b"S")[:512])

    def numbers(some: Sequence[tuple[int, bytes]]) -> bytes:
        return b"".join(b"%011o\0%011o\0" % (offset, len(data)) for offset, data in some)

    own = 1 if map_blocks else 4
    header[386 : 386 + 96] = numbers(parts[:own]).ljust(96, b"\0")
    rest, blocks = parts[own:], b""
    header[482] = bool(rest)
    header[483:495] = b"%011o\0" % size
    while rest:
        some, rest = rest[:21], rest[21:]
        blocks += numbers(some).ljust(504, b"\0") + bytes([bool(rest)]) + bytes(7)
    return checksummed(bytes(header)) + blocks + filled(stored)


def pax_sparse(name: str, parts: Sequence[tuple[int, bytes]], size: int, form: str) -> bytes:
    """A sparse file by pax records, in GNU's `form` "0.0", "0.1" or "1.0"."""
    stored = b"".join(data for _, data in parts)
    if form == "1.0":
        text = f"{len(parts)}\n" + "".join(f"{at}\n{len(data)}\n" for at, data in parts)
        records = [
            record("GNU.sparse.major", "1"),
            record("GNU.sparse.minor", "0"),
            record("GNU.sparse.name", name),
            record("GNU.sparse.realsize", str(size)),
        ]
        return pax(*records) + entry("GNUSparseFile.0/x", filled(text.encode()) + stored)
    records = [record("GNU.sparse.size", str(size)), record("GNU.sparse.numblocks", str(len(parts)))]
    if form == "0.0":
        for at, data in parts:
            records.append(record("GNU.sparse.offset", str(at)))
            records.append(record("GNU.sparse.numbytes", str(len(data))))
        records.append(record("path", name))
    else:
        text = ",".join(f"{at},{len(data)}" for at, data in parts)
        records += [record("GNU.sparse.name", name), record("GNU.sparse.map", text)]
    return pax(*records) + entry("GNUSparseFile.0/x", stored)


def ant_padding(members: bytes, marker: bytes = bytes(1024)) -> bytes:
    """The tar as Ant writes it: its last record has at its end what the record before had there."""
    tar = members + marker
    short = -len(tar) % _RECORD_BYTES
    start = len(tar) - _RECORD_BYTES
    stale = tar[start : start + short] if start >= 0 else bytes(short)
    return tar + stale


_NUMBERS = st.integers(0, 5)
_CONTENTS = st.sampled_from((JPEG, JPEG + b"x" * 508, JPEG + b"y" * 509, JPEG + b"z" * 1600))


@st.composite
def _images(draw: st.DrawFn) -> bytes:
    """An image, under a name that few share, written in some way."""
    name = f"n01440764/n01440764_{draw(_NUMBERS)}.JPEG"
    content = draw(_CONTENTS)
    form = draw(st.sampled_from("plain v7 gnu long pax sparse 0.0 0.1 1.0 unknown 7 size".split()))
    if form == "gnu":
        return entry(f"./{name}", content)
    if form == "long":
        return entry(name.replace("_", "_" * 90), content, format=tarfile.GNU_FORMAT)
    if form == "pax":
        note = record("comment", "c" * draw(st.integers(0, 2000)))
        return pax(note, record("path", name)) + entry("x", content)
    if form == "sparse":
        return old_sparse(name, [(0, content)], len(content))
    if form in ("0.0", "0.1", "1.0"):
        return pax_sparse(name, [(0, content)], len(content), form)
    plain = entry(name, content)
    if form == "v7":
        plain = checksummed(plain[:156] + b"\0" + plain[157:257] + bytes(255)) + plain[512:]
    if form in ("unknown", "7"):
        letter = b"7" if form == "7" else draw(st.sampled_from((b"9", b"Q", b"w")))
        plain = checksummed(plain[:156] + letter + plain[157:512]) + plain[512:]
    if form == "size":
        field = b"\x80" + len(content).to_bytes(11, "big")
        plain = checksummed(plain[:124] + field + plain[136:512]) + plain[512:]
    return plain


@st.composite
def _asides(draw: st.DrawFn) -> bytes:
    """An entry that is no image."""
    number = draw(_NUMBERS)
    name = f"n01440764/n01440764_{number}.JPEG"
    return draw(
        st.sampled_from(
            (
                entry("n01440764/", type=tarfile.DIRTYPE),
                entry("fifo", type=tarfile.FIFOTYPE),
                entry("label", type=b"V"),
                entry("n01440764/", b"Yn\0\0", type=b"D"),
                entry("rest.JPEG", JPEG, type=b"M"),
                entry("gone.JPEG", type=tarfile.LNKTYPE, linkname="nowhere"),
                entry("gone.JPEG", JPEG + b"linked", type=tarfile.LNKTYPE, linkname="nowhere"),
                entry("away.JPEG", type=tarfile.SYMTYPE, linkname="../../away"),
                pax(record("comment", "all"), kind=tarfile.XGLTYPE),
                old_sparse("holes.bin", [(512, b"s" * 512), (4096, b"t")], 4097),
                old_sparse("h.bin", [(1024 * i, b"s") for i in range(30)], 9**5, map_blocks=True),
                pax_sparse("h.bin", [(512, b"s" * 512)], 4096, "1.0"),
                pax_sparse("h.bin", [(512, b"s" * 512)], 4096, "0.1"),
                entry("n01443537.tar.gz", gzip.compress(JPEG, mtime=0)),
                entry("notes.txt", b"text"),
                entry("meta.mat", b"MATLAB"),
                entry(name, JPEG, type=b"A"),
                pax(record("size", "9" * 15)),
            )
        )
    )


class Drawn(bytes):
    """A tar that failing tests print as its blocks, so that somebody can read it."""

    def __repr__(self) -> str:
        blocks = [bytes(self[at : at + 512]) for at in range(0, len(self), 512)]
        shown = [
            f"{block[:100].rstrip(bytes(1))!r} {chr(block[156] or 48)} {block[124:136]!r}"
            if block[257:262] == b"ustar"
            else f"{block[:24].rstrip(bytes(1))!r}.. {len(block)}"
            for block in blocks
        ]
        return "\n".join(["", *(f"  {512 * i:6} {text}" for i, text in enumerate(shown)), ""])


_ENDS = st.sampled_from((0, 1, 100, 511, 512, 513, 700, 1023, 1024, 1024, 1024, 1500, 3000))
_BEHIND = st.sampled_from((b"", b"", b"", b"\n", b"x" * 300, b"x" * 700, bytes(512) + b"y" * 512))


@st.composite
def tar_bytes(draw: st.DrawFn, *, depth: int = 0) -> Drawn:
    """A tar, sound or not: members, padding, a marker or a part of it, something behind it, cuts."""
    kinds: list[st.SearchStrategy[bytes]] = [_images(), _images(), _asides()]
    if depth == 0:
        kinds.append(
            tar_bytes(depth=1).map(lambda inner: entry("n01443537.tar", inner) if inner else b"")
        )
    members = b"".join(draw(st.lists(st.one_of(*kinds), max_size=6)))
    form = draw(st.sampled_from(("plain", "plain", "plain", "ant", "cut", "spoilt")))
    if form == "ant":
        marker = bytes(draw(st.sampled_from((512, 1024))))
        return Drawn(ant_padding(members * draw(st.integers(1, 5)), marker))
    tar = members + bytes(draw(_ENDS)) + draw(_BEHIND)
    if form == "cut":
        tar = tar[: draw(st.integers(0, len(tar)))]
    if form == "spoilt" and tar:
        place = draw(st.integers(0, len(tar) - 1))
        tar = tar[:place] + draw(st.binary(min_size=1, max_size=3)) + tar[place:][1:]
    return Drawn(tar)
