"""Reads ``.pt`` and ``.pth`` files, what ``torch.save`` writes, without torch and without risk.

Two containers are in use. Both hold a pickle in which a tensor is a call of
``torch._utils._rebuild_tensor_v2`` on a persistent id, which names the storage with its numbers:

==========  ========================================================================================
legacy      before torch 1.6, and ``_use_new_zipfile_serialization=False``: pickles of a magic
            number, of the protocol 1001, of facts about the writer's machine, of the object, and of
            the list of storage keys; then, in that order, each storage: int64 number of elements,
            and the elements. Little-endian
zip         a ZIP of uncompressed members below one folder: ``data.pkl``, ``byteorder``,
            ``data/<key>`` for each storage
==========  ========================================================================================

The layout is that of ``torch/serialization.py``. The pickle is read by
:mod:`fastinet.formats.plain_pickle`, which runs nothing: a name other than those in ``_GLOBALS``
below is an error that says which. A tensor's storage, offset, shape and strides are checked against
the bytes that are there before an array is made over them.
"""

from __future__ import annotations

import io
import math
import os
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinet.errors import (
    CorruptError,
    FastinetError,
    MissingError,
    ReadError,
    TooLargeError,
    UnsupportedError,
)
from fastinet.formats.plain_pickle import KEY_TYPES, Stateful, Token, read_plain_pickle
from fastinet.formats.signatures import HEAD_BYTES, content_of

__all__ = [
    "LEGACY_TORCH",
    "TensorLocation",
    "is_torch_zip",
    "locate_tensor",
    "parse_torch_file",
    "read_torch_file",
]

LEGACY_TORCH = bytes.fromhex("80028a0a6cfc9c46f920")
"""How files of the older container begin: a pickle of the magic number."""

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
_LEGACY_PROTOCOL = 1001
_ZIP_MAGIC = b"PK\x03\x04"
_ZIP_LOCAL_HEADER_BYTES = 30  # APPNOTE.TXT 4.3.7
_MOST_BYTES = 1 << 32  # of a file: the largest that are read here have a few megabytes
_MOST_AXES = 16
_MOST_EMPTY = 1 << 31  # product of the other sides of a tensor that has a side of 0

_STORAGE_TYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


@dataclass(frozen=True)
class TensorLocation:
    """Where in a file the numbers of a tensor lie."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """Elements from one to the next along each axis."""
    offset: int
    """First byte of the first element, from the file's start."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the tensor's numbers, without those that strides pass over."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def is_contiguous(self) -> bool:
        """Whether the numbers lie one after another, the last axis fastest."""
        if 0 in self.shape:
            return True
        expected = 1
        for side, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if side != 1 and stride != expected:
                return False
            expected *= side
        return True

    def array(self, data: bytes) -> NDArray[Any]:
        """The tensor as a read-only array over the file's bytes."""
        # The stride of an axis with one element may be anything.
        strides = [
            stride * self.dtype.itemsize if side > 1 else 0
            for side, stride in zip(self.shape, self.strides, strict=True)
        ]
        if math.prod(self.shape) == 0:
            return np.zeros(self.shape, self.dtype)
        return np.ndarray(self.shape, self.dtype, data, self.offset, strides)


def read_torch_file(path: str | os.PathLike[str]) -> Any:
    """What a ``.pt`` or ``.pth`` file holds.

    Returns:
        The value that was saved: dictionaries, lists, tuples, sets, texts and numbers as they are,
        an OrderedDict as a dict; tensors and NumPy arrays as read-only arrays over the file's
        bytes, arrays of Python objects as lists.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
        CorruptError: it is no torch file, is truncated or damaged; names the byte.
        UnsupportedError: its pickle asks for anything that is not plain data; names it. Nothing of
            it is run.
        TooLargeError: it, or what it unfolds to, is larger than any file of the kind.
    """
    try:
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                raise TooLargeError(f"has more than {_MOST_BYTES} bytes", archive=str(path))
            data = file.read()
    except FileNotFoundError as error:
        raise MissingError("no such file", archive=str(path)) from error
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    try:
        return parse_torch_file(data)
    except FastinetError as error:
        raise type(error)(error.cause, archive=str(path), offset=error.offset) from None


