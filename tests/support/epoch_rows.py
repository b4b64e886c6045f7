"""The rows of an epoch one by one, for tests that compare each with what it must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import fastinet


def each_row(
    batches: Iterable[fastinet.Batch], rows: int
) -> Iterator[tuple[fastinet.Batch, int, int]]:
    """(batch, row, item) of every row of `batches`, of which there must be `rows`.

    A loop over a loader alone would also pass if the loader gave nothing.
    """
    seen = 0
    for batch in batches:
        for row, item in enumerate(batch.indices.tolist()):
            yield batch, row, item
            seen += 1
    assert seen == rows
