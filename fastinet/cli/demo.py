"""fastinet demo: from archive to batch on data that it makes itself, beside plain Pillow."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import PIL

import fastinet
from fastinet.base.cpus import available_cpus
from fastinet.cli.measure import Measurement, measure
from fastinet.cli.opening import open_archive
from fastinet.cli.output import (
    json_option,
    literal,
    print_json,
    print_table,
    progress_bar,
    say,
    size_text,
)
from fastinet.cli.show import write_batch_sheet
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet import Batch, Dataset, Loader
    from fastinet.loading.stats import LoaderStats

_CLASSES = 40


@click.command(short_help="Make a small archive, load it, and compare with plain Pillow.")
@click.option("--images", type=click.IntRange(_CLASSES), default=400, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="[default: all CPUs]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--output", "-o", help="Contact sheet to write.  [default: beside the demo's archive]"
)
@json_option
def demo(
    images: int,
    epochs: int,
    batch_size: int,
    threads: int | None,
    seed: int,
    output: str | None,
    as_json: bool,
) -> None:
    """Make a small train archive, load it for some epochs, and compare with plain Pillow."""
    threads = threads or available_cpus()
    archive = _make_archive(images, seed)
    start = time.perf_counter()
    dataset = open_archive(str(archive))
    open_seconds = time.perf_counter() - start
    loader = fastinet.Loader(
        dataset,
        batch_size=min(batch_size, images),
        transform=fastinet.RandomResizedCrop(224),
        shuffle=True,
        seed=seed,
        threads=threads,
        world=1,
    )
    own, batch = _train(loader, dataset, epochs)
    plain = _train_with_pillow(archive, dataset, batch_size, threads, seed)
    sheet = Path(output) if output else archive.with_suffix(".png")
    write_batch_sheet(dataset, batch, sheet)
    if as_json:
        print_json(_figures(archive, sheet, threads, own, plain, loader))
        return
    say(
        f"\n[bold]{literal(archive)}[/]: {len(dataset):,} images in {len(dataset.classes)} "
        f"classes, {size_text(archive.stat().st_size)}; opened in {open_seconds * 1e3:.0f} ms"
    )
    print_table(
        f"Training batches of 224 x 224 from the same files, {threads} threads each",
        ["", "images/s", "CPU ms/image", "MB/s", "speed"],
        [
            _row("fastinet", own, plain),
            _row(f"Pillow {PIL.__version__}", plain, plain),
        ],
    )
    print_table(
        "Where a fastinet thread spends its time",
        ["stage", "ms/image", "share"],
        [
            (stage, f"{milliseconds:.3f}", f"{share:.0%}")
            for stage, milliseconds, share in _stages(loader.stats())
        ],
    )
    say(f"A batch as the network sees it: [bold]{literal(sheet)}[/]")
    _say_what_next()


def _make_archive(images: int, seed: int) -> Path:
    """The demo's archive; written when it is not in the cache yet."""
    from fastinet.testing.train_archive import cached_train_archive  # noqa: PLC0415 - needs Pillow

    with progress_bar("making photographs", total=images) as progress:
        archive = cached_train_archive(images, _CLASSES, seed, progress=progress)
        progress(images)
    return archive


def _train(loader: Loader, dataset: Dataset, epochs: int) -> tuple[Measurement, Batch]:
    """Runs the epochs; gives what they took, and the first batch."""
    first: list[Batch] = []
    sizes = dataset.sizes

    def batches() -> Iterator[tuple[int, int]]:
        for _ in range(epochs):
            for batch in loader:
                first.extend([batch] if not first else [])
                yield len(batch.indices), int(sizes[batch.indices].sum())

    with progress_bar("fastinet", total=epochs * len(dataset)) as progress:
        return measure(batches(), progress=progress), first[0]


def _train_with_pillow(
    archive: Path, dataset: Dataset, batch_size: int, threads: int, seed: int
) -> Measurement:
    """One epoch of the same work in tarfile, Pillow and NumPy; gives what it took."""
    members = reference.list_members(archive)
    mean_bytes = float(np.mean([member.size for member in members]))

    def batches() -> Iterator[tuple[int, int]]:
        for images, _ in reference.train_epoch(
            archive, members, batch_size=batch_size, threads=threads, seed=seed
        ):
            yield len(images), round(len(images) * mean_bytes)

    with progress_bar("plain Pillow", total=len(dataset)) as progress:
        return measure(batches(), progress=progress)


def _stages(stats: LoaderStats) -> list[tuple[str, float, float]]:
    """(stage, wall milliseconds per image in one worker, share of the four)."""
    seconds = {
        "read": stats.read_seconds,
        "header": stats.header_seconds,
        "decode": stats.decode_seconds,
        "render": stats.render_seconds,
    }
    total = sum(seconds.values()) or 1.0
    images = max(stats.items, 1)
    return [(stage, spent / images * 1e3, spent / total) for stage, spent in seconds.items()]


def _row(name: str, result: Measurement, baseline: Measurement) -> tuple[str, ...]:
    return (
        name,
        f"{result.images_per_second:,.0f}",
        f"{result.cpu_ms_per_image:.2f}",
        f"{result.megabytes_per_second:,.0f}",
        f"{result.images_per_second / baseline.images_per_second:.1f} x",
    )


def _figures(
    archive: Path,
    sheet: Path,
    threads: int,
    own: Measurement,
    plain: Measurement,
    loader: Loader,
) -> dict[str, Any]:
    def figures(result: Measurement) -> dict[str, float]:
        return {
            "images": result.images,
            "images_per_second": result.images_per_second,
            "cpu_ms_per_image": result.cpu_ms_per_image,
        }

    return {
        "archive": str(archive),
        "contact_sheet": str(sheet),
        "threads": threads,
        "fastinet": figures(own),
        "pillow": figures(plain),
        "stages": [
            {"stage": stage, "ms_per_image": milliseconds, "share": share}
            for stage, milliseconds, share in _stages(loader.stats())
        ],
        "build": fastinet.build_info(),
    }


def _say_what_next() -> None:
    """The commands for an archive of the user's own, as this shell would find them."""
    command = Path(sys.argv[0])
    program = "python -m fastinet" if command.suffix == ".py" else shlex.quote(sys.argv[0])
    say("\nNext, with an archive of your own:")
    for rest in ("index", "info", "bench", "show --transform train"):
        say(f"  {literal(program)} {rest} ILSVRC2012_img_train.tar")
    say("\nand in Python:")
    say('  dataset = fastinet.open("ILSVRC2012_img_train.tar")')
    say("  transform = fastinet.RandomResizedCrop(224)")
    say("  loader = fastinet.Loader(dataset, batch_size=256, transform=transform, shuffle=True)")
    say("  for images, labels in loader:  # uint8 \\[256, 224, 224, 3], int64 \\[256]")
    say("      ...")
