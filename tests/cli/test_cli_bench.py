"""fastinet bench: every pipeline is measured, over the right items and threads."""

from __future__ import annotations

import importlib
import itertools

import pytest
from support.commands import run, run_json

import fastinet

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
    chunks = itertools.islice(getattr(bench, pipeline)(dataset, 2, 0), 5)
    assert list(chunks) == [(16, 2 * int(dataset.sizes.sum()))] * 5
    order = []
    work = bench._in_threads(lambda item: order.append(item) or 1, 8, 1, seed=3)
    next(work)
    work.close()
    assert order[:8] == order[8:16] != sorted(order[:8])
    assert sorted(order[:8]) == list(range(8))


@pytest.mark.parametrize("train", [True, False])
def test_batches_count_rows_and_the_items_bytes(archive: str, train: bool) -> None:
    dataset = fastinet.open(archive)
    batches = list(itertools.islice(bench._load(dataset, 2, 3, 0, train=train), 6))
    assert [rows for rows, _ in batches] == [3, 3, 2, 3, 3, 2], "epoch after epoch"
    assert [sum(size for _, size in batches[i : i + 3]) for i in (0, 3)] == [
        dataset.sizes.sum()
    ] * 2


def test_facts_are_printed_below_each_other() -> None:
    assert bench._fact_text({"a": 1, "b": {"c": "d"}}) == "a: 1\nb: c: d"
