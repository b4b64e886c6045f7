"""What a stretch of work took, on a clock that the test holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fastinet.cli.measure import Measurement, measure

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Stands still unless the work moves it; CPU time goes three times as fast."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return 3 * self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("fastinet.cli.measure.time", clock)
    return clock


def work(clock: Clock, batches: int) -> Iterator[tuple[int, int]]:
    for _ in range(batches):
        clock.now += 0.5
        yield 10, 2_000_000


def test_all_of_the_work(clock: Clock) -> None:
    told: list[int] = []
    result = measure(work(clock, 4), progress=told.append)
    assert result == Measurement(images=40, bytes=8_000_000, seconds=2.0, cpu_seconds=6.0)
    assert told == [10, 20, 30, 40]
    assert result.images_per_second == 20
    assert result.cpu_ms_per_image == 150
    assert result.megabytes_per_second == 4


@pytest.mark.parametrize(("limit", "batches"), [(0.1, 1), (0.5, 1), (0.6, 2), (1.5, 3), (9, 4)])
def test_it_ends_with_the_batch_in_which_time_is_up(
    clock: Clock, limit: float, batches: int
) -> None:
    assert measure(work(clock, 4), limit_seconds=limit).images == 10 * batches


def test_no_work_has_no_speed(clock: Clock) -> None:
    result = measure(work(clock, 0))
    assert result == Measurement()
    assert (result.images_per_second, result.cpu_ms_per_image, result.megabytes_per_second) == (
        0,
        0,
        0,
    )
