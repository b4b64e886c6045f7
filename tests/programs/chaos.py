"""Random programs over everything that may be done at once, with every row compared.

    python tests/programs/chaos.py --seed 7 --seconds 60
    python tests/programs/chaos.py --seed 7 --steps 40        # the same program, cut there

A program opens archives, makes loaders, begins epochs and streams, takes batches in one thread or
several, closes while others wait, leaves loops, saves and loads states, sends copies, forks,
collects garbage, and is interrupted by signals all the while. What comes next is drawn from the
seed alone. Each row that comes is compared with the oracle, which is tarfile and Pillow, and each
batch with the place in its epoch; at the end no thread and no file may be left.

Prints the seed and the last steps where something is wrong, and ends with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import functools
import gc
import gzip
import io
import itertools
import os
import pickle
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import fastinet
from fastinet._native import _plan
from fastinet.errors import CancelledError, CorruptError
from fastinet.testing import reference
from fastinet.testing.archives import train_tar
from fastinet.testing.growth import take_sample
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = 12
CROP = fastinet.RandomResizedCrop(SIZE)
SEEDS, EPOCHS = range(3), range(4)
COUNTS = {"n01440764": 9, "n02123045": 1, "n03180011": 12, "n15075141": 6}
HANGS_SECONDS = 120


class Oracle:
    """What rows, labels and orders have to be."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.data = train_tar(
            {
                wnid: {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in range(count)}
                for wnid, count in COUNTS.items()
            }
        )
        self.path = folder / "train.tar"
        self.path.write_bytes(self.data)
        self.members = reference.list_members(self.path)
        self.labels = reference.labels_of(self.members)

    def __len__(self) -> int:
        return len(self.members)

    @functools.cache  # noqa: B019 - there is one oracle
    def row(self, item: int, seed: int, epoch: int) -> bytes:
        data = reference.read_member(self.path, self.members[item])
        return reference.train_row(data, SIZE, seed, epoch, item).tobytes()

    def check(self, batch: fastinet.Batch, items: list[int] | None, seed: int, epoch: int) -> None:
        """Compares all of a batch; `items` are those that it has to have, where that is known."""
        got = batch.indices.tolist()
        assert items is None or got == items, (got, items)
        assert batch.labels.tolist() == self.labels[got].tolist()
        for pixels, item in zip(batch.images, got, strict=True):
            assert pixels.tobytes() == self.row(item, seed, epoch), (item, seed, epoch)

    def order(self, seed: int, epoch: int, shuffle: bool) -> list[int]:
        order: list[int] = _plan.epoch_order(
            len(self), seed=seed, epoch=epoch, shuffle=shuffle
        ).tolist()
        return order


@dataclass
class Loop:
    """An epoch, or a pass over a stream, that somebody is in."""

    batches: Any
    loader: Any
    seed: int
    epoch: int
    rest: list[list[int]]  # items of the batches that are still to come
    is_cut: bool = False  # a stream that ends with an error


