"""The first table of docs/figures.md, measured in one run and printed as ratios.

    python benchmarks/figures.py                  # on synthetic photographs
    FASTINET_SAMPLE=train.tar python benchmarks/figures.py --rounds 15 --markdown figures.md

Ratios are medians over rounds: both sides of a ratio run in the same round, all that a round has in
an order that is drawn anew, so that whatever else the machine does hits both. The interval is the
one that the true median lies in with 95 % confidence, whatever the distribution. Peers that are not
installed are named, with what would install them.
"""

from __future__ import annotations

import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cost_by_area
from archives import TRAIN_ITEMS, indexed_train_archive, photographs, sparse_train_tar
from beside_peers import decode_figures, pipeline_figures
from peak_memory import BATCHES_HELD, peak_bytes
from peers import missing
from pipelines import BATCH, FORMATS, SIZE, Fastinet
from rounds import (
    Figure,
    as_markdown,
    cpu_seconds,
    in_drawn_order,
    interval_of_median,
    ratio_figure,
    show,
    skipped,
    wall_seconds,
)

import fastinet
from fastinet.base.cpus import available_cpus
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastinet.loading.stats import LoaderStats

MEGABYTE = 1e6


def checkpoint_figures(archive: Path, folder: Path, rounds: int) -> Iterator[Figure]:
    """What making checkpoints costs, in time and in room.

    The entropy decoder's own time is taken from tiny crops without checkpoints, on the way to which
    it passes over MCUs without making pixels, as building does: of the CPU time of the epoch, the
    share of the workers' time that their statistics give it, for as many MCUs as there are in all.
    """
    # Sidecars apart, so that the archive's own checkpoints stay as they are.
    sidecars = folder / "sidecars"
    sidecars.mkdir()
    dataset = fastinet.open(archive, index=sidecars)
    whole = fastinet.Loader(dataset, BATCH, fastinet.Resize(SIZE), threads=1)
    images = sum(len(batch) for batch in whole)
    mcus = whole.stats().mcus_decoded
    crop = fastinet.RandomResizedCrop(SIZE, scale=(0.01, 0.01))
    tiny = Fastinet(archive, index=sidecars, transform=crop)
    train = Fastinet(archive, index=sidecars)
    pointed = Fastinet(archive, checkpoints=True)
    for pipeline in (train, pointed, tiny):
        pipeline.epoch(0)  # warms the page cache and the threads
    spent: dict[str, list[float]] = {"build": [], "entropy": [], "epoch": [], "pointed": []}
    for number in range(rounds):
        before = tiny.loader.stats()
        seconds = cpu_seconds(tiny.epoch, number)
        spent["entropy"].append(seconds * _entropy_share(before, tiny.loader.stats(), mcus))
        pair = {"epoch": train, "pointed": pointed}
        for name in list(pair)[:: 1 if number % 2 else -1]:
            spent[name].append(cpu_seconds(pair[name].epoch, number))
        for place in sidecars.glob("*.checkpoints"):
            place.unlink()
        spent["build"].append(cpu_seconds(dataset.build_checkpoints))
    each = {name: statistics.median(times) / images * 1e3 for name, times in spent.items()}
    threads = f"{available_cpus()} threads, CPU time of all"
    yield ratio_figure(
        "checkpoints, entropy decoding alone / building",
        spent["entropy"],
        spent["build"],
        ">= 0.8",
        f"{each['entropy']:.2f} and {each['build']:.2f} ms an image, {threads}",
    )
    yield ratio_figure(
        "checkpoints, building / one epoch without",
        spent["build"],
        spent["epoch"],
        "",
        f"{each['build']:.2f} and {each['epoch']:.2f} ms an image",
    )
    saved = [a - b for a, b in zip(spent["epoch"], spent["pointed"], strict=True)]
    epochs = [build / max(gain, 1e-9) for build, gain in zip(spent["build"], saved, strict=True)]
    low, high = interval_of_median(epochs)
    yield Figure(
        "checkpoints, epochs after which they have paid for their making",
        statistics.median(epochs),
        "epochs",
        "",
        True,
        f"{each['build']:.2f} ms an image once, {statistics.median(saved) / images * 1e3:.2f} ms "
        f"less in each epoch; {low:.1f} to {high:.1f} in {rounds} rounds",
    )
    files = sum(file.stat().st_size for file in sidecars.iterdir())
    bytes_in_all = archive.stat().st_size
    checkpoints = dataset.checkpoints
    yield Figure(
        "index with checkpoints / archive",
        100 * files / bytes_in_all,
        "%",
        "<= 0.6",
        files <= 0.006 * bytes_in_all,
        f"{checkpoints.record_bytes / images:.0f} bytes of checkpoints an image",
    )


def _entropy_share(before: LoaderStats, after: LoaderStats, mcus: int) -> float:
    """Huffman decoding of `mcus` MCUs, as a share of all that the workers did meanwhile."""

    def grown(*names: str) -> float:
        return float(sum(getattr(after, name) - getattr(before, name) for name in names))

    busy = grown("read_seconds", "header_seconds", "decode_seconds", "render_seconds")
    return grown("entropy_seconds") / busy * mcus / grown("mcus_decoded", "mcus_skipped")


