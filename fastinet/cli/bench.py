"""fastinet bench: how fast an archive is read, decoded and turned into batches."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import platform
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import fastinet
from fastinet.base.cpus import available_cpus
from fastinet.cli.measure import Measurement, measure
from fastinet.cli.opening import (
    end_marker_option,
    index_option,
    open_archive,
    open_streamed,
    refuse_for_stream,
    split_option,
)
from fastinet.cli.output import (
    archive_argument,
    json_option,
    literal,
    print_facts,
    print_json,
    print_table,
    progress_bar,
    say,
)
from fastinet.errors import FastinetError, FastinetWarning
from fastinet.items.opening import is_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from fastinet import Dataset
    from fastinet.archives.tar_notes import EndMarker

_CHUNK = 16  # images that a thread of the read and decode measurements takes at a time
_NAMED = 10  # images without a row that are named where people read

Work = tuple[int, int]  # images and original bytes
Failed = dict[str, str]  # key of each image that gives no row, and why


@click.command(short_help="Measure reading, decoding, and the train and val pipelines.")
@archive_argument
@split_option
@index_option
@end_marker_option
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Measure 1, 2, 4 ... up to this many threads.  [default: all CPUs]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    default=3.0,
    show_default=True,
    help="Time for each measurement.",
)
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@json_option
def bench(
    archive: str,
    split: str | None,
    index_path: str | None,
    end_marker: EndMarker,
    threads: int | None,
    seconds: float,
    batch_size: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure reading, decoding, and the train and val pipelines on ARCHIVE.

    Images are taken in random order. Each measurement begins with a warm-up of a tenth of its time,
    so that what fits in memory is measured from memory: state the page cache's state beside the
    figures of a larger archive.

    An image that cannot be decoded is no image here, and told of with its cause.

    An ARCHIVE that arrives ("-" for standard input, or a named pipe) passes through the train
    pipeline once, from end to end and in its order.
    """
    if is_stream(archive):
        refuse_for_stream(archive, index=index_path)
        _bench_stream(
            archive, split, end_marker, threads or available_cpus(), batch_size, seed, as_json
        )
        return
    dataset = open_archive(archive, split, index_path=index_path, end_marker=end_marker)
    batch_size = min(batch_size, len(dataset))
    counts = _thread_counts(threads or available_cpus())
    failed: Failed = {}
    pipelines: dict[str, Callable[[int], Generator[Work, None, None]]] = {
        "read": lambda count: _read(dataset, count, seed),
        "decode": lambda count: _decode(dataset, count, seed, failed),
        "train": lambda count: _load(dataset, count, batch_size, seed, failed, train=True),
        "val": lambda count: _load(dataset, count, batch_size, seed, failed, train=False),
    }
    results = []
    with (
        progress_bar("measuring", total=len(pipelines) * len(counts)) as progress,
        warnings.catch_warnings(),
    ):
        # Said once, below, and not by each of many epochs.
        warnings.filterwarnings("ignore", ".*gave no row in this epoch", FastinetWarning)
        for (name, pipeline), count in itertools.product(pipelines.items(), counts):
            with contextlib.closing(pipeline(count)) as work:
                measure(work, limit_seconds=seconds / 10)
                results.append((name, count, measure(work, limit_seconds=seconds)))
            progress(len(results))
    if as_json:
        figures = [_figures(name, count, result) for name, count, result in results]
        print_json(
            {
                "archive": archive,
                "split": dataset.split,
                "batch_size": batch_size,
                "results": figures,
                "failures": _failures(failed),
                **_environment(),
            }
        )
        return
    _print_results(f"Images in random order, {seconds:g} s each", results)
    _print_failed(failed)


def _bench_stream(
    archive: str,
    split: str | None,
    end_marker: EndMarker,
    threads: int,
    batch_size: int,
    seed: int,
    as_json: bool,
) -> None:
    stream = open_streamed(
        archive, labels=lambda _key, _companions: -1, split=split, end_marker=end_marker
    )
    transform = fastinet.RandomResizedCrop(224)
    loader = fastinet.StreamLoader(
        stream, batch_size, transform, threads=threads, seed=seed, on_error="mask", world=1
    )
    with progress_bar("images", total=None) as progress, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gave no row in this epoch", FastinetWarning)
        # The originals' sizes come with the stream's items, and a batch does not keep them.
        result = measure(((int(batch.valid.sum()), 0) for batch in loader), progress=progress)
    result.bytes = loader.stats().bytes_read
    failed = {failure.key: str(failure.error) for failure in loader.failures}
    if as_json:
        print_json(
            {
                "archive": archive,
                "batch_size": batch_size,
                "results": [_figures("train", threads, result)],
                "failures": _failures(failed),
                **_environment(),
            }
        )
        return
    _print_results("Images as they arrive", [("train", threads, result)])
    _print_failed(failed)


