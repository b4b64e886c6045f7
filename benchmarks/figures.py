"""The first table of docs/figures.md, measured in one run and printed as ratios.

    python benchmarks/figures.py                  # on synthetic photographs
    FASTINET_SAMPLE=train.tar python benchmarks/figures.py --json figures.json

Ratios are medians over interleaved rounds: both sides of a ratio run in the same round, one after
the other, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cost_by_area
from archives import TRAIN_ITEMS, indexed_train_archive, photographs, sparse_train_tar
from pipelines import (
    BATCH,
    FORMATS,
    SIZE,
    VAL,
    Fastinet,
    each_in_turn,
    pillow,
    simplejpeg_opencv,
    simplejpeg_opencv_val,
)
from rich import box
from rich.console import Console
from rich.table import Table

import fastinet
from fastinet.base.cpus import available_cpus
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastinet.loading.stats import LoaderStats

MEGABYTE = 1e6


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


def ratio_figure(
    name: str, above: list[float], below: list[float], goal: str, detail: str
) -> Figure:
    """The median of the ratios of all rounds; a goal is "<= 0.5" or ">= 2", or "" for none."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    value = statistics.median(ratios)
    sign, bound = goal.split() if goal else (">=", "0")
    met = value <= float(bound) if sign == "<=" else value >= float(bound)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds"
    return Figure(name, value, "x", goal, met, f"{detail}; {spread}")


def pipeline_figures(archive: Path, rounds: int) -> Iterator[Figure]:
    """CPU time per training and per validation image relative to the baselines, one thread."""
    plain = Fastinet(archive)
    pointed = Fastinet(archive, checkpoints=True)
    val = Fastinet(archive, checkpoints=True, transform=VAL)
    theirs = {
        "simplejpeg + OpenCV linear": simplejpeg_opencv(archive),
        "Pillow": pillow(archive),
        "val, simplejpeg + OpenCV": simplejpeg_opencv_val(archive),
    }
    ours = {"checkpoints": pointed, "plain": plain, "val": val}
    for pipeline in ours.values():  # warms the page cache and the threads
        images = pipeline.epoch(0)
    spent: dict[str, list[float]] = {name: [] for name in (*ours, *theirs)}
    for number in range(rounds):
        plan = plain.plan(number)
        for name, pipeline in ours.items():
            spent[name].append(cpu_seconds(pipeline.epoch, number))
        for name, baseline in theirs.items():
            spent[name].append(cpu_seconds(baseline.epoch, plan))
    for name, own, their, goal in (
        ("train with checkpoints", "checkpoints", "simplejpeg + OpenCV linear", "<= 0.33"),
        ("train without", "plain", "simplejpeg + OpenCV linear", "<= 0.50"),
        ("val with checkpoints", "val", "val, simplejpeg + OpenCV", "<= 0.45"),
        ("train with checkpoints", "checkpoints", "Pillow", ""),
    ):
        each = [statistics.median(spent[side]) / images * 1e3 for side in (own, their)]
        yield ratio_figure(
            f"{name}, CPU time / {their.removeprefix('val, ')}",
            spent[own],
            spent[their],
            goal,
            f"{each[0]:.2f} and {each[1]:.2f} ms an image",
        )
    read = pointed.loader.stats()
    share = read.bytes_read / read.items / float(pointed.dataset.sizes.mean())
    yield Figure(
        "bytes read per random crop / file",
        share,
        "x",
        "<= 0.75",
        share <= 0.75,
        f"mean over {read.items:,} crops, headers included",
    )


