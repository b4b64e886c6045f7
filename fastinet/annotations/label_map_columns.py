"""What is kept of label maps: where the numbers of each lie, and whether that can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet.archives.extents import check_files
from fastinet.archives.files import Files
from fastinet.archives.folder_archive import FolderArchive
from fastinet.sidecars import column_file
from fastinet.sidecars.column_file import UnusableSidecarError
from fastinet.sidecars.identity import Identity
from fastinet.sidecars.schema import Positive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastinet.archives.archive import Archive

__all__ = ["FILE_COLUMNS", "FORM", "MOST_FILE_BYTES", "MapsHeader", "as_files", "check_columns"]

MOST_FILE_BYTES = 1 << 24
"""Of a file with a label map; an official one has less than 11,000."""
FILE_COLUMNS = ("file_names", "file_name_ends", "file_offsets", "file_sizes")
"""Those of the files in a folder, see :class:`fastinet.annotations.relabel.LabelMaps`."""


@dataclass(frozen=True)
class MapsHeader:
    """The JSON header of what is kept of label maps."""

    family: str
    archives: tuple[Identity, ...]
    shape: tuple[Positive, Positive, Positive]
    """See :class:`fastinet.annotations.relabel.LabelMaps`."""
    notes: tuple[str, ...]


FORM = column_file.ColumnFileForm(
    MapsHeader,
    {"keys": "S", "offsets": "<u8"},
    optional=(dict(zip(FILE_COLUMNS, ("|u1", "<u8", "<u8", "<u8"), strict=True)),),
)


def as_files(columns: tuple[NDArray[Any], ...]) -> Files:
    """Files of a folder, as `LabelMaps` has them."""
    names, name_ends, offsets, sizes = columns
    starts = np.concatenate([np.zeros(1, np.uint64), name_ends.astype(np.uint64)])
    return Files(names, starts, offsets, sizes)


def check_columns(
    archive: Archive, header: MapsHeader, columns: Mapping[str, NDArray[Any]]
) -> None:
    """Raises UnusableSidecarError unless the maps lie in the archive: their checksums hold."""
    keys, offsets = columns["keys"], columns["offsets"]
    if len(keys) != len(offsets) or not len(keys) or np.any(keys[1:] <= keys[:-1]):
        raise UnusableSidecarError("is damaged: its images are in no order")
    map_bytes = 8 * math.prod(header.shape)
    content_bytes = archive.known_identity().size
    if isinstance(archive, FolderArchive):
        if FILE_COLUMNS[0] not in columns:
            raise UnusableSidecarError("is damaged: it has no files")
        names, ends, begins, sizes = (columns[name] for name in FILE_COLUMNS)
        if len({len(ends), len(begins), len(sizes)}) != 1 or not len(ends):
            raise UnusableSidecarError("is damaged: its columns differ in length")
        starts = np.concatenate([np.zeros(1, np.uint64), ends])
        check_files(Files(names, starts, begins, sizes))
        content_bytes = int((begins + sizes).max())
    if map_bytes > MOST_FILE_BYTES or int(offsets.max()) + map_bytes > content_bytes:
        raise UnusableSidecarError("is damaged: a map lies beyond its archive's end")
