"""Writes ``.pt`` and ``.pth`` files as ``torch.save`` does, in both containers, without torch."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["legacy_torch_file", "zip_torch_file"]

_MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
_PROTOCOL = 1001
_MACHINE = {
    "protocol_version": _PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
_STORAGE_TYPES = {
    "f8": "DoubleStorage",
    "f4": "FloatStorage",
    "f2": "HalfStorage",
    "i8": "LongStorage",
    "i4": "IntStorage",
    "i2": "ShortStorage",
    "i1": "CharStorage",
    "u1": "ByteStorage",
    "b1": "BoolStorage",
}


def legacy_torch_file(value: Any) -> bytes:
    """The file of ``torch.save(value, ..., _use_new_zipfile_serialization=False)``.

    Args:
        value: None, bool, int, float, str, or list, tuple or dict of such; arrays are written as
            tensors, each with a storage of its own.
    """
    program = _Program(is_legacy=True)
    program.add(value)
    file = io.BytesIO()
    for part in (_MAGIC, _PROTOCOL, _MACHINE):
        pickle.dump(part, file, protocol=2)
    file.write(program.finished())
    pickle.dump(list(program.storages), file, protocol=2)
    for array in program.storages.values():
        file.write(struct.pack("<q", array.size) + _little_endian(array))
    return file.getvalue()


def zip_torch_file(value: Any, folder: str = "archive") -> bytes:
    """The file of ``torch.save(value, ...)``; arguments as for :func:`legacy_torch_file`.

    Args:
        value: what to write.
        folder: of the members; torch names it after the file.
    """
    program = _Program(is_legacy=False)
    program.add(value)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        members = {"data.pkl": program.finished(), "byteorder": b"little"}
        members |= {f"data/{key}": _little_endian(array) for key, array in program.storages.items()}
        for name, content in {**members, "version": b"3\n"}.items():
            # A fixed time, so that the same value gives the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}"), content)
    return file.getvalue()


def _little_endian(array: NDArray[Any]) -> bytes:
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


class _Program:
    """A pickle of protocol 2, opcode by opcode: the module pickle would need torch's names."""

    def __init__(self, *, is_legacy: bool) -> None:
        self.storages: dict[str, NDArray[Any]] = {}
        self._is_legacy = is_legacy
        self._code = bytearray(b"\x80\x02")

    def finished(self) -> bytes:
        return bytes(self._code + pickle.STOP)

    def add(self, value: Any) -> None:
        """Appends what pushes ``value``."""
        if isinstance(value, np.ndarray):
            self._add_tensor(value)
        elif isinstance(value, Mapping):
            self._code += pickle.EMPTY_DICT + pickle.MARK
            for key, inner in value.items():
                self.add(key)
                self.add(inner)
            self._code += pickle.SETITEMS
        elif isinstance(value, list):
            self._code += pickle.EMPTY_LIST + pickle.MARK
            self._add_all(value)
            self._code += pickle.APPENDS
        elif isinstance(value, tuple):
            self._code += pickle.MARK
            self._add_all(value)
            self._code += pickle.TUPLE
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogatepass")
            self._code += pickle.BINUNICODE + struct.pack("<I", len(text)) + text
        else:  # pickled by itself, less protocol and STOP
            self._code += pickle.dumps(value, protocol=2)[2:-1]

    def _add_all(self, values: list[Any] | tuple[Any, ...]) -> None:
        for value in values:
            self.add(value)

    def _add_global(self, module: str, name: str) -> None:
        self._code += pickle.GLOBAL + f"{module}\n{name}\n".encode()

    def _add_tensor(self, array: NDArray[Any]) -> None:
        """``_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())``."""
        key = str(94_000_000 + len(self.storages)) if self._is_legacy else str(len(self.storages))
        contiguous = np.array(array, order="C")
        self.storages[key] = contiguous
        self._add_global("torch._utils", "_rebuild_tensor_v2")
        self._code += pickle.MARK + pickle.MARK
        self.add("storage")
        self._add_global("torch", _STORAGE_TYPES[array.dtype.str[1:]])
        self._add_all([key, "cpu", array.size])
        if self._is_legacy:
            self.add(None)  # not a part of another storage
        self._code += pickle.TUPLE + pickle.BINPERSID
        strides = tuple(stride // array.itemsize for stride in contiguous.strides)
        self._add_all([0, array.shape, strides, False])
        self._add_global("collections", "OrderedDict")
        self._code += pickle.EMPTY_TUPLE + pickle.REDUCE
        self._code += pickle.TUPLE + pickle.REDUCE
