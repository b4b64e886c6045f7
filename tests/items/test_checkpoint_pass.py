"""The pass that makes checkpoints, on a log that only remembers: chunks, damage, and disks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.checkpointed import small_images, write_archive

import fastinet
from fastinet.errors import FastinetWarning, ReadError
from fastinet.items.checkpoint_pass import run_checkpoint_pass
from fastinet.items.checkpoints import Checkpoints, Chunk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ITEMS = 9


@dataclass
class Log:
    """Stands in for the log on disk."""

    covered: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    def append(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self.covered += len(chunk.sizes)

    def columns(self) -> tuple[bytes, list[int], list[int]]:
        return (
            b"".join(chunk.records.tobytes() for chunk in self.chunks),
            [size for chunk in self.chunks for size in chunk.sizes.tolist()],
            [size for chunk in self.chunks for size in chunk.header_bytes.tolist()],
        )


def run(dataset: fastinet.Dataset, log: Log, **options: Any) -> list[tuple[int, int]]:
    """Runs the pass on `log`; gives what `progress` was called with."""
    told: list[tuple[int, int]] = []

    def in_turn(
        items: int, _stride: int, append_missing: Callable[..., None], progress: Any
    ) -> None:
        assert items == len(dataset)
        append_missing(log, progress)

    run_checkpoint_pass(
        dataset.columns.native_table(Checkpoints.none(len(dataset))),
        dataset.keys,
        in_turn,
        **{"stride": 0, "threads": 2, "chunk_items": 4, **options},
        progress=lambda done, total: told.append((done, total)),
    )
    return told


@pytest.fixture
def dataset(tmp_path: Path) -> fastinet.Dataset:
    path = write_archive(tmp_path / "train.tar", small_images(ITEMS))
    return fastinet.open(path, index=False)


def test_chunks_and_threads_do_not_matter(dataset: fastinet.Dataset) -> None:
    log = Log()
    assert run(dataset, log) == [(0, 9), (4, 9), (8, 9), (9, 9)]
    assert [len(chunk.sizes) for chunk in log.chunks] == [4, 4, 1]
    for options in ({"chunk_items": 100}, {"threads": 1}, {"chunk_items": 1, "threads": None}):
        other = Log()
        run(dataset, other, **options)
        assert other.columns() == log.columns()
    records, sizes, header_bytes = log.columns()
    assert len(records) == sum(sizes) > 0
    assert len(sizes) == len(header_bytes) == ITEMS


def test_it_goes_on_where_the_log_ends(dataset: fastinet.Dataset) -> None:
    whole, rest = Log(), Log(covered=5)
    run(dataset, whole, chunk_items=5)
    assert run(dataset, rest, chunk_items=5) == [(5, 9), (9, 9)]
    assert rest.chunks[0].records.tobytes() == whole.chunks[1].records.tobytes()
    done = Log(covered=ITEMS)
    assert run(dataset, done) == [(9, 9)]
    assert done.chunks == []


def test_the_stride_is_the_users(dataset: fastinet.Dataset) -> None:
    rows, within = Log(), Log()
    run(dataset, rows)
    run(dataset, within, stride=1)
    assert sum(within.columns()[1]) > sum(rows.columns()[1])


@pytest.mark.parametrize("chunk_items", [1, 4, 100])
def test_damaged_items_are_counted_and_the_first_is_named(tmp_path: Path, chunk_items: int) -> None:
    images = small_images(ITEMS)
    for name in ("3", "7"):
        images[name] = images[name][: len(images[name]) // 2]
    dataset = fastinet.open(write_archive(tmp_path / "train.tar", images), index=False)
    log = Log()
    first = dataset.keys[3]
    with pytest.warns(FastinetWarning, match=f"^2 items are damaged and have no.*{first}") as said:
        run(dataset, log, chunk_items=chunk_items)
    assert len(said) == 1
    assert [row for row, size in enumerate(log.columns()[1]) if not size] == [3, 7]
    assert "the scan ends too early" in str(said[0].message)


def test_a_read_that_fails_ends_the_pass_before_its_chunk(
    dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """It may be there the next time, so it is not taken for damage."""
    with (tmp_path / "train.tar").open("r+b") as file:
        file.truncate(int(dataset.columns.offsets[6]))
    log = Log()
    with pytest.raises(ReadError, match=dataset.keys[6]):
        run(dataset, log)
    assert log.covered == 4
    assert np.all(log.chunks[0].sizes > 0)


@pytest.mark.parametrize(
    "options", [{"stride": -1}, {"stride": 2**31}, {"threads": 0}, {"chunk_items": 0}]
)
def test_nonsense_is_refused_before_it_begins(dataset: fastinet.Dataset, options: Any) -> None:
    log = Log()
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be "):
        run(dataset, log, **options)
    assert log.chunks == []
