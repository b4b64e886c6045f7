"""Torch files around a given pickle, and what is raised where one is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import Any

import numpy as np

from fastinet.errors import CorruptError, TooLargeError, UnsupportedError

REFUSED = (CorruptError, UnsupportedError, TooLargeError)
PLAIN = (type(None), bool, int, float, str, bytes)


def same(left: Any, right: Any) -> bool:
    """Equal in value, type and dtype."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def legacy_with(program: bytes, keys: Any = (), storages: bytes = b"") -> bytes:
    """A legacy file whose object is the pickle ``program``."""
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    return head + program + pickle.dumps(list(keys), 2) + storages


def zip_with(program: bytes, members: dict[str, bytes] | None = None, **options: Any) -> bytes:
    """A zip file whose object is the pickle ``program``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr("archive/data.pkl", program)
        for name, content in (members or {}).items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


def is_plain(value: Any) -> bool:
    """Whether a value is data and nothing else, through and through."""
    if isinstance(value, dict):
        return all(type(key) in PLAIN and is_plain(inner) for key, inner in value.items())
    if type(value) in (list, tuple, set):
        return all(map(is_plain, value))
    return type(value) in PLAIN or (type(value) is np.ndarray and value.dtype.kind != "O")
