"""Reads MATLAB 5 files, as far as the devkit's ``meta.mat`` needs it: structs, texts, numbers.

The format is MathWorks' "MAT-File Format", level 5. A file is a header of 128 bytes and data
elements; an element is a tag (type and size) and that many bytes, filled up to a multiple of 8.
Elements of type miCOMPRESSED hold another element as a zlib stream; miMATRIX ones hold an array as
a row of sub-elements. Nothing in the format is code.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinet.errors import CorruptError, UnsupportedError

__all__ = ["Struct", "read_matlab"]

HEADER_BYTES = 128
MI_MATRIX = 14
MI_COMPRESSED = 15
NUMBER_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"} | {
    12: "i8",
    13: "u8",
}
"""NumPy's names of the numeric element types, without byte order."""

_TEXT_TYPES = {1: "latin-1", 2: "latin-1", 16: "utf-8"}  # and UTF-16, which has a byte order
_UTF16_TYPES = (4, 17)
_MX_STRUCT, _MX_CHAR = 2, 4
_MX_NUMBERS = range(6, 16)
_MX_COMPLEX = 0x0800  # among the array flags

_MOST_PARTS = 1 << 18  # of one array: those of meta.mat have some 15,000
_MOST_BYTES = 1 << 26  # inflated: meta.mat has less than 1 MB
_MOST_DEPTH = 16
_MOST_DIMENSIONS = 64  # a struct has two


@dataclasses.dataclass(frozen=True)
class Struct:
    """A struct array: its elements, in MATLAB's order, as values by field name."""

    elements: list[dict[str, Any]]


