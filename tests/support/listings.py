"""Listings of made-up items, and whether two of them are the same."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.datasets.listing import Listing, Split
from fastinet.sidecars.identity import Identity

IDENTITIES = [Identity("x.tar", 1024, 5, "ab")]


def make_listing(items: int, *, several: bool = False, companions: bool = False) -> Listing:
    rows = np.arange(items)
    beside = CompanionColumns(
        items=rows[::2],
        offsets=(rows[::2] * 7).astype(np.uint64),
        sizes=(rows[::2] % 5).astype(np.uint64),
        archives=(rows[::2] % 2).astype(np.int32),
        shared=np.full(len(rows[::2]), 3, np.uint32),
        kinds=(rows[::2] % 3).astype(np.int32),
        ending_bytes=np.frombuffer(b"/.txt/.seg.png", np.uint8),
    )
    return Listing(
        family="train",
        offsets=(rows * 1024).astype(np.uint64),
        sizes=(rows % 1000).astype(np.uint64),
        labels=rows % 3,
        key_offsets=np.arange(items + 1, dtype=np.uint64) * 5,
        key_text=np.full(items * 5, ord("k"), np.uint8),
        item_archive=np.zeros(items, np.int32) if several else None,
        splits=(
            Split("train", ("n01440764", "n01443537", "n01484850")),
            *([Split("val", ("n01440764", "n01443537", "n02123045"))] if several else []),
        ),
        item_split=(rows % 2).astype(np.int8) if several else None,
        companions=beside if companions else None,
        skipped=2,
        notes=("ü: said aloud",),
    )


def same(a: Listing, b: Listing) -> bool:
    def same_field(x: object, y: object) -> bool:
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            return x.dtype == y.dtype and np.array_equal(x, y)
        if isinstance(x, CompanionColumns) and isinstance(y, CompanionColumns):
            return same_fields(x, y)
        return x == y

    def same_fields(x: Listing | CompanionColumns, y: Listing | CompanionColumns) -> bool:
        names = [field.name.replace("key_text", "key_bytes") for field in fields(x)]
        return all(same_field(getattr(x, name), getattr(y, name)) for name in names)

    return same_fields(a, b)
