"""Reads files of other people with fastinet and with the usual reader, and counts what comes out.

    python tools/compare_public_files.py FOLDER... [--list refused] [--list different]
                                         [--end-marker optional]

Every JPEG and PNG in the folders, whatever it is called, is decoded by fastinet and by Pillow;
every tar, gzipped or uuencoded (``.uu``) ones included, is listed by fastinet and by tarfile, and
the contents of its files are compared. docs/reliability.md names collections that are worth it, and
says why fastinet refuses what it alone refuses.

==============  ==================================================================================
equal           the same pixels, or the same names and contents
refused         by both
by us alone     the other gives an image or files, fastinet an error
by it alone     the other way round
different       both give something, and it is not the same
==============  ==================================================================================

What is too large to compare is not counted.
"""

from __future__ import annotations

import argparse
import binascii
import collections
import gzip
import io
import sys
import tarfile
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile

import fastinet
from fastinet._native import _scan
from fastinet.errors import FastinetError

_MOST_PIXELS = 1 << 26  # of an image that is compared
_MOST_BYTES = 1 << 28  # of a file, packed or not

OUTCOMES = ("equal", "refused by both", "refused by us alone", "refused by it alone", "different")


class Verdict(NamedTuple):
    """What came of one file."""

    kind: str
    outcome: str
    path: str
    ours: str
    """What fastinet says, or how what it gives differs; empty where there is nothing to say."""
    theirs: str


class _TooLargeError(ValueError):
    """Of what is not compared."""


def outcome_of(ours: Any, theirs: Any, same: bool) -> str:
    """The name of what came out: `ours` and `theirs` are exceptions, or what was read."""
    if isinstance(ours, Exception):
        return OUTCOMES[1] if isinstance(theirs, Exception) else OUTCOMES[2]
    if isinstance(theirs, Exception):
        return OUTCOMES[3]
    return OUTCOMES[0] if same else OUTCOMES[4]


def _said(value: Any) -> str:
    """What a failure says, in one line."""
    if not isinstance(value, Exception):
        return ""
    return f"{type(value).__name__}: {value}".replace("\n", " ")


# ------------------------------------------------------------------------------------------ images


def pixels_by_pillow(data: bytes) -> np.ndarray[Any, Any]:
    """As training scripts read it: opened, loaded, converted to RGB."""
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise _TooLargeError
        return np.asarray(image.convert("RGB"))


def compare_image(path: Path, data: bytes) -> Verdict | None:
    """One JPEG or PNG, by both."""
    ours: Any
    theirs: Any
    try:
        ours = fastinet.decode(data, exact=True, max_pixels=_MOST_PIXELS)
    except (FastinetError, MemoryError) as error:
        ours = error
    try:
        theirs = pixels_by_pillow(data)
    except _TooLargeError:
        return None
    except Exception as error:  # noqa: BLE001  # Pillow raises whatever its plugins raise
        theirs = error
    is_same = (
        not isinstance(ours, Exception)
        and not isinstance(theirs, Exception)
        and np.array_equal(ours, theirs)
    )
    kind = "PNG" if data.startswith(b"\x89PNG") else "JPEG"
    return Verdict(kind, outcome_of(ours, theirs, is_same), str(path), _said(ours), _said(theirs))


# -------------------------------------------------------------------------------------------- tars


def files_by_fastinet(path: Path, data: bytes, end_marker: str) -> dict[str, bytes]:
    """Name -> content of each regular file; `data` are the bytes of the tar at `path`."""
    members = _scan.scan(path, end_marker_required=end_marker == "required")
    names = bytes(members.names)
    starts = [0, *members.name_ends.tolist()]
    return {
        names[start:end].decode("utf-8", "surrogateescape"): data[offset : offset + size]
        for start, end, offset, size in zip(
            starts, starts[1:], members.offsets.tolist(), members.sizes.tolist(), strict=False
        )
    }


def files_by_tarfile(path: Path) -> dict[str, bytes]:
    """The same by Python's own module; inner tars are taken apart, as fastinet does."""
    files: dict[str, bytes] = {}

    def add(tar: tarfile.TarFile, folder: str) -> None:
        for member in tar:
            if not member.isreg():
                continue
            if member.size > _MOST_BYTES:
                raise _TooLargeError
            content = tar.extractfile(member)
            data = content.read() if content is not None else b""
            name = folder + _tidy(member.name)
            inner = _inner_tar(data) if name.lower().endswith(".tar") else None
            if inner is not None:
                add(inner, name[: -len(".tar")] + "/")
            else:
                files[name] = data

    with tarfile.open(path, "r:", errors="surrogateescape", encoding="utf-8") as outer:
        add(outer, "")
    return files


