"""Measures the wall and CPU time of work that comes in batches, for bench and demo."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclasses.dataclass
class Measurement:
    """What a stretch of work took. CPU time counts all threads of this process."""

    images: int = 0
    bytes: int = 0  # of the original files
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        """By wall clock."""
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def cpu_ms_per_image(self) -> float:
        """CPU milliseconds."""
        return self.cpu_seconds / self.images * 1e3 if self.images else 0.0

    @property
    def megabytes_per_second(self) -> float:
        """Original bytes, by wall clock."""
        return self.bytes / self.seconds / 1e6 if self.seconds else 0.0


def measure(
    batches: Iterable[tuple[int, int]],
    limit_seconds: float = float("inf"),
    progress: Callable[[int], None] | None = None,
) -> Measurement:
    """Runs through `batches`, pairs of (images, bytes), until they or the time are at their end."""
    result = Measurement()
    start, cpu_start = time.perf_counter(), time.process_time()
    for images, size in batches:
        result.images += images
        result.bytes += size
        if progress is not None:
            progress(result.images)
        if time.perf_counter() - start >= limit_seconds:
            break
    result.seconds = time.perf_counter() - start
    result.cpu_seconds = time.process_time() - cpu_start
    return result