def decode_figures(archive: Path, rounds: int) -> Iterator[Figure]:
    """CPU time of whole images to RGB."""
    import simplejpeg  # noqa: PLC0415 - a peer

    images = [reference.read_member(archive, m) for m in reference.list_members(archive)]
    ways: list[Callable[[bytes], object]] = [
        fastinet.decode,
        lambda data: simplejpeg.decode_jpeg(data, "RGB"),
    ]
    spent: list[list[float]] = [[], []]
    for _ in range(rounds + 1):
        for way, times in zip(ways, spent, strict=True):
            times.append(cpu_seconds(each_in_turn, way, images))
    spent = [times[1:] for times in spent]  # without the round that warms up
    each = [statistics.median(times) / len(images) * 1e3 for times in spent]
    yield ratio_figure(
        "full decode, simplejpeg / fastinet",
        spent[1],
        spent[0],
        ">= 1.6",
        f"{each[1]:.2f} and {each[0]:.2f} ms an image",
    )


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
    spent: dict[str, list[float]] = {"build": [], "entropy": [], "epoch": []}
    for number in range(rounds):
        before = tiny.loader.stats()
        seconds = cpu_seconds(tiny.epoch, number)
        spent["entropy"].append(seconds * _entropy_share(before, tiny.loader.stats(), mcus))
        spent["epoch"].append(cpu_seconds(train.epoch, number))
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
    plain = Fastinet(archive)
    others = {name: Fastinet(archive, **options) for name, options in FORMATS.items()}
    for pipeline in (plain, *others.values()):
        pipeline.epoch(0)  # warms the page cache and the threads, and touches the slots' memory
    ratios: dict[str, list[float]] = {name: [] for name in FORMATS}
    for number in range(rounds):
        for name, pipeline in others.items():  # the baseline beside each, for a noisy machine
            seconds = cpu_seconds(plain.epoch, number)
            ratios[name].append(cpu_seconds(pipeline.epoch, number) / seconds)
    goals = {"uint8 NCHW": 1.03, "exact": 1.5}
    for name, values in ratios.items():
        goal = goals.get(name, 1.12)
        yield Figure(
            f"train, CPU time, {name} / uint8 NHWC",
            statistics.median(values),
            "x",
            f"<= {goal}",
            statistics.median(values) <= goal,
            f"{min(values):.2f} to {max(values):.2f} in {rounds} rounds"
            + ("" if name in goals else ", normalised"),
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


def _memory_bytes(what: str) -> int:
    """Memory that this process holds ("VmRSS") or held at most ("VmHWM").

    Linux's ru_maxrss would count the parent's too; macOS, where it is in bytes, has nothing else.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith(what)]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _measure_memory(archive: str, threads: str, early: str, late: str) -> dict[str, Any]:
    """Memory before the first epoch, and its peak at the end of two epochs [bytes]."""
    pipeline = Fastinet(Path(archive), threads=int(threads))
    figures: dict[str, Any] = {"before": _memory_bytes("VmRSS")}
    for number in range(int(late)):
        pipeline.epoch(number)
        if str(number + 1) in (early, late):
            figures[str(number + 1)] = _memory_bytes("VmHWM")
    return {**figures, "slots": pipeline.loader.stats().slots}


def _measure_open(archive: str) -> dict[str, Any]:
    before = _memory_bytes("VmRSS")
    start = time.perf_counter()
    dataset = fastinet.open(archive)
    seconds = time.perf_counter() - start
    grown = _memory_bytes("VmRSS") - before  # while the dataset is there
    return {"seconds": seconds, "bytes": grown, "items": len(dataset)}


_TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "memory": _measure_memory,
    "open": _measure_open,
}


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, help="Rounds of each comparison.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the figures here too.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw cost over crop area here.")
@click.option("--task", type=click.Choice(list(_TASKS)), hidden=True)
@click.argument("arguments", nargs=-1)
def main(
    rounds: int,
    path: Path | None,
    plot: Path | None,
    task: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Measures and prints."""
    if task is not None:
        click.echo(json.dumps(_TASKS[task](*arguments)))
        return
    archive = photographs()
    figures = [*pipeline_figures(archive, rounds), *decode_figures(archive, rounds)]
    figures += area_figures(archive, max(3, rounds // 2), plot)
    figures += format_figures(archive, rounds)
    figures += thread_figures(archive, rounds)
    figures += memory_figures(archive)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures += checkpoint_figures(archive, folder, rounds)
        figures += index_figures(folder, rounds)
        figures += open_figures(folder)
    _print(figures, archive)
    if path is not None:
        build = {"build": fastinet.build_info(), "machine": platform.platform()}
        values = [asdict(figure) for figure in figures]
        path.write_text(json.dumps({"archive": archive.name, "figures": values, **build}, indent=2))


def _print(figures: list[Figure], archive: Path) -> None:
    table = Table(box=box.SIMPLE_HEAD, title=f"Figures on {archive.name}", title_justify="left")
    for heading, justify in (
        ("figure", "left"),
        ("measured", "right"),
        ("goal", "left"),
        ("met", "left"),
        ("how", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for figure in figures:
        measured = f"{figure.value:.2f} {figure.unit}"
        met = "" if not figure.goal else "yes" if figure.met else "no"
        table.add_row(figure.name, measured, figure.goal, met, figure.detail)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
