"""What the function of a loader's `then` costs: how long it takes, and how long the loop waits."""

from __future__ import annotations

import threading

__all__ = ["ThenMeter"]


class ThenMeter:
    """What the `then` of a loader has cost so far, over all epochs.

    Attributes:
        threads: that call the function.
        rows: that went through the function, views counted one by one.
        seconds: threads in the function.
        batches: that the loop has had.
        startup_seconds: the loop waiting for the first batch of each epoch.
        waiting_seconds: the loop waiting for any other batch;
        then_waiting_seconds: of both, when the engine was done with that batch.
        busy_seconds: the loop doing something else.
        ready_at_next: batches that were ready when the loop asked for one, summed over batches.
    """

    def __init__(self, threads: int) -> None:
        """Nothing yet, on so many threads."""
        self.threads = threads
        self._lock = threading.Lock()
        self.rows = 0
        self.seconds = 0.0
        self.batches = 0
        self.startup_seconds = 0.0
        self.waiting_seconds = 0.0
        self.then_waiting_seconds = 0.0
        self.busy_seconds = 0.0
        self.ready_at_next = 0

    def called(self, rows: int, seconds: float) -> None:
        """The function has taken `seconds` for `rows`."""
        with self._lock:
            self.rows += rows
            self.seconds += seconds

    def delivered(
        self, *, is_first: bool, waited: float, waited_then: float, busy: float, ready: int
    ) -> None:
        """The loop has had a batch, for which it waited; it was busy before that."""
        with self._lock:
            self.batches += 1
            if is_first:
                self.startup_seconds += waited
            else:
                self.waiting_seconds += waited
                self.busy_seconds += busy
            self.then_waiting_seconds += waited_then
            self.ready_at_next += ready
