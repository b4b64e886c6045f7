"""Question: what does it cost to find the images of an archive, the first time and ever after?

Baseline: Python's tarfile, on a tar of tars with 20,000 true headers and holes for the images. Time
is CPU time of the process, page cache warm; on a cold disk both wait for the same headers.

Result: see docs/figures.md. tarfile makes an object of some twenty fields for each header; the
native walk writes a row into columns.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from archives import TRAIN_ITEMS, indexed_train_archive, sparse_train_tar

import fastinet
from fastinet.testing import reference

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="index", timer=time.process_time)


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sparse_train_tar(tmp_path_factory.mktemp("headers") / "train.tar")


def test_scan_by_fastinet(benchmark: BenchmarkFixture, headers: Path) -> None:
    assert len(benchmark(fastinet.open, headers, index=False)) == 20_000


def test_scan_by_tarfile(benchmark: BenchmarkFixture, headers: Path) -> None:
    assert len(benchmark(reference.list_members, headers)) == 20_000


def test_open_with_index(
    benchmark: BenchmarkFixture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = indexed_train_archive(tmp_path_factory.mktemp("official"))
    assert len(benchmark(fastinet.open, archive)) == TRAIN_ITEMS
