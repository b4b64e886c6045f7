"""What is counted of the calls of a loader's `then`, by several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fastinet.loading.then_meter import ThenMeter


def test_calls_are_summed_over_threads() -> None:
    meter = ThenMeter(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: meter.called(2, 0.5), range(1000)))
    assert (meter.threads, meter.rows, meter.seconds) == (4, 2000, 500.0)


def test_the_first_batch_of_an_epoch_counts_as_its_start() -> None:
    meter = ThenMeter(1)
    meter.delivered(is_first=True, waited=3.0, waited_then=1.0, busy=9.0, ready=0)
    meter.delivered(is_first=False, waited=0.5, waited_then=0.25, busy=2.0, ready=3)
    assert (meter.batches, meter.ready_at_next) == (2, 3)
    assert (meter.startup_seconds, meter.waiting_seconds) == (3.0, 0.5)
    assert (meter.then_waiting_seconds, meter.busy_seconds) == (1.25, 2.0)
