"""How figures are measured in rounds, stated with their intervals, and shown."""

from __future__ import annotations

import math
import random
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Figure:
    """One measured figure beside its goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool
    detail: str


def cpu_seconds(work: Callable[..., object], *arguments: object) -> float:
    """CPU time of this process, all threads."""
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


def wall_seconds(work: Callable[..., object], *arguments: object) -> float:
    """Time by the clock."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def interval_of_median(values: list[float]) -> tuple[float, float]:
    """What the median of the distribution lies between with 95 % confidence, by the sign test.

    Of fewer than six values it is all that there is, with less confidence.
    """
    count = len(values)
    outside = 0  # values at either end that the interval leaves out
    tail = 0.0
    while (tail := tail + math.comb(count, outside) / 2**count) <= 0.025:
        outside += 1
    ordered = sorted(values)
    outside = max(0, outside - 1)
    return ordered[outside], ordered[-1 - outside]


def ratio_figure(
    name: str, above: list[float], below: list[float], goal: str, detail: str
) -> Figure:
    """The median of the ratios of all rounds; a goal is "<= 0.5" or ">= 2", or "" for none."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    value = statistics.median(ratios)
    sign, bound = goal.split() if goal else (">=", "0")
    met = value <= float(bound) if sign == "<=" else value >= float(bound)
    low, high = interval_of_median(ratios)
    spread = f"{low:.3f} to {high:.3f} in {len(ratios)} rounds"
    return Figure(name, value, "x", goal, met, f"{detail}; {spread}")


def skipped(name: str, goal: str, reason: str) -> Figure:
    """A figure whose peer is not there."""
    return Figure(name, math.nan, "x", goal, False, f"not measured: {reason}")


def in_drawn_order(ways: dict[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """CPU time of each way in each round [s]; every round has an order of its own.

    A way is called with the round's number. One round before, which warms up, does not count.
    """
    order = list(ways)
    drawn = random.Random(0)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        drawn.shuffle(order)
        for name in order:
            seconds = cpu_seconds(ways[name], max(number, 0))
            if number >= 0:
                spent[name].append(seconds)
    return spent


def as_markdown(figures: list[Figure]) -> str:
    """The table as docs/figures.md has it."""
    lines = ["| figure | measured | goal | how |", "|---|---|---|---|"]
    for figure in figures:
        unit = "" if figure.unit == "x" else f" {figure.unit}"
        measured = "not measured" if math.isnan(figure.value) else f"{figure.value:.2f}{unit}"
        if figure.goal and not figure.met and not math.isnan(figure.value):
            measured += " (missed)"
        lines.append(f"| {figure.name} | {measured} | {figure.goal} | {figure.detail} |")
    return "\n".join(lines) + "\n"


def show(figures: list[Figure], title: str) -> None:
    """Prints the table."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading, justify in (
        ("figure", "left"),
        ("measured", "right"),
        ("goal", "left"),
        ("met", "left"),
        ("how", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for figure in figures:
        measured = "-" if math.isnan(figure.value) else f"{figure.value:.3f} {figure.unit}"
        met = "" if not figure.goal else "yes" if figure.met else "no"
        table.add_row(figure.name, measured, figure.goal, met, figure.detail)
    Console(width=120).print(table)
