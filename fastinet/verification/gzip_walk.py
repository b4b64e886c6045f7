"""The members of a compressed tar, in one pass over all of it.

Devkits and boxes have some megabytes; what they hold is listed here, and gzip's own checksum is
compared on the way. Of tars within the tar the names alone are taken.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from fastinet import _scan
from fastinet.errors import CorruptError, FastinetError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["walk_gzip"]

_HEAD_BYTES = 8
_READ_BYTES = 1 << 20


def walk_gzip(
    path: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[_scan.Members, list[FastinetError]]:
    """The members as far as they can be read, and what is wrong.

    Args:
        path: of the archive.
        progress: called now and then with (compressed bytes passed, in all).

    Raises:
        OSError: it cannot be read.
    """
    names: list[bytes] = []
    places: list[tuple[int, int]] = []
    heads: list[bytes] = []
    specials = 0
    errors: list[FastinetError] = []
    size = path.stat().st_size
    with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as tar:
                for member in tar:
                    if not member.isfile():
                        specials += not member.isdir()
                        continue
                    content = tar.extractfile(member)
                    heads.append(content.read(_HEAD_BYTES) if content is not None else b"")
                    names.append(member.name.removeprefix("./").encode("utf-8", "surrogateescape"))
                    places.append((member.offset_data, member.size))
                    if progress is not None and len(names) % 1024 == 0:
                        progress(file.tell(), size)
            _read_on(stream)
        except EOFError:
            errors.append(
                CorruptError(
                    "truncated: the gzip stream has no end", archive=str(path), offset=size
                )
            )
        except (tarfile.TarError, zlib.error, gzip.BadGzipFile) as error:
            errors.append(CorruptError(f"damaged: {error}", archive=str(path), offset=file.tell()))
    offsets, sizes = np.array(places, np.uint64).reshape(-1, 2).T.copy()
    return (
        _scan.Members(
            offsets=offsets,
            sizes=sizes,
            containers=np.full(len(names), -1, np.int32),
            heads=np.frombuffer(b"".join(h.ljust(_HEAD_BYTES, b"\0") for h in heads), np.uint8)
            .reshape(-1, _HEAD_BYTES)
            .copy(),
            names=np.frombuffer(b"".join(names), np.uint8),
            name_ends=np.cumsum([len(name) for name in names], dtype=np.uint64),
            container_names=[],
            special_entries=specials,
        ),
        errors,
    )


def _read_on(stream: io.BufferedIOBase) -> None:
    """To the stream's end, where its checksum is compared."""
    while stream.read(_READ_BYTES):
        pass
