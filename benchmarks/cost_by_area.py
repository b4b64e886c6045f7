"""Question: does the cost of an image fall with the area of its crop?

    python benchmarks/cost_by_area.py cost_by_area.png

Crops of one share of the image's area at a time, from the archive to the batch row, one thread; the
same boxes for all. Baseline: simplejpeg with OpenCV, which decodes the whole image for any crop.
Time is CPU time of the process, the median over interleaved rounds.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from archives import photographs
from peers import simplejpeg_opencv
from pipelines import SIZE, EpochPlan, Fastinet, OneThread

import fastinet

if TYPE_CHECKING:
    from collections.abc import Callable

AREAS = (0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0)


def measure(archive: Path, rounds: int) -> dict[str, list[float]]:
    """By the name of each way: CPU time per image at each of `AREAS` [ms]."""
    baseline = simplejpeg_opencv(archive)
    curves: dict[str, list[float]] = {}
    for area in AREAS:
        transform = fastinet.RandomResizedCrop(SIZE, scale=(area, area))
        plain = Fastinet(archive, transform=transform)
        pointed = Fastinet(archive, transform=transform, checkpoints=True)
        ways: dict[str, Callable[[int], object]] = {
            "with checkpoints": pointed.epoch,
            "without": plain.epoch,
            "simplejpeg + OpenCV": _repeat(baseline, plain.plan(0)),
        }
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, epoch in ways.items():
                start = time.process_time()
                epoch(number)
                spent[name].append(time.process_time() - start)
        for name, times in spent.items():
            each = statistics.median(times) / len(plain.dataset) * 1e3
            curves.setdefault(name, []).append(each)
    return curves


def _repeat(baseline: OneThread, plan: EpochPlan) -> Callable[[int], object]:
    return lambda _: baseline.epoch(plan)


def draw(curves: dict[str, list[float]], path: Path) -> None:
    """Draws the curves as a picture."""
    import matplotlib as mpl  # noqa: PLC0415 - only where a picture is wanted

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for (name, times), style in zip(curves.items(), ("o-", "s-", "^--"), strict=True):
        axes.plot(AREAS, times, style, label=name)
    axes.set_xlabel("crop area / image area")
    axes.set_ylabel("CPU time per image [ms]")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True)
@click.argument("picture", type=click.Path(path_type=Path))
def main(rounds: int, picture: Path) -> None:
    """Measures, prints and draws."""
    curves = measure(photographs(), rounds)
    for name, times in curves.items():
        click.echo(f"{name:24}" + "".join(f"{value:8.2f}" for value in times))
    draw(curves, picture)


if __name__ == "__main__":
    main()
