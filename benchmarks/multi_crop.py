"""Question: what do ten views of an image cost, decoded together, against each by itself?

The views are DINO's: 2 of 224 pixels (scale 0.4 to 1) and 8 of 96 (0.05 to 0.4), bicubic, without
colours. Baselines: the same views in loaders of one view each, and the sum of one decode of the
whole image and the ten renders, which is what a loader would pay that decodes images whole. One
thread, CPU time, page cache warm; medians over rounds that alternate.

What decoding is of a loader's time, its own clocks say (`Loader.stats`), which does for a share.

    FASTINET_SAMPLE=train.tar python benchmarks/multi_crop.py [--rounds 7] [--json FILE]

Result: see docs/figures.md. The box around ten views is nearly the whole image, so that they cost
little more than one decode and ten renders; alone, they are decoded as often as there are views.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archives import photographs
from pipelines import Fastinet

from fastinet import MultiCrop, RandomResizedCrop, Resize, View

if TYPE_CHECKING:
    from fastinet.pixels.view_groups import Transform

GLOBAL = RandomResizedCrop(224, scale=(0.4, 1), interpolation="bicubic")
LOCAL = RandomResizedCrop(96, scale=(0.05, 0.4), interpolation="bicubic")
COUNTS = {"global": 2, "local": 8}
TRANSFORMS: dict[str, Transform] = {
    "together": MultiCrop(View(GLOBAL, COUNTS["global"]), View(LOCAL, COUNTS["local"])),
    "global": GLOBAL,
    "local": LOCAL,
    "whole": Resize(32),
    "train": RandomResizedCrop(224),
}


class Cost(NamedTuple):
    """CPU time of an image [ms]."""

    cpu: float
    decode: float
    render: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    for name, checkpoints in (("with checkpoints", True), ("without", False)):
        for what, value in measure(photographs(), checkpoints, options.rounds).items():
            figures[f"{what}, {name}"] = value
    for name, value in figures.items():
        print(f"{name:<70}{value:8.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(archive: Path, checkpoints: bool, rounds: int) -> dict[str, float]:
    """Milliseconds an image, and ratios."""
    pipelines = {
        name: Fastinet(archive, checkpoints=checkpoints, transform=transform)
        for name, transform in TRANSFORMS.items()
    }
    costs: dict[str, list[Cost]] = {name: [] for name in pipelines}
    for pipeline in pipelines.values():
        pipeline.epoch(0)
    for number in range(rounds):
        for name, pipeline in pipelines.items():
            costs[name].append(cost_of(pipeline, number))
    cpu = {name: statistics.median(each.cpu for each in of) for name, of in costs.items()}
    alone = sum(count * cpu[name] for name, count in COUNTS.items())
    decode = statistics.median(each.decode for each in costs["whole"])
    render = statistics.median(each.render for each in costs["together"])
    return {
        "ten views together, ms": cpu["together"],
        "each by itself, ms": alone,
        "decoding the whole image, ms": decode,
        "ten renders, ms": render,
        "one training crop, ms": cpu["train"],
        "together : each by itself": cpu["together"] / alone,
        "together : one whole decode and ten renders": cpu["together"] / (decode + render),
    }


def cost_of(pipeline: Fastinet, epoch: int) -> Cost:
    """One epoch."""
    before = pipeline.loader.stats()
    start = time.process_time()
    images = pipeline.epoch(epoch)
    cpu = 1e3 * (time.process_time() - start) / images
    spent = pipeline.loader.stats().since(before)
    worked = spent.read_seconds + spent.header_seconds + spent.decode_seconds + spent.render_seconds
    return Cost(cpu, cpu * spent.decode_seconds / worked, cpu * spent.render_seconds / worked)


if __name__ == "__main__":
    main()
