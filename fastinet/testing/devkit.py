"""Writes development kits like the official ones, with few validation images."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastinet.datasets.classes import class_table, ilsvrc2012_id_of_label, imagenet1k_wnids
from fastinet.testing.archives import RECORD_BYTES, extract, tar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

__all__ = ["MatlabValue", "devkit_files", "matlab_file", "synset_records", "write_devkit"]

MatlabValue = str | int | list[int] | None
"""What a field of a struct may be: text, a number, a row of numbers, nothing."""

Year = Literal[2012, 2014, 2015]

_FIRST_OBJECT = 398  # the first label, abacus, whose class is no animal
_IMAGES_PER_CLASS = 1300

_MI_INT8, _MI_UINT8, _MI_UINT16, _MI_INT32, _MI_UINT32, _MI_DOUBLE = 1, 2, 4, 5, 6, 9
_MI_MATRIX, _MI_COMPRESSED = 14, 15
_MX_STRUCT, _MX_CHAR, _MX_DOUBLE = 2, 4, 6
_FIELD_NAME_BYTES = 32  # zero bytes included


def write_devkit(
    path: str | os.PathLike[str],
    validation_labels: ArrayLike,
    *,
    form: Literal["tar.gz", "tar", "folder"] = "tar.gz",
    year: Year = 2012,
    blacklist: Sequence[int] = (),
) -> Path:
    """Writes a development kit with the tree, names and formats of the official one.

    It has all 1000 classes, with their names and glosses, and three ancestors in place of 860.

    Args:
        path: file, or folder, to write.
        validation_labels: int [N], the label of ILSVRC2012_val_{i+1:08d}.
        form: how it is packed. The name may say otherwise, as it does in the wild.
        year: 2012; 2014, with other names and a blacklist; 2015, whose synsets are the classes
            alone, with other fields and without children.
        blacklist: numbers of images, from 1 on; not in 2012's kit.

    Returns:
        ``path``.
    """
    path = Path(path)
    files = devkit_files(validation_labels, year=year, blacklist=blacklist)
    if form == "folder":
        return extract({name.partition("/")[2]: files[name] for name in files}, path)
    packed = tar(files, format=tarfile.PAX_FORMAT, record_bytes=RECORD_BYTES)
    path.write_bytes(gzip.compress(packed, mtime=0) if form == "tar.gz" else packed)
    return path


def devkit_files(
    validation_labels: ArrayLike, *, year: Year = 2012, blacklist: Sequence[int] = ()
) -> dict[str, bytes]:
    """The files of a development kit by their paths; arguments as for :func:`write_devkit`."""
    ids = ilsvrc2012_id_of_label(np.asarray(validation_labels, np.int64).reshape(-1))
    truth = "".join(f"{number}\n" for number in ids).encode()
    meta = matlab_file({"synsets": synset_records(year)})
    readme = b"A miniature of the ILSVRC development kit, made by fastinet.testing.\n"
    if year == 2012:
        root = "ILSVRC2012_devkit_t12"
        return {
            f"{root}/readme.txt": readme,
            f"{root}/data/ILSVRC2012_validation_ground_truth.txt": truth,
            f"{root}/data/meta.mat": meta,
        }
    root, stem = f"ILSVRC{year}_devkit", f"ILSVRC{year}_clsloc_validation"
    return {
        f"{root}/readme.txt": readme,
        f"{root}/data/{stem}_blacklist.txt": "".join(f"{image}\n" for image in blacklist).encode(),
        f"{root}/data/{stem}_ground_truth.txt": truth,
        # The detection task's files lie beside, and must not be taken for these.
        f"{root}/data/ILSVRC{year}_det_validation_ground_truth.txt": b"1\n",
        f"{root}/data/meta_clsloc.mat": meta,
        f"{root}/data/meta_det.mat": matlab_file({"synsets": [{"ILSVRC2014_DET_ID": 1}]}),
    }


def synset_records(year: Year = 2012) -> list[dict[str, MatlabValue]]:
    """The synsets of a kit, in order of their IDs, with the fields of its year."""
    table = class_table(imagenet1k_wnids())
    ids = ilsvrc2012_id_of_label(np.arange(len(table))).tolist()
    by_id = sorted(zip(ids, table, strict=True), key=lambda pair: pair[0])
    if year == 2015:
        return [
            {
                "ID": number,
                "WNID": info.wnid,
                "name": info.names[0],
                "description": info.gloss,
                "num_train_images": _IMAGES_PER_CLASS,
            }
            for number, info in by_id
        ]
    id_field = "ILSVRC2012_ID" if year == 2012 else f"ILSVRC{year}_CLSLOC_ID"
    animals = [number for number, info in by_id if info.index < _FIRST_OBJECT]
    others = [number for number, info in by_id if info.index >= _FIRST_OBJECT]
    rows: list[tuple[int, str, str, str, list[int]]] = [
        (number, info.wnid, ", ".join(info.names), info.gloss, []) for number, info in by_id
    ]
    rows += [
        (1001, "n00001740", "entity", "that which is perceived to have its own existence", [1002]),
        (1002, "n00001930", "physical entity", "an entity that has physical existence", others),
        (1003, "n00015388", "animal", "a living organism that can move by itself", animals),
    ]
    rows[1001][4].append(1003)
    return [
        {
            id_field: number,
            "WNID": wnid,
            "words": words,
            "gloss": gloss,
            "num_children": len(children),
            "children": children or None,
            "wordnet_height": max(0, 1004 - number) if number > 1000 else 0,
            "num_train_images": 0 if children else _IMAGES_PER_CLASS,
        }
        for number, wnid, words, gloss, children in rows
    ]


def matlab_file(
    variables: Mapping[str, Sequence[Mapping[str, MatlabValue]]],
    *,
    compressed: bool = True,
    big_endian: bool = False,
) -> bytes:
    """A MATLAB 5 file of struct arrays [n, 1]: name -> elements, each field -> value.

    Args:
        variables: the struct arrays; the elements of each have the same fields.
        compressed: every variable as a zlib stream, as MATLAB has done it since version 7.
        big_endian: in the other byte order.
    """
    writer = _Writer(">" if big_endian else "<")
    text = b"MATLAB 5.0 MAT-file, written by fastinet.testing".ljust(124)
    content = text + struct.pack(f"{writer.order}HH", 0x0100, 0x4D49)  # version, "MI" as a number
    for name, elements in variables.items():
        variable = writer.struct(name, elements)
        if compressed:
            stream = zlib.compress(variable)
            variable = writer.tag(_MI_COMPRESSED, len(stream)) + stream
        content += variable
    return content


class _Writer:
    """Writes elements of one byte order."""

    def __init__(self, order: Literal["<", ">"]) -> None:
        self.order = order

    def tag(self, kind: int, size: int) -> bytes:
        return struct.pack(f"{self.order}II", kind, size)

    def element(self, kind: int, content: bytes) -> bytes:
        """Up to 4 bytes of content go into a small element, as MATLAB writes it."""
        if 0 < len(content) <= 4:
            return struct.pack(f"{self.order}I4s", len(content) << 16 | kind, content)
        return self.tag(kind, len(content)) + content + bytes(-len(content) % 8)

    def struct(self, name: str, elements: Sequence[Mapping[str, MatlabValue]]) -> bytes:
        fields = list(elements[0])
        names = b"".join(field.encode().ljust(_FIELD_NAME_BYTES, b"\0") for field in fields)
        length = struct.pack(f"{self.order}i", _FIELD_NAME_BYTES)
        values = [self.value(element[field]) for element in elements for field in fields]
        return self._matrix(
            _MX_STRUCT,
            (len(elements), 1),
            name,
            self.element(_MI_INT32, length) + self.element(_MI_INT8, names) + b"".join(values),
        )

    def value(self, value: MatlabValue) -> bytes:
        if isinstance(value, str):
            text = self.element(_MI_UINT16, value.encode(self._utf16))
            return self._matrix(_MX_CHAR, (1, len(value)), "", text)
        numbers = [] if value is None else [value] if isinstance(value, int) else value
        shape = (0, 0) if value is None else (1, len(numbers))
        # MATLAB stores doubles in the smallest type that keeps them.
        if all(0 <= number < 256 for number in numbers):
            stored = self.element(_MI_UINT8, bytes(numbers))
        elif all(0 <= number < 65536 for number in numbers):
            stored = self.element(_MI_UINT16, struct.pack(f"{self.order}{len(numbers)}H", *numbers))
        else:
            stored = self.element(_MI_DOUBLE, struct.pack(f"{self.order}{len(numbers)}d", *numbers))
        return self._matrix(_MX_DOUBLE, shape, "", stored)

    @property
    def _utf16(self) -> str:
        return "utf-16-le" if self.order == "<" else "utf-16-be"

    def _matrix(self, array_class: int, shape: tuple[int, int], name: str, content: bytes) -> bytes:
        flags = self.element(_MI_UINT32, struct.pack(f"{self.order}II", array_class, 0))
        dimensions = self.element(_MI_INT32, struct.pack(f"{self.order}ii", *shape))
        body = flags + dimensions + self.element(_MI_INT8, name.encode()) + content
        return self.tag(_MI_MATRIX, len(body)) + body