def read_matlab(data: bytes, name: str) -> dict[str, Any]:
    """The variables of a MATLAB 5 file: text as str, numbers as flat arrays, struct arrays.

    Args:
        data: the file.
        name: what messages call it.

    Raises:
        CorruptError: it is no MATLAB 5 file, or is damaged; names the byte where it is known.
        UnsupportedError: it holds cells, objects, sparse or complex arrays, or is of version 7.3.
    """
    if data.startswith(b"\x89HDF") or data[512:516] == b"\x89HDF":
        raise UnsupportedError("MATLAB 7.3 (HDF5); only MATLAB 5 files are read", member=name)
    mark = data[126:HEADER_BYTES]
    if mark not in (b"IM", b"MI"):
        raise CorruptError("no MATLAB 5 file", member=name)
    reader = _Reader("<" if mark == b"IM" else ">", name)
    variables = {}
    room = _MOST_BYTES
    for kind, start, content in reader.elements(data, HEADER_BYTES):
        if kind == MI_COMPRESSED:
            whole = reader.inflate(content, start, room)
            room -= len(whole)
            matrices = [
                inner for inner_kind, _, inner in reader.elements(whole) if inner_kind == 14
            ]
        else:
            matrices = [content] if kind == MI_MATRIX else []
        for matrix in matrices:
            variable, value = reader.matrix(matrix)
            variables[variable] = value
    return variables


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads elements of one byte order; ``name`` is the file's in messages."""

    order: str
    name: str

    def elements(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """The elements from ``start`` on: type, where the content begins, content."""
        while start < len(data):
            if len(data) - start < 8:
                raise self._damaged("truncated: half an element", start)
            kind, size = struct.unpack_from(f"{self.order}II", data, start)
            begin, end = start + 8, start + 8 + size + -size % 8
            if kind >> 16:  # a small element: size and type in 4 bytes, up to 4 bytes of content
                kind, size = kind & 0xFFFF, kind >> 16
                begin, end = start + 4, start + 8
            elif kind == MI_COMPRESSED:  # the one type that is not filled up
                end = begin + size
            if begin + size > min(len(data), end):
                raise self._damaged(f"truncated: an element of {size} bytes", start)
            yield kind, begin, data[begin : begin + size]
            start = end

    def inflate(self, stream: bytes, start: int, most_bytes: int) -> bytes:
        """The content of a zlib stream, of up to so many bytes."""
        decompressor = zlib.decompressobj()
        try:
            content = decompressor.decompress(stream, most_bytes + 1)
        except zlib.error as error:
            raise self._damaged(f"bad zlib stream: {error}", start) from None
        if not decompressor.eof or len(content) > most_bytes:
            raise self._damaged(
                "a zlib stream is cut, or all hold more than 64 MB, which those of no meta.mat do",
                start,
            )
        return content

    def matrix(self, content: bytes, depth: int = 0) -> tuple[str, Any]:
        """Name and value of an array."""
        if not content:
            return "", np.zeros(0)
        if depth > _MOST_DEPTH:
            raise self._damaged(f"structs within structs, {depth} deep")
        parts = [
            (kind, part)
            for kind, _, part in itertools.islice(self.elements(content), _MOST_PARTS + 1)
        ]
        if len(parts) > _MOST_PARTS:
            raise self._damaged(f"an array of more than {_MOST_PARTS:,} parts")
        if len(parts) < 3 or len(parts[0][1]) != 8:
            raise self._damaged("an array without flags, dimensions or name")
        flags = struct.unpack(f"{self.order}I", parts[0][1][:4])[0]
        dimensions = self._numbers(*parts[1])
        if dimensions.dtype.kind not in "iu" or not 2 <= len(dimensions) <= _MOST_DIMENSIONS:
            raise self._damaged(f"{len(dimensions)} dimensions, each of {dimensions.dtype}")
        if (dimensions < 0).any():
            raise self._damaged(f"an array of dimensions {dimensions.tolist()}")
        name, rest = parts[2][1].decode("latin-1"), parts[3:]
        array_class = flags & 0xFF
        if array_class == _MX_STRUCT:
            return name, self._struct(rest, dimensions, depth)
        if array_class == _MX_CHAR:
            return name, self._text(*rest[0]) if rest else ""
        if array_class in _MX_NUMBERS and not flags & _MX_COMPLEX:
            return name, self._numbers(*rest[0]) if rest else np.zeros(0)
        raise UnsupportedError(
            f"a MATLAB array of class {array_class}, flags {flags:#x}; structs, texts and real"
            " numbers are read",
            member=self.name,
        )

    def _struct(
        self, parts: list[tuple[int, bytes]], dimensions: NDArray[Any], depth: int
    ) -> Struct:
        """Field-name length, field names, then every field of every element."""
        if len(parts) < 2 or len(parts[0][1]) != 4:
            raise self._damaged("a struct without field names")
        length = struct.unpack(f"{self.order}i", parts[0][1])[0]
        names, values = parts[1][1], parts[2:]
        if length <= 0 or len(names) % length:
            raise self._damaged(f"field names of {length} bytes in {len(names)} bytes")
        fields = [
            names[start : start + length].split(b"\0")[0].decode("latin-1")
            for start in range(0, len(names), length)
        ]
        count = math.prod(dimensions.tolist())
        if not fields and count > 1:  # of which there is nothing in the file to bound their number
            raise UnsupportedError(f"{count} structs without fields", member=self.name)
        if len(values) != count * len(fields):
            raise self._damaged(
                f"{count} elements of {len(fields)} fields, but {len(values)} values"
            )
        if any(kind != MI_MATRIX for kind, _ in values):
            raise self._damaged("a field that is no array")
        read = iter([self.matrix(content, depth + 1)[1] for _, content in values])
        return Struct([{field: next(read) for field in fields} for _ in range(count)])

    def _numbers(self, kind: int, content: bytes) -> NDArray[Any]:
        if kind not in NUMBER_TYPES:
            raise self._damaged(f"numbers of type {kind}")
        dtype = np.dtype(self.order + NUMBER_TYPES[kind])
        if len(content) % dtype.itemsize:
            raise self._damaged(f"{len(content)} bytes of {dtype}")
        return np.frombuffer(content, dtype)

    def _text(self, kind: int, content: bytes) -> str:
        utf16 = "utf-16-le" if self.order == "<" else "utf-16-be"
        encoding = utf16 if kind in _UTF16_TYPES else _TEXT_TYPES.get(kind)
        if encoding is None:
            raise self._damaged(f"text of type {kind}")
        return content.decode(encoding, "replace")

    def _damaged(self, cause: str, offset: int | None = None) -> CorruptError:
        return CorruptError(f"damaged MATLAB file: {cause}", member=self.name, offset=offset)
