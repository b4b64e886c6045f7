"""fastinet bench: every pipeline is measured, over the right items and threads."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from support.commands import run, run_json

import fastinet
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

# The command of the same name hides it in the package.
bench = importlib.import_module("fastinet.cli.bench")

pytestmark = pytest.mark.usefixtures("own_cache")


def test_bench_measures_every_pipeline(archive: str) -> None:
    facts = run_json("bench", archive, "--threads", "2", "--seconds", "0.1", "--batch-size", "4")
    measured = [(row["pipeline"], row["threads"]) for row in facts["results"]]
    assert measured == [(name, n) for name in ("read", "decode", "train", "val") for n in (1, 2)]
    for row in facts["results"]:
        assert row["images"] > 0
        assert row["images_per_second"] == pytest.approx(row["images"] / row["seconds"])
    assert facts["build"] == fastinet.build_info()
    assert "Python" in facts["machine"]


def test_bench_prints_a_table(archive: str) -> None:
    text = run("bench", archive, "--threads", "1", "--seconds", "0.1").stdout
    for word in ("read", "decode", "train", "val", "images/s", "compiler"):
        assert word in text


@pytest.mark.parametrize(
    ("most", "counts"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8]), (9, [1, 2, 4, 8, 9])],
)
def test_thread_counts_double_up_to_the_most(most: int, counts: list[int]) -> None:
    assert bench._thread_counts(most) == counts


@pytest.mark.parametrize("pipeline", ["_read", "_decode"])
def test_work_goes_through_all_items_in_random_order(archive: str, pipeline: str) -> None:
    """In chunks of 16; of 8 items each is taken twice, and their bytes are counted."""
    dataset = fastinet.open(archive)
    failed: dict[str, str] = {}
    more = () if pipeline == "_read" else (failed,)
    chunks = itertools.islice(getattr(bench, pipeline)(dataset, 2, 0, *more), 5)
    assert list(chunks) == [(16, 2 * int(dataset.sizes.sum()))] * 5
    order = []
    work = bench._in_threads(lambda item: order.append(item) or (1, 1), 8, 1, seed=3)
    next(work)
    work.close()
    assert order[:8] == order[8:16] != sorted(order[:8])
    assert sorted(order[:8]) == list(range(8))


@pytest.mark.parametrize("train", [True, False])
def test_batches_count_rows_and_the_items_bytes(archive: str, train: bool) -> None:
    dataset = fastinet.open(archive)
    batches = list(itertools.islice(bench._load(dataset, 2, 3, 0, {}, train=train), 6))
    assert [rows for rows, _ in batches] == [3, 3, 2, 3, 3, 2], "epoch after epoch"
    assert [sum(size for _, size in batches[i : i + 3]) for i in (0, 3)] == [
        dataset.sizes.sum()
    ] * 2


def test_facts_are_printed_below_each_other() -> None:
    assert bench._fact_text({"a": 1, "b": {"c": "d"}}) == "a: 1\nb: c: d"


def test_bench_tells_of_images_that_give_no_row(tmp_path: Path) -> None:
    """And goes on; each is told of once, however many epochs it spoils."""
    good = small_jpeg(np.random.default_rng(0))
    files = {f"n01440764_{i:02}.JPEG": good[:300] if i % 2 else good for i in range(26)}
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": files}))
    arguments = ("bench", str(path), "--threads", "1", "--seconds", "0.2", "--batch-size", "4")
    facts = run_json(*arguments)
    assert all(row["images"] > 0 for row in facts["results"])
    failed = {row["key"]: row["error"] for row in facts["failures"]}
    assert set(failed) == {f"n01440764/n01440764_{i:02}.JPEG" for i in range(1, 26, 2)}
    assert all("byte" in error and key in error for key, error in failed.items())
    result = run(*arguments)
    assert "Images that gave no row: 13" in result.stdout
    assert result.stdout.count("the JPEG ends before its first scan") == 10
    assert "and 3 more, which --json lists" in result.stdout
    assert "gave no row" not in result.stderr
