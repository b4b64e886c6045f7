"""Reads the companions of a dataset's items: captions, labels, masks beside the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.datasets.items import PADDING_ITEM
from fastinet.errors import FastinetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastinet.datasets.companion_columns import CompanionColumns
    from fastinet.items.item_columns import ItemColumns

__all__ = ["companion_extensions", "read_companions", "read_kind"]


def companion_extensions(columns: ItemColumns) -> tuple[str, ...]:
    """The extensions of all companions in the archives, sorted."""
    found = columns.listing.companions
    return () if found is None else tuple(sorted(set(found.extensions)))


def read_companions(columns: ItemColumns, item: int) -> dict[str, bytes]:
    """The companions of an item by their extensions; of two with the same one, the first.

    Raises:
        MissingError, ReadError: the archive is gone, was cut, or cannot be read.
    """
    found = columns.listing.companions
    contents: dict[str, bytes] = {}
    if found is None:
        return contents
    for row in found.of_item(columns.listing_row(item)):
        extension = found.extensions[found.kinds[row]]
        if extension not in contents:
            contents[extension] = _content(columns, found, row)
    return contents


def read_kind(columns: ItemColumns, items: Iterable[int], extension: str) -> list[bytes | None]:
    """The companion with this extension of each item; None: it has none, or fills a batch up.

    Raises:
        ValueError: there is no such companion in the archives.
        MissingError, ReadError: as :func:`read_companions`.
    """
    known = companion_extensions(columns)
    wanted = extension.lower()
    if wanted not in known:
        there = f"there are {', '.join(map(repr, known))}" if known else "there are none at all"
        raise ValueError(f"no item has a companion with the extension {extension!r}; {there}")
    found = columns.listing.companions
    assert found is not None, "it has the extension"  # noqa: S101
    return [
        None if item == PADDING_ITEM else _first_of_kind(columns, found, item, wanted)
        for item in items
    ]


def _first_of_kind(
    columns: ItemColumns, found: CompanionColumns, item: int, extension: str
) -> bytes | None:
    for row in found.of_item(columns.listing_row(item)):
        if found.extensions[found.kinds[row]] == extension:
            return _content(columns, found, row)
    return None


def _content(columns: ItemColumns, found: CompanionColumns, row: int) -> bytes:
    """What companion `row` of the listing holds."""
    listing = columns.listing
    source = columns.archives[int(found.archives[row])].companion_source()
    try:
        return source.read(int(found.offsets[row]), int(found.sizes[row]))
    except FastinetError as error:
        start = int(listing.key_offsets[found.items[row]])
        shared = listing.key_bytes[start : start + int(found.shared[row])].tobytes()
        name = shared + found.endings[found.kinds[row]]
        raise error.in_member(name.decode("utf-8", "surrogateescape")) from None