class Chaos:
    """The state of a random program, and the steps that it may take."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.oracle = Oracle(folder)
        self.datasets = [fastinet.open(self.oracle.path)]
        self.loaders: list[fastinet.Loader] = []
        self.loops: list[Loop] = []
        self.kept: list[tuple[Any, bytes]] = []  # arrays, and what is in them
        self.steps: list[str] = []
        self.rows = 0

    def step(self) -> None:
        """Takes one step."""
        kinds = [
            (self.open, 2),
            (self.new_loader, 3),
            (self.begin, 8),
            (self.begin_stream, 3),
            (self.take, 20),
            (self.take_in_threads, 5),
            (self.close_during_next, 4),
            (self.leave, 5),
            (self.finish, 4),
            (self.go_on_elsewhere, 4),
            (self.fork, 2),
            (self.decode_in_threads, 2),
            (self.compare_kept, 3),
            (gc.collect, 1),
        ]
        kind = self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        self.steps.append(kind.__name__)
        kind()
        while len(self.loops) > 12:
            self.loops.pop(self.random.randrange(len(self.loops)))

    # -- what there is

    def open(self) -> None:
        """Opens the archive, with its sidecars, some of them or none."""
        for sidecar in sorted(self.folder.glob("train.tar.fastinet*")):
            if self.random.random() < 0.3:
                sidecar.unlink()
        has_index = self.random.random() < 0.8
        dataset = fastinet.open(self.oracle.path, index=has_index)
        if has_index and self.random.random() < 0.5:
            dataset.build_checkpoints(threads=self.random.randint(1, 3))
        assert len(dataset) == len(self.oracle)
        self.datasets = [*self.datasets[-2:], dataset]

    def new_loader(self) -> fastinet.Loader:
        loader = fastinet.Loader(
            self.random.choice(self.datasets),
            self.random.randint(1, 9),
            CROP,
            shuffle=self.random.random() < 0.7,
            seed=self.random.choice(SEEDS),
            threads=self.random.randint(1, 5),
            prefetch=self.random.randint(1, 4),
            exact=True,
        )
        self.loaders = [*self.loaders[-5:], loader]
        return loader

    def any_loader(self) -> fastinet.Loader:
        return self.random.choice(self.loaders) if self.loaders else self.new_loader()

    def any_loop(self) -> Loop:
        return self.random.choice(self.loops) if self.loops else self.begin()

    def begin(self) -> Loop:
        loader = self.any_loader()
        epoch = self.random.choice(EPOCHS)
        start = self.random.choice([0, 0, 1, 3])
        start = min(start, len(loader))
        items = self.oracle.order(loader.seed, epoch, bool(loader.shuffle))
        rest = in_batches(items, loader.batch_size)[start:]
        loop = Loop(loader.epoch(epoch, start), loader, loader.seed, epoch, rest)
        self.loops.append(loop)
        return loop

    def begin_stream(self) -> None:
        """A pass over a stream, whole or cut, from a file, an object or a pipe."""
        data = self.oracle.data
        is_cut = self.random.random() < 0.3
        if is_cut:
            data = data[: self.random.randrange(3000, len(data) - 3000)]
        if self.random.random() < 0.3:
            data = gzip.compress(data, 1)
        source: Any = io.BytesIO(data)
        if self.random.random() < 0.5:
            source = self.folder / "stream"
            source.unlink(missing_ok=True)  # another one may still be read
            source.write_bytes(data)
        loader = fastinet.StreamLoader(
            fastinet.open_stream(source, classes=tuple(sorted(COUNTS))),
            self.random.randint(1, 9),
            CROP,
            seed=self.random.choice(SEEDS),
            epoch=self.random.choice(EPOCHS),
            threads=self.random.randint(1, 4),
            exact=True,
        )
        rest = in_batches(list(range(len(self.oracle))), loader.batch_size)
        epoch = loader.state_dict()["epoch"]
        self.loops.append(Loop(iter(loader), loader, loader.seed, epoch, rest, is_cut))

    # -- what is done with it

    def next_of(self, loop: Loop) -> bool:
        """Takes a batch and compares it; False at the end."""
        try:
            batch = next(loop.batches, None)
        except CorruptError:
            assert loop.is_cut
            self.forget(loop)
            return False
        if batch is None:
            assert loop.rest == []
            assert not loop.is_cut
            self.forget(loop)
            return False
        items = loop.rest.pop(0)
        # The last batch of a cut stream has what arrived.
        short = items[: len(batch)] if loop.is_cut else items
        self.oracle.check(batch, short, loop.seed, loop.epoch)
        self.rows += len(batch)
        if self.random.random() < 0.1:
            self.kept = [*self.kept[-9:], (batch.images, batch.images.tobytes())]
        return True

    def take(self) -> None:
        loop = self.any_loop()
        for _ in range(self.random.randint(1, 4)):
            if not self.next_of(loop):
                break

    def finish(self) -> None:
        loop = self.any_loop()
        while self.next_of(loop):
            pass

    def take_in_threads(self) -> None:
        """Several threads share a loop: together they get what comes next, each batch once."""
        loop = self.any_loop()
        if loop.is_cut:
            return
        wanted, taken = self.random.randint(1, 3), []
        threads = self.random.randint(2, 3)

        def consume() -> None:
            taken.extend(itertools.islice(loop.batches, wanted))

        in_threads([consume] * threads)
        count = min(wanted * threads, len(loop.rest))
        assert len(taken) == count, (len(taken), count)
        expected, loop.rest = loop.rest[:count], loop.rest[count:]
        assert sorted(batch.indices.tolist() for batch in taken) == sorted(expected)
        for batch in taken:
            self.oracle.check(batch, None, loop.seed, loop.epoch)
            self.rows += len(batch)

    def close_during_next(self) -> None:
        loop = self.any_loop()
        self.forget(loop)

        def consume() -> None:
            with contextlib.suppress(CancelledError, CorruptError):
                for batch in loop.batches:
                    self.oracle.check(batch, None, loop.seed, loop.epoch)

        delay = self.random.choice([0, 0, 0.0005, 0.002])
        in_threads([consume, consume, lambda: (time.sleep(delay), loop.batches.close())])
        assert list(loop.batches) == []

    def leave(self) -> None:
        """Drops a loop, or makes it garbage that only the collector finds."""
        loop = self.any_loop()
        self.forget(loop)
        if self.random.random() < 0.3:
            loop.batches.itself = loop.batches
        elif self.random.random() < 0.3:
            with contextlib.suppress(KeyError, CorruptError):
                for _ in loop.batches:
                    raise KeyError

    def go_on_elsewhere(self) -> None:
        """A loop's state, or a copy of its loader, gives the rest of the epoch in other batches."""
        loader = self.new_loader()
        whole = self.oracle.order(loader.seed, 0, bool(loader.shuffle))
        position = 0
        for batch in itertools.islice(loader, self.random.randrange(len(loader))):
            position += len(batch)
        other = pickle.loads(pickle.dumps(loader))  # noqa: S301
        if self.random.random() < 0.7:
            other = fastinet.Loader(
                self.random.choice(self.datasets),
                self.random.randint(1, 9),
                CROP,
                shuffle=loader.shuffle,
                threads=self.random.randint(1, 3),
                exact=True,
            )
            other.load_state_dict(loader.state_dict())
        elif position:
            other.load_state_dict(loader.state_dict())
        for batch, items in zip(other, in_batches(whole[position:], other.batch_size), strict=True):
            self.oracle.check(batch, items, loader.seed, 0)
            self.rows += len(batch)

    def fork(self) -> None:
        """The child has loaders and no loops; the parent goes on as if nothing had been."""
        loader = self.any_loader()
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
            code = 1
            try:
                for loop in self.loops:
                    with contextlib.suppress(CancelledError, StopIteration):
                        if isinstance(loop.loader, fastinet.Loader):
                            next(loop.batches)
                            os._exit(3)  # a loop of the parent's goes on
                for epoch in EPOCHS[:2]:
                    items = self.oracle.order(loader.seed, epoch, bool(loader.shuffle))
                    batches = loader.epoch(epoch)
                    for batch, some in zip(
                        batches, in_batches(items, loader.batch_size), strict=True
                    ):
                        self.oracle.check(batch, some, loader.seed, epoch)
                code = 0
            except BaseException:  # noqa: BLE001 - the parent raises
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0, "the child has failed"

    def decode_in_threads(self) -> None:
        items = self.random.sample(range(len(self.oracle)), 4)
        dataset = self.random.choice(self.datasets)

        def decode(item: int) -> None:
            data = dataset.read(item)
            pixels = np.asarray(reference.open_image(data))
            assert np.array_equal(fastinet.decode(data, exact=True), pixels)

        in_threads([functools.partial(decode, item) for item in items])

    def compare_kept(self) -> None:
        """Arrays that somebody holds are nobody else's."""
        for array, content in self.kept:
            assert array.tobytes() == content

    def forget(self, loop: Loop) -> None:
        self.loops = [each for each in self.loops if each is not loop]