def _print_results(title: str, results: list[tuple[str, int, Measurement]]) -> None:
    print_facts([(name, _fact_text(value)) for name, value in _environment().items()])
    print_table(
        title,
        ["pipeline", "threads", "images/s", "CPU ms/image", "MB/s"],
        [
            (
                name,
                str(count),
                f"{result.images_per_second:,.0f}",
                f"{result.cpu_ms_per_image:.3f}",
                f"{result.megabytes_per_second:,.1f}",
            )
            for name, count, result in results
        ],
    )


def _failures(failed: Failed) -> list[dict[str, str]]:
    """All images without a row, for scripts."""
    return [{"key": key, "error": error} for key, error in failed.items()]


def _print_failed(failed: Failed) -> None:
    """Names the first images that gave no row, if any did."""
    if not failed:
        return
    say(f"\n[bold]Images that gave no row: {len(failed):,}[/]")
    for error in itertools.islice(failed.values(), _NAMED):
        say(literal(error))
    if len(failed) > _NAMED:
        say(f"and {len(failed) - _NAMED:,} more, which --json lists")


def _thread_counts(most: int) -> list[int]:
    """1, 2, 4, ... and `most` itself."""
    powers = [1 << exponent for exponent in range(most.bit_length())]
    return sorted({*powers, most})


def _read(dataset: Dataset, threads: int, seed: int) -> Generator[Work, None, None]:
    return _in_threads(lambda item: (1, len(dataset.read(item))), len(dataset), threads, seed)


def _decode(
    dataset: Dataset, threads: int, seed: int, failed: Failed
) -> Generator[Work, None, None]:
    """Decodes whole images of random items to RGB; never ends."""

    def decode(item: int) -> Work:
        data = dataset.read(item)
        try:
            fastinet.decode(data)
        except FastinetError as error:
            failed.setdefault(dataset.keys[item], str(error.in_member(dataset.keys[item])))
            return 0, len(data)
        return 1, len(data)

    return _in_threads(decode, len(dataset), threads, seed)


def _in_threads(
    work: Callable[[int], Work], items: int, threads: int, seed: int
) -> Generator[Work, None, None]:
    """Calls `work` for random items on all threads; never ends.

    `work` takes an item and gives how many images it was, and bytes. Yields (images, bytes) of a
    chunk of items.
    """
    order = itertools.cycle(np.random.default_rng(seed).permutation(items).tolist())

    def chunk(chosen: list[int]) -> Work:
        done = [work(item) for item in chosen]
        return sum(images for images, _ in done), sum(size for _, size in done)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        pending = [pool.submit(chunk, _take(order)) for _ in range(2 * threads)]
        while True:
            done = pending.pop(0).result()
            pending.append(pool.submit(chunk, _take(order)))
            yield done


def _take(order: Iterator[int]) -> list[int]:
    return list(itertools.islice(order, _CHUNK))


def _load(
    dataset: Dataset, threads: int, batch_size: int, seed: int, failed: Failed, *, train: bool
) -> Generator[Work, None, None]:
    """Batches of epoch after epoch; never ends."""
    transform: fastinet.RandomResizedCrop | fastinet.CenterCrop = (
        fastinet.RandomResizedCrop(224) if train else fastinet.CenterCrop(224, resize=256)
    )
    loader = fastinet.Loader(
        dataset,
        batch_size=batch_size,
        transform=transform,
        shuffle=True,
        seed=seed,
        threads=threads,
        on_error="mask",
        world=1,
    )
    sizes = dataset.sizes
    while True:
        for batch in loader:
            for row, error in batch.errors.items():
                failed[batch.keys[row]] = str(error)
            yield int(batch.valid.sum()), int(sizes[batch.indices].sum())


def _figures(name: str, threads: int, result: Measurement) -> dict[str, Any]:
    return {
        "pipeline": name,
        "threads": threads,
        "images": result.images,
        "seconds": result.seconds,
        "images_per_second": result.images_per_second,
        "cpu_ms_per_image": result.cpu_ms_per_image,
        "megabytes_per_second": result.megabytes_per_second,
    }


def _environment() -> dict[str, Any]:
    """Everything that a figure depends on."""
    return {
        "machine": f"{_processor()}, {available_cpus()} CPUs, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}",
        "build": fastinet.build_info(),
    }


def _processor() -> str:
    """The processor's name; Linux tells it in /proc only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _fact_text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_fact_text(inner)}" for name, inner in value.items())
    return str(value)