def is_torch_zip(path: str | os.PathLike[str]) -> bool:
    """Whether a ZIP is what ``torch.save`` writes, and no ``.npz``, by the names of its members."""
    try:
        with zipfile.ZipFile(path) as members:
            return any(name.rpartition("/")[2] == "data.pkl" for name in members.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False  # whoever reads it will say what is wrong


def parse_torch_file(data: bytes, name: str = "a torch file") -> Any:
    """The value in a ``.pt`` or ``.pth`` file that is in memory; see :func:`read_torch_file`.

    Args:
        data: the file.
        name: what messages call it.
    """
    value, starts = _read(data, name)
    made: dict[int, Any] = {}  # by id of what it was made from, so that what is shared stays so

    def finished(value: Any) -> Any:
        if isinstance(value, _Tensor):
            return value.located(starts).array(data)
        if not isinstance(value, list | tuple | dict):
            return value
        if id(value) not in made:
            if isinstance(value, dict):
                made[id(value)] = {key: finished(inner) for key, inner in value.items()}
            else:
                made[id(value)] = type(value)(map(finished, value))
        return made[id(value)]

    return finished(value)


def locate_tensor(data: bytes, name: str = "a torch file") -> TensorLocation:
    """Where the numbers of a file's only tensor lie, of a file that holds nothing else.

    Raises:
        CorruptError, UnsupportedError, TooLargeError: as :func:`read_torch_file`; UnsupportedError
            also for a file that holds something else than one tensor.
    """
    value, starts = _read(data, name)
    if not isinstance(value, _Tensor):
        raise UnsupportedError(f"holds a {type(value).__name__}, not one tensor", member=name)
    return value.located(starts)


def _read(data: bytes, name: str) -> tuple[Any, dict[str, int]]:
    """The value in the file, and where each of its storages begins [bytes]."""
    return _read_zip(data, name) if data.startswith(_ZIP_MAGIC) else _read_legacy(data, name)


# --------------------------------------------------------------------------------- the containers


def _read_legacy(data: bytes, name: str) -> tuple[Any, dict[str, int]]:
    try:
        magic, position = read_plain_pickle(data, globals={}, name=name)
    except (CorruptError, UnsupportedError):
        magic, position = None, 0
    if magic != _LEGACY_MAGIC:
        content = content_of(data[:HEAD_BYTES], len(data))
        found = (
            "neither a ZIP nor torch's magic number"
            if content is None
            else f"it is {content.name}; {content.as_archive}"
        )
        raise CorruptError(f"no torch file: {found}", member=name, offset=0)
    protocol, position = read_plain_pickle(data, position, globals={}, name=name)
    if protocol != _LEGACY_PROTOCOL:
        raise UnsupportedError(
            f"not torch's serialization protocol {_LEGACY_PROTOCOL}", member=name
        )
    _, position = read_plain_pickle(data, position, globals={}, name=name)
    pickle = _TensorPickle(name, "<")  # torch turns the bytes of big-endian machines when it writes
    value, position = pickle.read(data, position)
    keys, position = read_plain_pickle(data, position, globals={}, name=name)
    starts = {}
    for key in keys if isinstance(keys, list) else []:
        storage = pickle.storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise CorruptError("a storage that nothing uses", member=name, offset=position)
        if len(data) - position < 8:
            raise CorruptError(
                "truncated: a storage's length is missing", member=name, offset=position
            )
        (elements,) = struct.unpack_from("<q", data, position)
        position += 8
        _check_storage(storage, elements * storage.dtype.itemsize, data, position, name)
        starts[key] = position
        position += storage.size_bytes
    _refuse_missing(pickle, starts, name)
    return value, starts


def _read_zip(data: bytes, name: str) -> tuple[Any, dict[str, int]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: member for member in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise CorruptError(f"a damaged or truncated ZIP: {error}", member=name) from None
    folder = next((path[:-8] for path in members if path.endswith("/data.pkl")), None)
    if folder is None:
        raise CorruptError("a ZIP without data.pkl: no torch file", member=name)
    order = b"little"
    if f"{folder}byteorder" in members:
        order = _stored(data, members[f"{folder}byteorder"], name)[1]
    if order not in (b"little", b"big"):
        raise CorruptError(f"an unknown byte order {order[:16]!r}", member=name)
    begin, program = _stored(data, members[f"{folder}data.pkl"], name)
    pickle = _TensorPickle(name, "<" if order == b"little" else ">")
    value = pickle.read(data[: begin + len(program)], begin)[0]
    starts = {}
    for key, storage in pickle.storages.items():
        member = members.get(f"{folder}data/{key}")
        if member is not None:
            start, content = _stored(data, member, name)
            _check_storage(storage, len(content), data, start, name)
            starts[key] = start
    _refuse_missing(pickle, starts, name)
    return value, starts


def _stored(data: bytes, member: zipfile.ZipInfo, name: str) -> tuple[int, bytes]:
    """Where a member's content begins, and the content, whose checksum is right."""
    header = member.header_offset
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        raise UnsupportedError(
            f"'{member.filename}' is compressed or encrypted, as torch.save never does it",
            member=name,
            offset=header,
        )
    fixed = data[header : header + _ZIP_LOCAL_HEADER_BYTES] if header >= 0 else b""
    if len(fixed) < _ZIP_LOCAL_HEADER_BYTES or not fixed.startswith(_ZIP_MAGIC):
        raise CorruptError(
            f"'{member.filename}' is not where the ZIP says", member=name, offset=header
        )
    begin = header + _ZIP_LOCAL_HEADER_BYTES + sum(struct.unpack_from("<HH", fixed, 26))
    content = data[begin : begin + member.file_size]
    if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
        raise CorruptError(
            f"'{member.filename}' is truncated or damaged: its checksum is wrong",
            member=name,
            offset=begin,
        )
    return begin, content


def _dtype(kind: str, byte_order: str) -> np.dtype[Any]:
    if kind != "bfloat16":
        return np.dtype(byte_order + kind)
    if byte_order != "<":
        raise UnsupportedError("a torch file of bfloat16 numbers with the high byte first")
    import ml_dtypes  # noqa: PLC0415 - NumPy's bfloat16, which few files need

    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def _check_storage(storage: _Storage, size_bytes: int, data: bytes, start: int, name: str) -> None:
    """Compares the storage that the pickle names with the one that is there."""
    if size_bytes != storage.size_bytes:
        raise CorruptError(
            f"a storage of {size_bytes} bytes, of which the pickle says {storage.size_bytes}",
            member=name,
            offset=start,
        )
    if storage.size_bytes > len(data) - start:
        raise CorruptError(
            f"truncated: a storage of {storage.size_bytes} bytes", member=name, offset=start
        )


def _refuse_missing(pickle: _TensorPickle, starts: dict[str, int], name: str) -> None:
    missing = sorted(pickle.storages.keys() - starts.keys())
    if missing:
        raise CorruptError(f"storage {missing[0]!r} of a tensor is missing", member=name)


# ------------------------------------------------------------------------------ what pickles call


@dataclass(frozen=True)
class _StorageType(Token):
    """What ``torch.FloatStorage`` and the like stand for."""

    kind: str


@dataclass(frozen=True)
class _Storage(Token):
    """A storage as the pickle names it."""

    key: str
    dtype: np.dtype[Any]
    elements: int

    @property
    def size_bytes(self) -> int:
        return self.elements * self.dtype.itemsize


@dataclass(frozen=True)
class _Tensor:
    """A tensor before its storage is found; offset and strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def located(self, starts: dict[str, int]) -> TensorLocation:
        dtype = self.storage.dtype
        offset = starts[self.storage.key] + self.offset * dtype.itemsize
        return TensorLocation(dtype, self.shape, self.strides, offset)


class _TensorPickle:
    """The pickle of a torch file, and the storages that it names."""

    def __init__(self, name: str, byte_order: str) -> None:
        self.storages: dict[str, _Storage] = {}
        self._name = name
        self._byte_order = byte_order

    def read(self, data: bytes, position: int) -> tuple[Any, int]:
        return read_plain_pickle(
            data, position, globals=_GLOBALS, persistent=self._storage, name=self._name
        )

    def _storage(self, identity: Any) -> _Storage:
        """The storage of a persistent id.

        ("storage", type, key, device, number of elements), and in legacy files the part of another
        storage that it is, which no current torch writes.
        """
        kind, storage_type, key, _, elements, *view = identity
        if kind != "storage" or any(part is not None for part in view):
            raise UnsupportedError("a torch file with persistent ids that are no storages")
        if not isinstance(storage_type, _StorageType) or not isinstance(key, str):
            raise TypeError("no storage")
        dtype = _dtype(storage_type.kind, self._byte_order)
        storage = _Storage(key, dtype, _count(elements))
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"two storages are called {key!r}")
        return storage


def _count(value: Any) -> int:
    """``value``, which must be a whole number from 0 on."""
    if not isinstance(value, int) or value < 0:
        raise ValueError("no number of elements")
    return value


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """``torch._utils._rebuild_tensor_v2``; its further arguments are of gradients: not read."""
    if not isinstance(storage, _Storage) or len(shape) != len(strides) or len(shape) > _MOST_AXES:
        raise ValueError("no tensor")
    shape, strides = tuple(map(_count, shape)), tuple(map(_count, strides))
    last = _count(offset) + sum(
        (side - 1) * stride for side, stride in zip(shape, strides, strict=True)
    )
    if 0 in shape:
        if math.prod(max(side, 1) for side in shape) > _MOST_EMPTY:
            raise ValueError("an empty tensor with sides beyond measure")
        return _Tensor(storage, 0, shape, strides)
    if last >= storage.elements:
        raise ValueError(f"element {last} of a storage of {storage.elements}")
    if math.prod(shape) > storage.elements:
        raise UnsupportedError("an expanded tensor, with more elements than its storage has")
    return _Tensor(storage, offset, shape, strides)


def _encode(text: Any, encoding: Any) -> bytes:
    """``_codecs.encode``, by which protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("no bytes")
    return text.encode("latin-1")


def _empty_bytes() -> bytes:
    """``bytes``, by which protocol 2 writes b""."""
    return b""


def _set(values: Any) -> set[Any]:
    if not isinstance(values, list) or not all(isinstance(value, KEY_TYPES) for value in values):
        raise ValueError("no set of numbers and texts")
    return set(values)


def _ordered_dict(items: Any = ()) -> dict[Any, Any]:
    if not all(isinstance(key, KEY_TYPES) for key, _ in items):
        raise ValueError("no dictionary of numbers and texts")
    return dict(items)


@dataclass(frozen=True)
class _ArrayType(Token):
    """A NumPy dtype."""

    dtype: np.dtype[Any]


class _ArrayTypeLater(Stateful):
    """``numpy.dtype(text, ...)``: its state adds byte order and, of texts, the length."""

    def __init__(self, text: Any, *_: Any) -> None:
        if not isinstance(text, str) or not re.fullmatch(r"[biufSUO]\d{1,9}", text):
            raise UnsupportedError(f"a NumPy array of {text!r}")
        self._text = text

    def finished(self, state: Any) -> _ArrayType:
        _, order, subtype, names, fields, *_ = state
        if (subtype, names, fields) != (None, None, None) or order not in ("<", ">", "|", "="):
            raise UnsupportedError("a NumPy array of structures")
        dtype = np.dtype(self._text)
        return _ArrayType(dtype if order == "|" else dtype.newbyteorder(order))


class _ArrayLater(Stateful):
    """``_reconstruct(numpy.ndarray, (0,), b"b")``: the state is the array."""

    def __init__(self, *_: Any) -> None:
        pass

    def finished(self, state: Any) -> Any:
        _, shape, array_type, is_fortran, content = state
        shape = tuple(map(_count, shape))
        dtype = array_type.dtype if isinstance(array_type, _ArrayType) else None
        if dtype is None or len(shape) > _MOST_AXES:
            raise ValueError("no array")
        if dtype.kind == "O":
            if len(shape) != 1 or not isinstance(content, list) or len(content) != shape[0]:
                raise UnsupportedError("a NumPy array of objects with more than one axis")
            return content
        if not isinstance(content, bytes) or math.prod(shape) * dtype.itemsize != len(content):
            raise ValueError("an array of another size than its content")
        return np.ndarray(shape, dtype, content, order="F" if is_fortran else "C")


def _scalar(array_type: Any, content: Any) -> Any:
    """``numpy.core.multiarray.scalar``: a number, as a Python one."""
    if not isinstance(array_type, _ArrayType) or array_type.dtype.kind == "O":
        raise ValueError("no number")
    if not isinstance(content, bytes) or len(content) != array_type.dtype.itemsize:
        raise ValueError("a number of another size than its type")
    return np.frombuffer(content, array_type.dtype)[0].item()


_NUMPY_CORE = ("numpy.core.multiarray", "numpy._core.multiarray")

# All that a pickle may ask for, and what it gets.
_GLOBALS: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    **{("torch", name): _StorageType(kind) for name, kind in _STORAGE_TYPES.items()},
    ("collections", "OrderedDict"): _ordered_dict,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty_bytes,
    ("__builtin__", "set"): _set,
    ("builtins", "set"): _set,
    ("numpy", "ndarray"): Token(),
    ("numpy", "dtype"): _ArrayTypeLater,
    **{(core, "_reconstruct"): _ArrayLater for core in _NUMPY_CORE},
    **{(core, "scalar"): _scalar for core in _NUMPY_CORE},
}
