"""What a loader has done, and whether the training loop had to wait for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastinet.loading.then_meter import ThenMeter

__all__ = ["LoaderStats", "StatsLog", "from_snapshot"]


@dataclass(frozen=True)
class LoaderStats:
    """Totals over the epochs of one loader so far; ``str()`` is one line for people.

    Times are wall clock in seconds. Those of the workers are summed over threads.

    Attributes:
        items: items that became rows, failed ones included.
        batches: batches that were delivered.
        failures: failed items by kind: "corrupt", "unsupported", "too large", "io", ...
        bytes_read: from the archives.
        block_bytes: of a blocked epoch: blocks that are in memory now [bytes].
        block_bytes_peak: the most that there were.
        read_seconds: workers reading.
        header_seconds: workers parsing headers.
        decode_seconds: workers decoding; of it, in fastinet's own JPEG decoder:
        entropy_seconds: Huffman decoding,
        idct_seconds: the inverse DCT,
        colour_seconds: chroma upsampling and colour conversion.
        render_seconds: workers resizing, normalising and writing rows.
        regions: parts of images that were decoded, of a crop or of several views together, by what
            decoded them: "checkpoints" (fastinet's own JPEG decoder, starting at the part), "scan"
            (the same, from the start of the JPEG's data), "turbo" (libjpeg-turbo), "png" (libpng).
        fallbacks: how often the next of these had to take over, by the one that could not go on:
            checkpoints did not fit the image, or the data was damaged.
        mcus_decoded: minimum coded units (MCUs, a JPEG's blocks of 8x8 to 16x16 pixels as a rule)
            that fastinet's own JPEG decoder decoded for crops,
        mcus_skipped: and that it passed over on the way to one.
        startup_seconds: the loop waiting for the first batch of each epoch.
        waiting_seconds: the loop waiting for any other batch.
        busy_seconds: the loop doing something else.
        mean_ready: batches that were ready when the loop asked for one, on average.
        ready: batches that are ready now.
        prefetch: the most batches that can be ready.
        threads: threads that work for this loader.
        slots: batches that there is memory for now.
        extra_slots: times that one more had to be made, because the loop kept batches.
        then_rows: that went through the user's function (`then`), views counted one by one.
        then_seconds: its threads in it.
        then_waiting_seconds: of `startup_seconds` and `waiting_seconds`, the loop waiting for a
            batch that was decoded and not through `then` yet.
        then_threads: threads that call it.
    """

    items: int
    batches: int
    failures: Mapping[str, int]
    bytes_read: int
    block_bytes: int
    block_bytes_peak: int
    read_seconds: float
    header_seconds: float
    decode_seconds: float
    entropy_seconds: float
    idct_seconds: float
    colour_seconds: float
    render_seconds: float
    regions: Mapping[str, int]
    fallbacks: Mapping[str, int]
    mcus_decoded: int
    mcus_skipped: int
    startup_seconds: float
    waiting_seconds: float
    busy_seconds: float
    mean_ready: float
    ready: int
    prefetch: int
    threads: int
    slots: int
    extra_slots: int
    then_rows: int = 0
    then_seconds: float = 0.0
    then_waiting_seconds: float = 0.0
    then_threads: int = 0

    @property
    def waiting_share(self) -> float:
        """Share of the loop's time that it waited for batches, apart from each epoch's first."""
        loop = self.waiting_seconds + self.busy_seconds
        return self.waiting_seconds / loop if loop > 0 else 0.0

    @property
    def bottleneck(self) -> Literal["loader", "then", "loop", "unknown"]:
        """Which is slower: the loader, or the loop with its GPU and all else that it does.

        "loader" when the loop waits for batches for more than 5 % of its time, or when epochs are
        so short that waiting for their first batches takes longer than all the rest; "then" in
        place of it when more than half of the waiting was for the user's own function, and this
        takes its threads longer than all the rest takes the loader's: where both share CPUs, the
        one waits for the other. "unknown" as long as no epoch had a second batch.
        """
        loop = self.waiting_seconds + self.busy_seconds
        if loop <= 0:
            return "unknown"
        if self.waiting_share <= 0.05 and self.startup_seconds <= loop:
            return "loop"
        work = self.read_seconds + self.header_seconds + self.decode_seconds + self.render_seconds
        is_slower = self.then_seconds * self.threads > work * self.then_threads
        return "then" if is_slower and self._then_share > 0.5 else "loader"

    @property
    def _then_share(self) -> float:
        """Share of all waiting that was for the user's own function."""
        waited = self.startup_seconds + self.waiting_seconds
        return self.then_waiting_seconds / waited if waited > 0 else 0.0

    def since(self, earlier: LoaderStats) -> LoaderStats:
        """What was done between `earlier` and this.

        What describes a moment rather than a time, such as `ready` and `slots`, is as it is here.
        """
        moment = (
            "ready",
            "prefetch",
            "threads",
            "then_threads",
            "slots",
            "block_bytes",
            "block_bytes_peak",
        )
        changes: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            now, before = getattr(self, name), getattr(earlier, name)
            if isinstance(now, Mapping):
                differences = {key: now[key] - before.get(key, 0) for key in now}
                changes[name] = {key: value for key, value in differences.items() if value}
            elif name not in moment:
                changes[name] = now - before
        batches = changes["batches"]
        ready_at_next = self.mean_ready * self.batches - earlier.mean_ready * earlier.batches
        changes["mean_ready"] = ready_at_next / batches if batches else 0.0
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain numbers, for a log or JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        mappings = {name: dict(values[name]) for name in ("failures", "regions", "fallbacks")}
        derived = {"waiting_share": self.waiting_share, "bottleneck": self.bottleneck}
        return {**values, **mappings, **derived}

    def __str__(self) -> str:
        if not self.batches:
            return "no batch yet"
        share = self.waiting_share
        verdict = {
            "loader": "the loader is the bottleneck: the loop was waiting",
            "then": "the function then= is the bottleneck: the loop was waiting",
            "loop": "the loop is the bottleneck: it was waiting",
            "unknown": "first batches only: the loop was waiting",
        }[self.bottleneck]
        stages = {
            "read": self.read_seconds,
            "header": self.header_seconds,
            "decode": self.decode_seconds,
            "render": self.render_seconds,
        }
        each = ", ".join(
            f"{stage} {seconds / max(self.items, 1) * 1e6:.0f}" for stage, seconds in stages.items()
        )
        if self.then_rows:
            each += f", then {self.then_seconds / self.then_rows * 1e6:.0f} a view"
            each += f" on {self.then_threads} threads ({self._then_share:.0%} of the waiting)"
        failed = sum(self.failures.values())
        return (
            f"{verdict} {share:.1%} of the time and {self.startup_seconds:.1f} s for epochs' first "
            f"batches, {self.mean_ready:.1f} of {self.prefetch} batches ready on average; "
            f"{self.items} items ({failed} failed), microseconds each: {each}; "
            f"{self.threads} threads, {self.slots} slots (+{self.extra_slots} extra)"
        )


class StatsLog:
    """Calls a user's `log` with what a loader has done, every so many seconds."""

    def __init__(self, log: Callable[[LoaderStats], object], every: float) -> None:
        if not callable(log):
            raise TypeError(f"log must be callable, not {log!r}")
        if not (isinstance(every, SupportsFloat) and every >= 0):
            raise ValueError(f"log_every must be seconds, 0 or more, not {every!r}")
        self._log = log
        self._every = every
        self._logged: LoaderStats | None = None
        self._due = time.monotonic() + every

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy begins anew: it is of a copied loader, which has done nothing yet."""
        return StatsLog, (self._log, self._every)

    def call_if_due(self, stats: Callable[[], LoaderStats], *, now: bool = False) -> None:
        """Calls the log if it is time, or `now`, and there were batches since the last call."""
        if not now and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every
        current, before = stats(), self._logged
        self._logged = current
        recent = current if before is None else current.since(before)
        if recent.batches:
            self._log(recent)


def from_snapshot(
    snapshot: Mapping[str, Any],
    *,
    ready: int,
    prefetch: int,
    threads: int,
    slots: int,
    extra: int,
    then: ThenMeter | None = None,
) -> LoaderStats:
    """Statistics from the engine's counters, and from those of `then`, behind which the loop is."""
    seconds = {
        name.removesuffix("_ns") + "_seconds": value / 1e9
        for name, value in snapshot.items()
        if name.endswith("_ns")
    }
    batches = snapshot["batches"]
    ready_at_next = snapshot["ready_at_next"]
    of_then: dict[str, Any] = {}
    if then is not None:
        batches, ready_at_next = then.batches, then.ready_at_next
        seconds.update(
            startup_seconds=then.startup_seconds,
            waiting_seconds=then.waiting_seconds,
            busy_seconds=then.busy_seconds,
        )
        of_then = {
            "then_rows": then.rows,
            "then_seconds": then.seconds,
            "then_waiting_seconds": then.then_waiting_seconds,
            "then_threads": then.threads,
        }
    return LoaderStats(
        items=snapshot["items"],
        batches=batches,
        failures=snapshot["failures"],
        bytes_read=snapshot["bytes_read"],
        block_bytes=snapshot["block_bytes"],
        block_bytes_peak=snapshot["block_bytes_peak"],
        **seconds,
        regions=snapshot["regions"],
        fallbacks=snapshot["fallbacks"],
        mcus_decoded=snapshot["mcus_decoded"],
        mcus_skipped=snapshot["mcus_skipped"],
        mean_ready=ready_at_next / batches if batches else 0.0,
        ready=ready,
        prefetch=prefetch,
        threads=threads,
        slots=slots,
        extra_slots=extra,
        **of_then,
    )