def area_figures(archive: Path, rounds: int, plot: Path | None) -> Iterator[Figure]:
    """CPU time per image over the crop's share of it."""
    curves = cost_by_area.measure(archive, rounds)
    if plot is not None:
        cost_by_area.draw(curves, plot)
    for name, times in curves.items():
        yield Figure(
            f"crops of 0.08 / of the whole, {name}",
            times[0] / times[-1],
            "x",
            "",
            True,
            ", ".join(
                f"{area:g}: {time:.2f}"
                for area, time in zip(cost_by_area.AREAS, times, strict=True)
            )
            + " ms",
        )


def format_figures(archive: Path, rounds: int) -> Iterator[Figure]:
    """CPU time per training image in every output format relative to uint8 NHWC."""
    pipelines = {"uint8 NHWC": Fastinet(archive)}
    pipelines |= {name: Fastinet(archive, **options) for name, options in FORMATS.items()}
    spent = in_drawn_order({name: each.epoch for name, each in pipelines.items()}, rounds)
    goals = {"uint8 NCHW": "<= 1.03", "exact": "<= 1.5"}
    for name in FORMATS:
        yield ratio_figure(
            f"train, {name} / uint8 NHWC",
            spent[name],
            spent["uint8 NHWC"],
            goals.get(name, "<= 1.08"),
            "CPU time" if name in goals else "CPU time, normalised",
        )


def thread_figures(archive: Path, rounds: int) -> Iterator[Figure]:
    """Images a second by two threads relative to one, by the clock."""
    # A second or so each. Real epochs are long: a short one would measure its beginning and end.
    one = Fastinet(archive, threads=1, least_items=2000)
    two = Fastinet(archive, threads=2, least_items=2000)
    one.epoch(0)
    two.epoch(0)
    ratios, cpus = [], []
    for number in range(rounds):
        cpu_start = time.process_time()
        seconds = wall_seconds(two.epoch, number)
        cpus.append((time.process_time() - cpu_start) / seconds)
        ratios.append(wall_seconds(one.epoch, number) / seconds)
    yield Figure(
        "train, 2 threads / 1 thread",
        statistics.median(ratios),
        "x",
        ">= 1.9",
        statistics.median(ratios) >= 1.9,
        f"{min(ratios):.2f} to {max(ratios):.2f} in {rounds} rounds; two threads got "
        f"{statistics.median(cpus):.2f} of the machine's {available_cpus()} CPUs",
    )


def memory_figures(archive: Path) -> Iterator[Figure]:
    """Peak memory of a training process; runs in a process of its own."""
    threads, epochs = 2, (2, 20)
    peaks = _in_new_process("memory", str(archive), str(threads), *map(str, epochs))
    slots = peaks["slots"] * BATCH * SIZE * SIZE * 3
    growth = (peaks["20"] - peaks["before"]) / MEGABYTE
    bound = slots / MEGABYTE + 30 * threads
    yield Figure(
        "memory of an epoch above open dataset",
        growth,
        "MB",
        f"<= {bound:.0f} MB",
        growth <= bound,
        f"{peaks['slots']} slots, together {slots / MEGABYTE:.0f} MB, and {threads} threads",
    )
    later = (peaks["20"] - peaks["2"]) / MEGABYTE
    yield Figure(
        "memory, epoch 20 above epoch 2",
        later,
        "MB",
        "<= 1 MB",
        later <= 1,
        f"peak {peaks['2'] / MEGABYTE:.1f} and {peaks['20'] / MEGABYTE:.1f} MB",
    )


def peak_figures(archive: Path) -> Iterator[Figure]:
    """Peak memory of whole processes that make the same batches, and hold as many of them."""
    goal = "<= 1.2"
    name = "memory of a process, fastinet / simplejpeg + OpenCV"
    held = f"{BATCHES_HELD} batches of {BATCH} held"
    ways = ["fastinet", "fastinet-float32"]
    lacking = missing("simplejpeg", "cv2")
    peaks = {way: _peak_of(way, archive) for way in (*ways, *([] if lacking else ["simplejpeg"]))}
    ours, floats = (peaks[way] / MEGABYTE for way in ways)
    if lacking:
        yield skipped(name, goal, lacking)
    else:
        their = peaks["simplejpeg"] / MEGABYTE
        detail = f"{ours:.0f} and {their:.0f} MB, {held}"
        yield Figure(name, ours / their, "x", goal, ours / their <= 1.2, detail)
    batch = BATCH * SIZE * SIZE * 3 * 4 / MEGABYTE
    # What the batches of uint8 held is a quarter of what those of float32 do.
    growth = (floats - ours) / (BATCHES_HELD * batch * 3 / 4)
    detail = f"{floats:.0f} MB in all; 1 where each pixel is in memory once"
    yield Figure(
        "memory, float32 above uint8 / what the batches alone take more",
        growth,
        "x",
        "<= 1.05",
        growth <= 1.05,
        detail,
    )


