"""Question: does a process that works for hours hold more and more memory, threads or files?

    python benchmarks/soak.py --minutes 120 --plot soak.png
    FASTINET_SAMPLE=train.tar python benchmarks/soak.py --minutes 5

It does again and again what training programs do, at full speed: whole epochs, loops that are left
early, archives that are opened with and without their sidecars, streams from files, pipes and
objects, damaged archives, single images, states, copies by pickle, functions of the user's. After
each round of all of that it holds nothing, and samples what the process has. It ends with 1 where
that has grown (`fastinet.testing.growth`). It needs Linux, which tells this under /proc.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import io
import itertools
import os
import pickle
import random
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from archives import photographs
from rich.console import Console

import fastinet
from fastinet.errors import CancelledError, FastinetError
from fastinet.testing.archives import train_tar
from fastinet.testing.growth import Sample, grown, take_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

SMALL = fastinet.RandomResizedCrop(64)


class Work:
    """What is done in a round; each method is a part of it, and holds nothing afterwards."""

    def __init__(self, archive: bytes, folder: Path, seed: int) -> None:
        """Works with a train archive, and writes into `folder`."""
        self._random = random.Random(seed)
        self._folder = folder
        self._plain = archive
        self._zipped = gzip.compress(self._plain, 1)
        self._path = folder / "train.tar"
        self._path.write_bytes(self._plain)
        self._zipped_path = folder / "train.tar.gz"
        self._zipped_path.write_bytes(self._zipped)
        self._damaged = bytearray(self._plain)
        for place in range(3000, len(self._damaged), 40_000):
            self._damaged[place : place + 64] = bytes(64)

    @property
    def parts(self) -> list[Callable[[], None]]:
        """All of it, in an order of its own for each round."""
        parts = [
            self._whole_epochs,
            self._loops_left_early,
            self._many_loaders,
            self._opens,
            self._streams,
            self._damaged_streams,
            self._single_images,
            self._states_and_copies,
            self._function_of_the_users,
            self._event_loop,
            self._threads_that_share,
        ]
        self._random.shuffle(parts)
        return parts

    def _loader(self, dataset: fastinet.Dataset, **options: Any) -> fastinet.Loader:
        options = {"shuffle": True, "threads": self._random.randint(1, 4), **options}
        transform = options.pop("transform", SMALL)
        return fastinet.Loader(dataset, self._random.randint(1, 24), transform, **options)

    def _whole_epochs(self) -> None:
        dataset = fastinet.open(self._path)
        transform = fastinet.RandomResizedCrop(
            64, views=2, augment=fastinet.augment.RandAugment(2, 9)
        )
        loader = self._loader(dataset, transform=transform)
        for _ in range(2):
            for _images, _labels in loader:
                pass
        for _ in self._loader(dataset, shuffle="blocked"):
            pass

    def _loops_left_early(self) -> None:
        loader = self._loader(fastinet.open(self._path))
        kept = []
        for turn in range(10):
            kept.extend([batch.images for batch in itertools.islice(loader, turn % 3)])
        epoch: Any = iter(loader)
        epoch.itself = epoch  # garbage that only the collector finds
        with contextlib.suppress(KeyError):
            for _ in epoch:
                raise KeyError

    def _many_loaders(self) -> None:
        dataset = fastinet.open(self._path)
        loaders = [self._loader(dataset, seed=seed) for seed in range(20)]
        epochs = [iter(loader) for loader in loaders]
        for epoch in epochs:
            next(epoch)

    def _opens(self) -> None:
        for path in (self._path, self._zipped_path):
            for sidecar in self._folder.glob(f"{path.name}.*fastinet*"):
                if self._random.random() < 0.5:
                    sidecar.unlink()
            dataset = fastinet.open(path)
            dataset.build_checkpoints(threads=2)
            for number in range(5):
                dataset.read(number)
            for _ in self._loader(dataset):
                pass

    def _streams(self) -> None:
        outlet, inlet = os.pipe()
        writer = threading.Thread(target=_write, args=(inlet, self._plain))
        writer.start()
        for source in (outlet, self._path, self._zipped_path, io.BytesIO(self._zipped)):
            for whole in (True, False):
                loader = fastinet.StreamLoader(
                    fastinet.open_stream(source, classes="imagenet1k", name="a stream"),
                    8,
                    SMALL,
                    shuffle=True,
                    window=self._random.choice([1, 16]),
                    threads=2,
                )
                for _ in itertools.islice(loader, None if whole else 1):
                    pass
                if source is outlet or isinstance(source, io.BytesIO):
                    break
        os.close(outlet)
        writer.join()

    def _damaged_streams(self) -> None:
        for data in (self._damaged, self._plain[: len(self._plain) // 2], self._zipped[:-5000]):
            loader = fastinet.StreamLoader(
                fastinet.open_stream(io.BytesIO(data), classes="imagenet1k", name="a stream"),
                8,
                SMALL,
                threads=2,
                on_error=self._random.choice(["raise", "mask"]),
            )
            with contextlib.suppress(FastinetError):
                for _ in loader:
                    pass
        path = self._folder / "damaged.tar"
        path.write_bytes(self._damaged)
        with contextlib.suppress(FastinetError):
            for _ in self._loader(fastinet.open(path, index=False), on_error="replace"):
                pass

    def _single_images(self) -> None:
        dataset = fastinet.open(self._path)
        encoded = [dataset.read(number) for number in range(6)]
        for data in encoded:
            fastinet.decode(data)
            with contextlib.suppress(FastinetError):
                fastinet.decode(data[: self._random.randrange(len(data))])
        fastinet.decode_batch(encoded, transform=fastinet.CenterCrop(64), threads=2)

    def _states_and_copies(self) -> None:
        loader = self._loader(fastinet.open(self._path))
        for _ in itertools.islice(loader, 1):
            state = loader.state_dict()
        copy = pickle.loads(pickle.dumps(loader))  # noqa: S301 - our own
        copy.load_state_dict(state)
        for _ in copy:
            pass

    def _function_of_the_users(self) -> None:
        def darker(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return pixels // 2

        for left in (None, 1):
            loader = self._loader(fastinet.open(self._path), then=darker)
            for _ in itertools.islice(loader, left):
                pass

    def _event_loop(self) -> None:
        loader = self._loader(fastinet.open(self._path))

        async def loop() -> None:
            async for _ in loader:
                pass
            async for _ in loader:
                break

        asyncio.run(loop())

    def _threads_that_share(self) -> None:
        epoch = iter(self._loader(fastinet.open(self._path)))

        def consume() -> None:
            with contextlib.suppress(CancelledError):
                list(epoch)

        consumers = [threading.Thread(target=consume) for _ in range(3)]
        for consumer in consumers:
            consumer.start()
        epoch.close()
        for consumer in consumers:
            consumer.join()


def some_photographs(count: int) -> bytes:
    """A train archive with the first of `photographs`."""
    dataset = fastinet.open(photographs(), index=False)
    classes: dict[str, dict[str, bytes]] = {}
    for number in range(0, len(dataset), max(1, len(dataset) // count)):
        wnid, name = dataset.keys[number].split("/")
        classes.setdefault(wnid, {})[name] = dataset.read(number)
    return train_tar(classes)


def _write(inlet: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(inlet, "wb") as file:
        file.write(data)


def settle() -> None:
    """Waits until nothing is left of what was dropped."""
    gc.collect()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(60)


def soak(work: Work, seconds: float, every: float) -> tuple[list[Sample], int]:
    """Works for so long; a sample each `every` seconds, and how many rounds there were."""
    samples: list[Sample] = []
    begun = time.monotonic()
    rounds = 0
    while (now := time.monotonic()) < begun + seconds or len(samples) < 10:
        for part in work.parts:
            part()
        rounds += 1
        if not samples or now - samples[-1].seconds >= every:
            settle()
            samples.append(take_sample())
    return samples, rounds


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Draws memory, threads and files over the time."""
    import matplotlib as mpl  # noqa: PLC0415 - only where a picture is wanted

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    minutes = [(sample.seconds - samples[0].seconds) / 60 for sample in samples]
    figure, axes = plt.subplots(3, figsize=(7, 5), sharex=True, layout="constrained")
    lines: dict[str, Sequence[float]] = {
        "memory [MiB]": [sample.resident_bytes / 2**20 for sample in samples],
        "threads": [sample.threads for sample in samples],
        "open files": [sample.files for sample in samples],
    }
    for axis, (name, values) in zip(axes, lines.items(), strict=True):
        axis.plot(minutes, values)
        axis.set_ylabel(name)
        axis.set_ylim(0, 1.25 * max(values))
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("time [minutes]")
    figure.savefig(path, dpi=110)
    plt.close(figure)


@click.command()
@click.option("--minutes", default=120.0, show_default=True, help="How long it works.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where the picture goes.")
@click.option("--seed", default=0, show_default=True, help="Of the rounds' order and sizes.")
@click.option("--images", default=24, show_default=True, help="Photographs in the archive.")
def main(minutes: float, plot: Path | None, seed: int, images: int) -> None:
    """Works for --minutes, and fails where memory, threads or open files grow."""
    warnings.simplefilter("ignore")  # there is damage to warn of in each round
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        work = Work(some_photographs(images), folder, seed)
        samples, rounds = soak(work, 60 * minutes, every=60 * minutes / 1000)
        if plot is not None:
            draw(samples, plot)
    found = grown(samples)
    first, last = samples[len(samples) // 5], samples[-1]
    Console(width=110).print(
        f"{rounds} rounds in {(last.seconds - samples[0].seconds) / 60:.1f} minutes, "
        f"{len(samples)} samples: memory {first.resident_bytes >> 20} -> "
        f"{last.resident_bytes >> 20} MiB, threads {first.threads} -> {last.threads}, "
        f"open files {first.files} -> {last.files}"
    )
    if found:
        sys.exit("it grows: " + "; ".join(found))


if __name__ == "__main__":
    main()
