"""Question: what does a gzipped tar cost that is read where it is, against the same tar unpacked?

Baselines: the plain tar for reading, and zlib itself for inflating. The archive is the photographs
of FASTINET_SAMPLE, or the demo's, repeated to 500 MB and deflated as `gzip -6` does it. All times
are CPU times of the process, page cache warm, medians over rounds that alternate.

    FASTINET_SAMPLE=train.tar python benchmarks/gzip_access.py [--megabytes 500] [--json FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from archives import photographs

import fastinet
from fastinet._native import _scan
from fastinet.archives.seek_log import obtain_seek_index
from fastinet.sidecars.identity import identify_file
from fastinet.testing.archives import END, entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROUNDS = 5
READS = 1000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain = repeat(photographs(), Path(folder) / "train.tar", options.megabytes * 1_000_000)
        zipped = deflate(plain, plain.with_name("train.tar.gz"))
        figures = {**measure_index(zipped), **measure_reads(plain, zipped)}
        figures |= measure_epochs(plain, zipped)
    for name, value in figures.items():
        print(f"{name:<58}{value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def repeat(sample: Path, path: Path, size: int) -> Path:
    """A tar of at least `size` bytes, made of the images of `sample` under ever new names."""
    dataset = fastinet.open(sample, index=False)
    images = [dataset.read(i) for i in range(len(dataset))]
    wnids = [dataset.classes[label].wnid for label in dataset.labels.tolist()]
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            row = number % len(images)
            file.write(entry(f"{wnids[row]}/{wnids[row]}_{number}.JPEG", images[row]))
            number += 1
        file.write(END)
    return path


def deflate(plain: Path, path: Path) -> Path:
    """`plain` as one gzip member of level 6."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    with plain.open("rb") as source, path.open("wb") as file:
        while piece := source.read(1 << 20):
            file.write(deflater.compress(piece))
        file.write(deflater.flush())
    return path


def measure_index(zipped: Path) -> dict[str, float]:
    """What the pass and its index cost."""
    size = zipped.stat().st_size
    seconds = cpu_seconds(lambda: obtain_seek_index(zipped, identify_file(zipped)))
    index = obtain_seek_index(zipped, identify_file(zipped))
    assert index.path is not None  # there is room for it
    return {
        "pass, MB/s of inflated data": index.size_bytes / seconds / 1e6,
        "seek index, % of the archive": 100 * index.path.stat().st_size / size,
        "seek points, KiB of inflated data between two": index.size_bytes
        / len(index.offsets)
        / 1024,
    }


def measure_reads(plain: Path, zipped: Path) -> dict[str, float]:
    """Members at random and in order, and zlib from end to end."""
    index = obtain_seek_index(zipped, identify_file(zipped))
    members = _scan.scan(plain)
    rows = np.random.default_rng(0).integers(0, len(members.offsets), READS)
    everything = np.arange(len(members.offsets))

    def read(rows: NDArray[np.int64]) -> None:
        source = index.open(zipped)
        for offset, size in zip(members.offsets[rows], members.sizes[rows], strict=True):
            source.read(int(offset), int(size))

    at_random, in_order, by_zlib = alternate(
        lambda: read(rows), lambda: read(everything), lambda: inflate(zipped)
    )
    return {
        "random read of a member, ms": 1e3 * at_random / READS,
        "members in order, MB/s": index.size_bytes / in_order / 1e6,
        "zlib from end to end, MB/s": index.size_bytes / by_zlib / 1e6,
    }


def inflate(zipped: Path) -> None:
    """All of `zipped` through Python's zlib, in pieces."""
    inflater = zlib.decompressobj(31)
    with zipped.open("rb") as file:
        while piece := file.read(1 << 16):
            inflater.decompress(piece)


def measure_epochs(plain: Path, zipped: Path) -> dict[str, float]:
    """Training batches from the gzipped tar, as a share of the plain one's throughput."""

    def epoch(path: Path, items: int, **options: Any) -> Callable[[], None]:
        dataset = fastinet.open(path)
        dataset.build_checkpoints()
        loader = fastinet.Loader(
            dataset, batch_size=50, transform=fastinet.RandomResizedCrop(224), threads=2, **options
        )

        def run() -> None:
            for _ in itertools.islice(loader, items // 50):
                pass

        return run

    figures = {}
    for name, items, options in (
        ("in archive order", 5000, {"shuffle": False}),
        ("shuffled in blocks", 5000, {"shuffle": "blocked", "window": 1 << 26}),
        ("fully shuffled", 1000, {"shuffle": True}),
    ):
        by_tar, by_gzip = alternate(epoch(plain, items, **options), epoch(zipped, items, **options))
        figures[f"epoch {name}, share of the plain tar's rate"] = by_tar / by_gzip
    return figures


def alternate(*works: Callable[[], None]) -> list[float]:
    """Median CPU seconds of each, over rounds in which each has its turn."""
    rounds = [[cpu_seconds(work) for work in works] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of `work`, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