def _peak_of(way: str, archive: Path) -> int:
    """Peak memory of a process of its own [bytes]: the median of five."""
    command = [sys.executable, str(Path(__file__).with_name("peak_memory.py")), way, str(archive)]
    return round(statistics.median(int(subprocess.check_output(command)) for _ in range(5)))


def open_figures(folder: Path) -> Iterator[Figure]:
    """Time and memory to open an archive of 1.28 million members that has an index."""
    archive = indexed_train_archive(folder)
    runs = [_in_new_process("open", str(archive)) for _ in range(5)]
    seconds = statistics.median(run["seconds"] for run in runs)
    grown = statistics.median(run["bytes"] for run in runs) / MEGABYTE
    detail = f"{TRAIN_ITEMS:,} items, median of {len(runs)} processes"
    yield Figure("open with index", seconds, "s", "< 0.3 s", seconds < 0.3, detail)
    yield Figure("open with index, memory", grown, "MB", "< 50 MB", grown < 50, detail)


def index_figures(folder: Path, rounds: int) -> Iterator[Figure]:
    """How much faster than tarfile an archive is indexed, by CPU time."""
    headers = sparse_train_tar(folder / "headers.tar")
    ratios = []
    for _ in range(rounds):
        plain = cpu_seconds(reference.list_members, headers)
        ratios.append(plain / cpu_seconds(_scan, headers))
    yield Figure(
        "index, tarfile / fastinet",
        statistics.median(ratios),
        "x",
        ">= 3",
        statistics.median(ratios) >= 3,
        f"20,000 members; {min(ratios):.1f} to {max(ratios):.1f} in {rounds} rounds",
    )


def _scan(archive: Path) -> None:
    fastinet.open(archive, index=False)


def _in_new_process(task: str, *arguments: str) -> dict[str, Any]:
    """What `task` of this file prints as JSON."""
    command = [sys.executable, __file__, "--task", task, *arguments]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def _measure_memory(archive: str, threads: str, early: str, late: str) -> dict[str, Any]:
    """Memory before the first epoch, and its peak at the end of two epochs [bytes]."""
    pipeline = Fastinet(Path(archive), threads=int(threads))
    figures: dict[str, Any] = {"before": peak_bytes("VmRSS")}
    for number in range(int(late)):
        pipeline.epoch(number)
        if str(number + 1) in (early, late):
            figures[str(number + 1)] = peak_bytes("VmHWM")
    return {**figures, "slots": pipeline.loader.stats().slots}


def _measure_open(archive: str) -> dict[str, Any]:
    before = peak_bytes("VmRSS")
    start = time.perf_counter()
    dataset = fastinet.open(archive)
    seconds = time.perf_counter() - start
    grown = peak_bytes("VmRSS") - before  # while the dataset is there
    return {"seconds": seconds, "bytes": grown, "items": len(dataset)}


_TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "memory": _measure_memory,
    "open": _measure_open,
}


def _parts(
    archive: Path, folder: Path, rounds: int, plot: Path | None
) -> dict[str, Callable[[], Iterator[Figure]]]:
    """The parts of the table by name, in order; each measures when it is called."""
    return {
        "pipelines": lambda: pipeline_figures(archive, folder, rounds),
        "decode": lambda: decode_figures(archive, rounds),
        "areas": lambda: area_figures(archive, max(3, rounds // 2), plot),
        "formats": lambda: format_figures(archive, rounds),
        "threads": lambda: thread_figures(archive, rounds),
        "memory": lambda: memory_figures(archive),
        "peaks": lambda: peak_figures(archive),
        "checkpoints": lambda: checkpoint_figures(archive, folder, rounds),
        "index": lambda: index_figures(folder, rounds),
        "open": lambda: open_figures(folder),
    }


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, help="Rounds of each comparison.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the figures here too.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the table of docs here.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw cost over crop area here.")
@click.option("--part", "parts", multiple=True, help="Measure this part alone; may be repeated.")
@click.option("--task", type=click.Choice(list(_TASKS)), hidden=True)
@click.argument("arguments", nargs=-1)
def main(
    rounds: int,
    path: Path | None,
    markdown: Path | None,
    plot: Path | None,
    parts: tuple[str, ...],
    task: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Measures and prints."""
    if task is not None:
        click.echo(json.dumps(_TASKS[task](*arguments)))
        return
    archive = photographs()
    with tempfile.TemporaryDirectory() as name:
        measured = _parts(archive, Path(name), rounds, plot)
        figures = [figure for part in parts or measured for figure in measured[part]()]
    show(figures, f"Figures on {archive.name}")
    if markdown is not None:
        markdown.write_text(as_markdown(figures))
    if path is not None:
        build = {"build": fastinet.build_info(), "machine": platform.platform()}
        values = [asdict(figure) for figure in figures]
        for value in values:  # what was not measured: JSON has no NaN
            value["value"] = None if math.isnan(value["value"]) else value["value"]
        path.write_text(json.dumps({"archive": archive.name, "figures": values, **build}, indent=2))


if __name__ == "__main__":
    main()
