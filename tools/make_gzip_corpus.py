"""Writes the files that the gzip fuzzer starts from: one for each form that the inflater knows.

    python tools/make_gzip_corpus.py [folder]        (csrc/fuzz/corpus/gzip)

They are committed, so that `make cpptest` replays them. Another zlib may deflate the same content
to other bytes, so nothing holds them to this script.
"""

from __future__ import annotations

import random
import struct
import sys
import zlib
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "csrc" / "fuzz" / "corpus" / "gzip"

PLAIN_HEADER = b"\x1f\x8b\x08\0" + bytes(4) + b"\0\xff"


def member(
    content: bytes, level: int = 6, strategy: int = 0, header: bytes = PLAIN_HEADER
) -> bytes:
    """One gzip member."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15, strategy=strategy)
    body = deflate.compress(content) + deflate.flush()
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))


def files() -> dict[str, bytes]:
    """The corpus: file name without suffix -> bytes."""
    rng = random.Random(1)  # noqa: S311  # the same bytes each time
    noise = rng.randbytes(3000)
    text = b" ".join(str(i * i).encode() for i in range(400))
    # Longer than a stretch and highly regular, with references across it: small, and worth seeking.
    long = (text * 60)[:90_000] + noise + bytes(40_000)
    fields = struct.pack("<H", 3) + b"abc" + b"name\0comment\0"
    full = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\0\x03" + fields
    full += struct.pack("<H", zlib.crc32(full) & 0xFFFF)
    return {
        "empty": member(b""),
        "fixed": member(text, strategy=zlib.Z_FIXED),
        "dynamic": member(text),
        "stored": member(noise, 0),
        "noise": member(noise),
        "long": member(long),
        "long_fixed": member(long, strategy=zlib.Z_FIXED),
        "fields": member(text, header=full),
        "members": member(text) + member(b"") + member(noise, 0) + member(text, 1),
        "padded": member(text) + bytes(700),
        "garbage": member(text) + b"garbage",
        "cut": member(text)[:-5],
    }


def main() -> None:
    """Writes the corpus."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files().items():
        (folder / f"{name}.gz").write_bytes(data)


if __name__ == "__main__":
    main()
