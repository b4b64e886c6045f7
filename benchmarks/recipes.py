"""Question: what does a recipe cost, from archive to normalised row, and what does a policy add?

    python benchmarks/recipes.py --plot recipes.png
    FASTINET_SAMPLE=train.tar python benchmarks/recipes.py --only deit --only dino --rounds 9

Baseline: the recipe as its authors run it, with torchvision's and timm's transforms on Pillow
images, where these are installed; without them fastinet is measured alone. Both sides make float32
[3, H, W] of the same photographs, fastinet with checkpoints. One thread each; time is CPU time of
the process. Ratios are medians over rounds in which both sides run one after the other.

A policy is measured on rows of 224 x 224: fastinet's part is what an epoch with it takes longer
than one without, in the same round; Pillow's is what the policy's transform takes of an image of
that size. Both sides draw other operations in every round, and Pillow's take nothing of one image
and 4 ms of the next. So a policy has many rounds (`--policy-rounds`), and its ratio is that of the
sums over all of them. The interval has 95 % of the ratios that 1000 sets of as many rounds give,
drawn from these with replacement.
"""

from __future__ import annotations

import io
import json
import os
import platform
import random
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from archives import photographs
from PIL import Image
from pipelines import Fastinet
from rich import box
from rich.console import Console
from rich.table import Table