def _inner_tar(data: bytes) -> tarfile.TarFile | None:
    try:
        return tarfile.open(fileobj=io.BytesIO(data), mode="r:")
    except tarfile.TarError:
        return None


def _tidy(name: str) -> str:
    """A member's name as fastinet spells it: without "./" and doubled slashes."""
    return "/".join(part for part in name.split("/") if part not in {"", "."})


def _difference(ours: Any, theirs: Any) -> str:
    """The first file that only one has, or that has two contents."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        return ""
    for name in sorted({*ours, *theirs}):
        if name not in ours:
            return f"has no {name!r}"
        if name not in theirs:
            return f"has {name!r} alone"
        if ours[name] != theirs[name]:
            return f"{name!r} has {len(ours[name])} bytes, and {len(theirs[name])} by the other"
    return ""


def compare_tar(path: Path, data: bytes, end_marker: str) -> Verdict | None:
    """One tar, by both; `data` are its bytes, inflated, and `end_marker` is as for `open`."""
    ours: Any
    theirs: Any
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(data)
        file.flush()
        place = Path(file.name)
        try:
            found = files_by_fastinet(place, data, end_marker)
            ours = {_tidy(name): content for name, content in found.items()}
        except FastinetError as error:
            ours = error
        try:
            theirs = files_by_tarfile(place)
        except _TooLargeError:
            return None
        except Exception as error:  # noqa: BLE001  # tarfile lets ValueError and others through
            theirs = error
    said = _said(ours).replace(str(place), path.name) or _difference(ours, theirs)
    return Verdict("tar", outcome_of(ours, theirs, ours == theirs), str(path), said, _said(theirs))


# ------------------------------------------------------------------------------------------- files


def uudecoded(text: bytes) -> bytes:
    """What a uuencoded file holds."""
    lines = iter(text.splitlines())
    if not any(line.startswith(b"begin ") for line in lines):
        raise ValueError("no uuencoded file")
    data = bytearray()
    for line in lines:
        if line.strip() in {b"end", b"`"}:
            break
        try:
            data += binascii.a2b_uu(line)
        except binascii.Error:  # some encoders write a byte too much
            data += binascii.a2b_uu(line[: ((line[0] - 32 & 63) * 4 + 5) // 3 + 1])
    return bytes(data)


def _inflated(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    with gzip.open(io.BytesIO(data)) as file:
        return file.read(_MOST_BYTES)


def looks_like_tar(name: str, data: bytes) -> bool:
    """By its first header's magic, or by its name."""
    return data[257:262] == b"ustar" or name.endswith((".tar", ".tgz", ".tar.gz"))


def verdicts(folders: list[Path], end_marker: str = "required") -> Iterator[Verdict]:
    """Of every image and tar in the folders, in the order of their paths."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.stat().st_size > _MOST_BYTES:
                continue
            data = path.read_bytes()
            name = path.name.lower()
            try:
                if name.endswith(".uu"):
                    data, name = uudecoded(data), name[: -len(".uu")]
                data = _inflated(data)
            except (ValueError, OSError, EOFError, zlib.error, binascii.Error):
                continue  # no file of a kind that is read here
            verdict = None
            if data.startswith((b"\xff\xd8\xff", b"\x89PNG")):
                verdict = compare_image(path, data)
            elif looks_like_tar(name, data):
                verdict = compare_tar(path, data, end_marker)
            if verdict is not None:
                yield verdict


def main() -> None:
    """Prints a table: of each kind, how many came out how."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--list", action="append", default=[], help="outcomes to list, by a word")
    parser.add_argument("--end-marker", choices=("required", "optional"), default="required")
    arguments = parser.parse_args()
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("ignore")
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for verdict in verdicts(arguments.folders, arguments.end_marker):
        counts[verdict.kind, verdict.outcome] += 1
        if any(word in verdict.outcome for word in arguments.list):
            sys.stdout.write(
                f"{verdict.outcome}: {verdict.path}\n    fastinet: {verdict.ours or 'reads it'}\n"
                f"    the other: {verdict.theirs or 'reads it'}\n"
            )
    kinds = sorted({kind for kind, _ in counts})
    sys.stdout.write(f"{'':20}" + "".join(f"{kind:>8}" for kind in kinds) + "\n")
    for outcome in OUTCOMES:
        sys.stdout.write(
            f"{outcome:20}" + "".join(f"{counts[kind, outcome]:8}" for kind in kinds) + "\n"
        )


if __name__ == "__main__":
    main()
