"""Columns of a batch that stay when its slot is given back."""

from __future__ import annotations

import numpy as np

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.loading.copied_columns import CopiedColumns


def test_they_are_copies_of_all_that_the_host_knows(dataset: fastinet.Dataset) -> None:
    batch = next(iter(Loader(dataset, 5, RandomResizedCrop(8), record=True)))
    copied = CopiedColumns.of(batch._columns)
    assert len(copied) == 5
    for name in CopiedColumns.__dataclass_fields__:
        ours, theirs = getattr(copied, name), getattr(batch._columns, name)
        if isinstance(theirs, np.ndarray):
            assert np.array_equal(ours, theirs)
            assert not np.shares_memory(ours, theirs)
        else:
            assert ours == theirs
    without = next(iter(Loader(dataset, 5, RandomResizedCrop(8))))
    assert CopiedColumns.of(without._columns).steps is None