import fastinet
from fastinet.augment import AugMix, AutoAugment, RandAugment, ThreeAugment, TrivialAugmentWide
from fastinet.testing import reference
from fastinet.testing.upstream_recipes import (
    UPSTREAM,
    PillowBlur,
    black_without_bits,
    upstream_rows,
    upstream_views,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastinet.augment import Operation

# The most that a recipe may take of what its authors' pipeline takes.
GOALS = {
    "torchvision-v2": 1 / 6,
    "deit": 1 / 6,
    "rsb-a2": 1 / 6,
    "deit3": 1 / 6,
    "mae": 1 / 5,
    "simclr-symmetric": 1 / 6,
    "mocov3": 1 / 6,
    "dino": 1 / 8,
    "dinov2": 1 / 8,
}
POLICY_GOAL = 0.2  # of what the policy adds in Pillow
POLICY_MOST = 0.3  # [ms]; AugMix makes three chains of operations, and has no such goal

_TIMM = (
    "rand-m9-mstd0.5-inc1",
    "rand-m7-mstd0.5-inc1",
    "rand-m9-n3-mstd0.5",
    "original-mstd0.5",
    "v0-mstd0.5",
    "augmix-m3-w3",
)


@dataclass
class Cost:
    """CPU time per image [ms] of fastinet and of the other side, and their ratio."""

    name: str
    ours: float
    theirs: float | None
    ratio: float | None
    goal: float | None
    detail: str
    most: float | None = None  # of `ours`

    @property
    def met(self) -> bool:
        """Whether the goals are reached, where there are any and somebody to compare with."""
        if self.most is not None and self.ours > self.most:
            return False
        return self.goal is None or self.ratio is None or self.ratio <= self.goal


def cpu_ms(images: int, work: Callable[..., object], *arguments: object) -> float:
    """CPU time of `work` for each of so many images [ms]."""
    start = time.process_time()
    work(*arguments)
    return (time.process_time() - start) / images * 1e3


def median_cost(
    name: str, ours: list[float], theirs: list[float], goal: float | None = None
) -> Cost:
    """From the times of the rounds."""
    if not theirs:
        return Cost(name, statistics.median(ours), None, None, goal, f"{len(ours)} rounds")
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    spread = f"{min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} rounds"
    medians = statistics.median(ours), statistics.median(theirs), statistics.median(ratios)
    return Cost(name, *medians, goal, spread)


def mean_cost(name: str, ours: list[float], theirs: list[float]) -> Cost:
    """Of a policy, from the times of rounds that each draw other operations."""
    most = None if "augmix" in name.lower() else POLICY_MOST
    mean = statistics.mean(ours)
    if not theirs:
        return Cost(name, mean, None, None, POLICY_GOAL, f"{len(ours)} rounds", most)
    rounds = list(zip(ours, theirs, strict=True))
    chosen = random.Random(0)
    resampled = []
    for _ in range(1000):
        sample = chosen.choices(rounds, k=len(rounds))
        resampled.append(sum(a for a, _ in sample) / sum(b for _, b in sample))
    resampled.sort()
    interval = f"{resampled[25]:.3f} to {resampled[974]:.3f}, {len(rounds)} rounds"
    other = statistics.mean(theirs)
    return Cost(name, mean, other, mean / other, POLICY_GOAL, interval, most)


class Upstream:
    """A recipe as its authors run it: Pillow decodes each file, then their transforms."""

    def __init__(self, name: str, files: Sequence[bytes]) -> None:
        self._views = upstream_views(name)
        self._files = files

    def epoch(self) -> None:
        """All views of all images; each is dropped before the next, as a batch would take it."""
        for data in self._files:
            with Image.open(io.BytesIO(data)) as opened:
                image = opened.convert("RGB")
            for _ in upstream_rows(self._views, image):
                pass


def recipe_cost(name: str, archive: Path, index: Path, files: Sequence[bytes], rounds: int) -> Cost:
    """What a recipe costs, on both sides."""
    options = fastinet.recipe(name).train_options()
    options.pop("repeats", None)  # a plain epoch, so that both sides see the same images
    options.pop("sizes", None)
    ours = Fastinet(
        archive,
        checkpoints=True,
        index=index,
        most_items=len(files) or None,
        dtype="float32",
        layout="NCHW",
        **options,
    )
    images = ours.epoch(0)  # warms the page cache and the threads, and touches the slots
    theirs = Upstream(name, files) if files and name in UPSTREAM else None
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        spent[0].append(cpu_ms(images, ours.epoch, number))
        if theirs is not None:
            spent[1].append(cpu_ms(len(files), theirs.epoch))
    return median_cost(name, *spent, GOALS.get(name))


def policies() -> dict[str, tuple[Operation, Callable[[], Any]]]:
    """Fastinet's policies, and what makes the transform that each is measured beside."""
    named: dict[str, tuple[Operation, Callable[[], Any]]] = {
        f"torchvision {kind.__name__}": (
            kind(interpolation="bilinear", version=1),
            partial(_torchvision, kind.__name__),
        )
        for kind in (RandAugment, TrivialAugmentWide, AutoAugment, AugMix)
    }
    for config in _TIMM:
        kinds = {"rand": RandAugment.timm, "augmix": AugMix.timm}
        made = kinds.get(config.partition("-")[0], AutoAugment.timm)
        named[f"timm {config}"] = (made(config, interpolation="bicubic"), partial(_timm, config))
    named["DeiT III"] = (ThreeAugment(0.3), _three_augment)
    return named


def _torchvision(policy: str) -> Callable[[Image.Image], object]:
    """Torchvision's transform of this name, bilinear as its reference scripts have it."""
    from torchvision import transforms as v1  # noqa: PLC0415

    made: Callable[[Image.Image], object] = getattr(v1, policy)(
        interpolation=v1.InterpolationMode.BILINEAR
    )
    return made


def _timm(config: str) -> Callable[[Image.Image], object]:
    """Timm's transform of this string, bicubic, as `create_transform` makes it."""
    from timm.data import create_transform  # noqa: PLC0415

    _, policy, _ = create_transform(
        224,
        is_training=True,
        auto_augment=config,
        color_jitter=None,
        interpolation="bicubic",
        separate=True,
    )
    made: Callable[[Image.Image], object] = policy
    return made


def _three_augment() -> Callable[[Image.Image], object]:
    """DeiT III's operations."""
    from torchvision import transforms as v1  # noqa: PLC0415

    one = v1.RandomChoice([v1.Grayscale(3), v1.RandomSolarize(128, 1.0), PillowBlur()])
    made: Callable[[Image.Image], object] = v1.Compose([one, v1.ColorJitter(0.3, 0.3, 0.3)])
    return made


def policy_cost(
    name: str, archive: Path, index: Path, crops: Sequence[Image.Image], rounds: int
) -> Cost:
    """What a policy adds to a row of 224 x 224."""
    operation, transform = policies()[name]
    plain, changed = (
        Fastinet(
            archive,
            checkpoints=True,
            index=index,
            most_items=len(crops) or None,
            transform=fastinet.RandomResizedCrop(224, augment=augment),
        )
        for augment in ((), operation)
    )
    images = plain.epoch(0)
    changed.epoch(0)
    theirs = transform() if crops else None
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        # In turn the one first and the other, since a machine may become slower all the while.
        order = (plain, changed) if number % 2 == 0 else (changed, plain)
        took = {each: cpu_ms(images, each.epoch, number) for each in order}
        spent[0].append(took[changed] - took[plain])
        if theirs is not None:
            spent[1].append(cpu_ms(len(crops), _each, theirs, crops))
    return mean_cost(name, *spent)


def _each(transform: Callable[[Image.Image], object], crops: Sequence[Image.Image]) -> None:
    for crop in crops:
        transform(crop)


def _small(data: bytes) -> Image.Image:
    """A photograph of the size of a row."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)


def draw(costs: Sequence[Cost], path: Path) -> None:
    """Draws the costs as bars, each recipe's beside its authors'."""
    import matplotlib as mpl  # noqa: PLC0415 - only where a picture is wanted

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    shown = list(reversed(costs))
    figure, axes = plt.subplots(figsize=(7, 0.9 + 0.36 * len(shown)), layout="constrained")
    places = range(len(shown))
    theirs = [cost.theirs or 0.0 for cost in shown]
    axes.barh([y + 0.19 for y in places], theirs, 0.36, label="torchvision, timm on Pillow")
    axes.barh([y - 0.19 for y in places], [cost.ours for cost in shown], 0.36, label="fastinet")
    for y, cost in zip(places, shown, strict=True):
        text = f" {cost.ours:.2f} ms" + (
            "" if cost.ratio is None else f", 1 / {1 / cost.ratio:.1f}"
        )
        axes.text(cost.ours, y - 0.19, text, va="center", fontsize=7)
    axes.set_yticks(list(places), [cost.name for cost in shown], fontsize=8)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlabel("CPU time per image, all its views [ms]")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _print(title: str, costs: Sequence[Cost]) -> None:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("", "fastinet, ms", "upstream, ms", "ratio", "goal", "met", "ratios"):
        table.add_column(heading, justify="left" if heading in ("", "ratios") else "right")
    for cost in costs:
        theirs = "" if cost.theirs is None else f"{cost.theirs:.2f}"
        ratio = "" if cost.ratio is None else f"{cost.ratio:.3f}"
        goal = "" if cost.goal is None else f"{cost.goal:.3f}"
        met = "" if cost.goal is None or cost.ratio is None else "yes" if cost.met else "no"
        table.add_row(cost.name, f"{cost.ours:.2f}", theirs, ratio, goal, met, cost.detail)
    Console(width=120).print(table)


def _versions() -> dict[str, str] | None:
    """Versions of what recipes are measured beside; None where it is not all there."""
    try:
        import timm  # noqa: PLC0415
        import torch  # noqa: PLC0415
        import torchvision  # noqa: PLC0415
    except (ImportError, RuntimeError):  # RuntimeError: torchvision is of another torch
        return None
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    black_without_bits()
    modules = {"torch": torch, "torchvision": torchvision, "timm": timm, "Pillow": Image}
    return {name: str(module.__version__) for name, module in modules.items()}


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True)
@click.option("--policy-rounds", default=30, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="This recipe; may come several times.")
@click.option("--policy", "chosen", multiple=True, metavar="NAME", help="Likewise, a policy.")
@click.option("--images", default=100, show_default=True, help="Photographs, at most.")
@click.option("--recipes/--no-recipes", "with_recipes", default=True)
@click.option("--policies/--no-policies", "with_policies", default=True)
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the figures here too.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the recipes here.")
def main(
    rounds: int,
    policy_rounds: int,
    only: tuple[str, ...],
    chosen: tuple[str, ...],
    images: int,
    with_recipes: bool,
    with_policies: bool,
    path: Path | None,
    plot: Path | None,
) -> None:
    """Measures, prints and draws."""
    archive = photographs()
    versions = _versions()
    members = reference.list_members(archive)[:images] if versions else []
    files = [reference.read_member(archive, member) for member in members]
    click.echo(
        "beside " + ", ".join(f"{name} {version}" for name, version in versions.items())
        if versions
        else "torchvision and timm are not installed: fastinet alone"
    )
    names = only or [name for name in fastinet.recipes.names() if name in UPSTREAM]
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder)
        recipes = [
            recipe_cost(name, archive, index, files, rounds) for name in names if with_recipes
        ]
        crops = [_small(data) for data in files] if with_policies else []
        added = [
            policy_cost(name, archive, index, crops, policy_rounds)
            for name in chosen or policies()
            if with_policies
        ]
    if recipes:
        _print(f"Recipes on {archive.name}: CPU time per image, all views", recipes)
    if added:
        _print("Policies: what they add to a row of 224 x 224", added)
    if plot is not None:
        draw(recipes, plot)
    if path is not None:
        build = {"build": fastinet.build_info(), "machine": platform.platform(), "beside": versions}
        values = {
            "recipes": [asdict(cost) for cost in recipes],
            "policies": [asdict(cost) for cost in added],
        }
        path.write_text(json.dumps({"archive": archive.name, **values, **build}, indent=2))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