def in_batches(items: list[int], size: int) -> list[list[int]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def in_threads(works: list[Callable[[], Any]]) -> None:
    """Runs all of them at once; raises what one of them raises."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANGS_SECONDS)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


@contextlib.contextmanager
def storm() -> Iterator[None]:
    """Signals all the while, whose handler does nothing."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Held(NamedTuple):
    """What a process holds."""

    threads: int
    files: int


def held() -> Held:
    """Threads and open files of this process, once what was dropped has gone."""
    gc.collect()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(HANGS_SECONDS)
    sample = take_sample()
    return Held(sample.threads, sample.files)


def run(
    seed: int,
    seconds: float,
    steps: int | None,
    folder: Path,
    before_step: Callable[[], None] = lambda: None,
) -> tuple[int, int]:
    """Runs the program of a seed for so long, or so many steps; how many steps and rows it had."""
    list(fastinet.Loader(fastinet.open(Oracle(folder).path), 4, CROP, threads=1))
    before = held()
    chaos = Chaos(seed, folder)
    end = time.monotonic() + seconds
    try:
        with storm():
            while time.monotonic() < end and (steps is None or len(chaos.steps) < steps):
                before_step()
                chaos.step()
    except BaseException:
        print(f"seed {seed}, step {len(chaos.steps)}: ... {' '.join(chaos.steps[-8:])}")
        raise
    taken = len(chaos.steps), chaos.rows
    del chaos
    after = held()
    # Fewer threads are no loss: NumPy's BLAS ends its own at a fork.
    grown = [
        name for name, old, new in zip(before._fields, before, after, strict=True) if new > old
    ]
    assert not grown, f"seed {seed}: more {' and '.join(grown)}: {before} before, {after} after"
    return taken


def watch_step() -> None:
    """A step that hangs says where all threads are, and ends the process."""
    faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, help="of the first program; a random one by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all programs together")
    parser.add_argument("--steps", type=int, help="of one program, which is then the only one")
    options = parser.parse_args()
    seed = int.from_bytes(os.urandom(4), "little") if options.seed is None else options.seed
    end = time.monotonic() + options.seconds
    programs = steps = rows = 0
    while programs == 0 or (time.monotonic() < end and options.steps is None):
        left = max(1.0, end - time.monotonic()) if options.steps is None else float("inf")
        with tempfile.TemporaryDirectory() as folder:
            # Programs are short, so that one that fails can be looked at.
            more = run(
                seed + programs,
                min(left, 20.0) if options.steps is None else left,
                options.steps,
                Path(folder),
                watch_step,
            )
        programs, steps, rows = programs + 1, steps + more[0], rows + more[1]
    print(f"{programs} programs from seed {seed} on: {steps} steps, {rows} rows, all as they are")


if __name__ == "__main__":
    main()
