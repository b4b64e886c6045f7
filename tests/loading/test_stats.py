"""Statistics: what is counted, who waits for whom, and when a log hears of it."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.loading.stats import LoaderStats, StatsLog, from_snapshot

SMALL = RandomResizedCrop(8)


def test_the_same_work_counts_the_same_again(dataset: fastinet.Dataset) -> None:
    transform = RandomResizedCrop(8, scale=(0.01, 0.1))  # of which much of an image is skipped
    loader = Loader(dataset, 8, transform, threads=1)
    counted = []
    for _ in range(3):
        for _ in loader.epoch(0):
            pass
        stats = loader.stats()
        own = (stats.items, stats.bytes_read, stats.mcus_decoded, stats.mcus_skipped)
        counted.append([*own, *stats.regions.values(), *stats.fallbacks.values()])
    once = np.array(counted[0])
    assert (once[:4] > 0).all()
    assert np.array_equal(counted, [once, 2 * once, 3 * once])


def test_stats_tell_who_waits(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, threads=2)
    assert str(loader.stats()) == "no batch yet"
    for _ in range(3):
        for _ in loader:
            pass
    stats = loader.stats()
    assert (stats.items, stats.batches, stats.threads) == (129, 18, 2)
    assert stats.bytes_read == 3 * int(dataset.sizes.sum())
    assert stats.failures == {}
    assert min(stats.read_seconds, stats.decode_seconds, stats.render_seconds) > 0
    assert 0 <= stats.waiting_share <= 1
    assert 0 <= stats.mean_ready <= stats.prefetch
    assert stats.slots <= loader.prefetch + 2
    assert stats.extra_slots == 0
    assert json.loads(json.dumps(stats.as_dict()))["items"] == 129
    assert f"{stats.startup_seconds:.1f} s for epochs' first batches" in str(stats)
    assert "; 129 items (0 failed)" in str(stats)
    assert "\n" not in str(stats)


@pytest.mark.parametrize(
    ("startup", "waiting", "busy", "bottleneck"),
    [
        (3.0, 0.0, 0.0, "unknown"),
        (3.0, 0.4, 9.6, "loop"),
        (3.0, 0.6, 9.4, "loader"),
        (0.0, 5.0, 5.0, "loader"),
        (9.9, 0.0, 10.0, "loop"),
        (10.1, 0.0, 10.0, "loader"),  # epochs of few batches: most of the time nothing was there
    ],
)
def test_stats_name_the_bottleneck(
    dataset: fastinet.Dataset, startup: float, waiting: float, busy: float, bottleneck: str
) -> None:
    loader = Loader(dataset, 8, SMALL)
    list(loader)
    stats = replace(
        loader.stats(), startup_seconds=startup, waiting_seconds=waiting, busy_seconds=busy
    )
    assert stats.bottleneck == stats.as_dict()["bottleneck"] == bottleneck
    if bottleneck != "unknown":
        assert str(stats).startswith(f"the {bottleneck} is the bottleneck")
        assert f"waiting {waiting * 10:.1f}% of the time" in str(stats)
    assert f"{startup:.1f} s for epochs' first batches" in str(stats)


def test_stats_of_a_time(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, threads=2)
    list(loader)
    earlier = loader.stats()
    for _ in range(2):
        list(loader)
    recent = loader.stats().since(earlier)
    assert (recent.items, recent.batches) == (86, 12)
    assert recent.bytes_read == 2 * int(dataset.sizes.sum())
    assert recent.regions == {"scan": 86}
    assert recent.prefetch == loader.prefetch
    assert 0 <= recent.mean_ready <= loader.prefetch
    nothing = loader.stats().since(loader.stats())
    assert (nothing.items, nothing.mean_ready, nothing.regions) == (0, 0, {})


def test_a_log_hears_of_each_epoch(dataset: fastinet.Dataset) -> None:
    heard: list[Any] = []
    loader = Loader(dataset, 8, SMALL, log=heard.append)  # a minute never passes
    for _ in range(3):
        list(loader)
    assert [(stats.items, stats.batches) for stats in heard] == [(43, 6)] * 3
    for _ in loader:
        break
    list(loader)
    assert [stats.batches for stats in heard[3:]] == [7]


def test_a_log_hears_of_every_batch(dataset: fastinet.Dataset) -> None:
    threads = set()
    heard = []

    def log(stats: Any) -> None:
        threads.add(threading.get_ident())
        heard.append(stats.batches)

    assert len(list(Loader(dataset, 8, SMALL, log=log, log_every=0))) == 6
    assert heard == [1] * 6
    assert threads == {threading.get_ident()}


def test_what_a_log_raises_loses_no_batch(dataset: fastinet.Dataset) -> None:
    def log(stats: Any) -> None:
        raise KeyError(stats.batches)

    epoch = iter(Loader(dataset, 8, SMALL, log=log, log_every=0))
    seen = []
    failures = 0
    while True:
        try:
            batch = next(epoch, None)
        except KeyError:
            failures += 1
            continue
        if batch is None:
            break
        seen += batch.indices.tolist()
    assert seen == list(range(43))
    assert failures == 6


def test_logs_that_make_no_sense(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match="log must be callable"):
        Loader(dataset, 8, SMALL, log="file.txt")  # type: ignore[arg-type]
    for every in (-1, float("nan"), "60"):
        with pytest.raises(ValueError, match="log_every must be seconds"):
            Loader(dataset, 8, SMALL, log=print, log_every=every)  # type: ignore[arg-type]


def test_a_copys_log_hears_of_the_copy(dataset: fastinet.Dataset) -> None:
    heard: list[int] = []
    loader = Loader(dataset, 8, SMALL, log=lambda stats: heard.append(stats.batches), log_every=0)
    list(loader)
    heard.clear()
    list(copy.copy(loader))
    assert heard == [1] * 6


# On numbers alone

SNAPSHOT = {
    "items": 10,
    "batches": 4,
    "failures": {"corrupt": 1},
    "bytes_read": 1000,
    "block_bytes": 5,
    "block_bytes_peak": 7,
    "read_ns": 1_000_000_000,
    "header_ns": 2_000_000_000,
    "decode_ns": 3_000_000_000,
    "entropy_ns": 4_000_000_000,
    "idct_ns": 5_000_000_000,
    "colour_ns": 6_000_000_000,
    "render_ns": 7_000_000_000,
    "regions": {"scan": 8, "turbo": 1},
    "fallbacks": {"scan": 1},
    "mcus_decoded": 30,
    "mcus_skipped": 20,
    "startup_ns": 500_000_000,
    "waiting_ns": 250_000_000,
    "busy_ns": 750_000_000,
    "ready_at_next": 6,
}


def stats_of(**changes: Any) -> LoaderStats:
    return from_snapshot({**SNAPSHOT, **changes}, ready=1, prefetch=3, threads=2, slots=5, extra=0)


def test_counters_of_the_engine_become_seconds_and_means() -> None:
    stats = stats_of()
    names = [field.name for field in fields(stats) if field.name.endswith("_seconds")]
    assert [getattr(stats, name) for name in names] == [
        *(1, 2, 3, 4, 5, 6, 7, 0.5, 0.25, 0.75),
        *(0, 0),  # of `then`, which the engine does not call
    ]
    assert stats.mean_ready == 1.5
    assert (stats.ready, stats.prefetch, stats.threads) == (1, 3, 2)
    assert (stats.slots, stats.extra_slots) == (5, 0)
    assert stats.waiting_share == 0.25
    assert stats_of(batches=0).mean_ready == 0
    line = str(stats)
    assert "waiting 25.0% of the time and 0.5 s" in line
    assert "1.5 of 3 batches ready" in line
    assert "10 items (1 failed)" in line
    assert "read 100000, header 200000, decode 300000, render 700000;" in line
    assert line.endswith("2 threads, 5 slots (+0 extra)")


def test_the_difference_of_two_moments() -> None:
    """Counts and times are subtracted; what describes a moment is the later one's."""
    earlier = stats_of()
    later = stats_of(
        items=25,
        batches=6,
        ready_at_next=12,
        waiting_ns=1_250_000_000,
        regions={"scan": 8, "turbo": 3, "png": 1},
        failures={"corrupt": 1},
        block_bytes=1,
    )
    recent = later.since(earlier)
    assert (recent.items, recent.batches, recent.waiting_seconds) == (15, 2, 1.0)
    assert recent.mean_ready == 3.0  # 6 more in 2 more batches
    assert recent.regions == {"turbo": 2, "png": 1}
    assert recent.failures == {}
    assert (recent.block_bytes, recent.block_bytes_peak) == (1, 7)
    assert (recent.ready, recent.prefetch, recent.threads, recent.slots) == (1, 3, 2, 5)
    assert recent.busy_seconds == recent.read_seconds == 0


def test_a_log_is_called_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("fastinet.loading.stats.time.monotonic", lambda: clock[0])
    heard: list[int] = []
    log = StatsLog(lambda stats: heard.append(stats.items), 60)
    totals = iter([stats_of(), *(stats_of(items=items, batches=9) for items in (30, 31))])
    asked: list[float] = []

    def current() -> LoaderStats:
        asked.append(clock[0])
        return next(totals)

    for now in (100.0, 159.9, 160.0, 219.0, 220.0):
        clock[0] = now
        log.call_if_due(current)
    assert asked == [160.0, 220.0], "between them nothing is counted"
    assert heard == [10, 20]
    log.call_if_due(current, now=True)
    assert heard == [10, 20], "there was no batch since"


def test_a_copy_of_a_log_begins_anew() -> None:
    log = StatsLog(print, 0)
    log.call_if_due(stats_of)
    for other in (copy.copy(log), pickle.loads(pickle.dumps(log))):  # noqa: S301  # its own
        assert other._logged is None
        assert (other._log, other._every) == (print, 0)
