"""Does the loader keep a GPU busy? ResNet-50 training steps on synthetic data against real data.

    python benchmarks/gpu_feed.py --archive ILSVRC2012_img_train.tar
    python benchmarks/gpu_feed.py --device cpu --model tiny --size 32 --batch-size 16 --steps 4

The same network takes the same steps (bfloat16 autocast, channels_last, SGD) on a batch that lies
on the device already, and on batches that `fastinet.torch.Loader` brings there from the archive.
Rounds of both take turns, and each figure is the median of its rounds. What counts is their ratio:
at 1 the GPU never waits. The CPU share left over is what the loader's threads and the loop leave of
the cores that this process may use. Without --archive, photographs are made, and repeated as often
as needed; they are decoded from the page cache.

With --model none there is no network: the rate at which batches arrive on the device. With
--model paced --pace 2500 there is a device in name only, which computes so many images a second by
itself and takes a batch while it computes the one before: would the CPUs of this machine feed it?
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import fastinet
import fastinet.torch
from fastinet.base.cpus import available_cpus

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
from resnet_torch import resnet50, tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class Round:
    """Some training steps in a row."""

    images: int
    seconds: float  # by wall clock
    cpu_seconds: float  # of all threads of this process

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--archive", help="train archive; without one, photographs are made")
    parser.add_argument("--device", help="[default: cuda where there is one]")
    parser.add_argument(
        "--model", choices=["resnet50", "tiny", "none", "paced"], default="resnet50"
    )
    parser.add_argument("--pace", type=float, default=1000, help="images a second of --model paced")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=200, help="of a round")
    parser.add_argument("--warm-up", type=int, default=20, help="steps before each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of the loader [default: all CPUs]")
    parser.add_argument("--images", type=int, default=400, help="photographs to make")
    parser.add_argument("--checkpoints", action="store_true", help="make the archive's first")
    parser.add_argument("--compile", action="store_true", help="compile the network")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def main() -> None:
    arguments = parse_arguments()
    dataset = open_data(arguments)
    loader = fastinet.torch.Loader(
        dataset,
        arguments.batch_size,
        fastinet.RandomResizedCrop(arguments.size),
        device=arguments.device,
        dtype="bfloat16",
        mean="imagenet",
        std="imagenet",
        channels_last=True,
        shuffle=True,
        drop_last=True,
        threads=arguments.threads,
    )
    step, wait = training_step(arguments, loader.device)
    real = endless(loader)
    synthetic = itertools.cycle([next(real)])
    rounds: dict[str, list[Round]] = {"synthetic": [], "fastinet": []}
    for _ in range(arguments.rounds):
        for name, batches in (("synthetic", synthetic), ("fastinet", real)):
            # The loader has gone ahead during the other's round; these steps use that up.
            take(batches, step, arguments.warm_up, wait)
            rounds[name].append(take(batches, step, arguments.steps, wait))
    measured = figures(arguments, loader, rounds)
    if arguments.json:
        print(json.dumps(measured))
    else:
        print_table(measured)


def open_data(arguments: argparse.Namespace) -> fastinet.Dataset:
    """The archive's items, repeated until an epoch is as long as a round."""
    archive: str | Path | None = arguments.archive
    if archive is None:
        from fastinet.testing.train_archive import cached_train_archive  # noqa: PLC0415

        archive = cached_train_archive(arguments.images, min(40, arguments.images))
    dataset = fastinet.open(archive)
    if arguments.checkpoints:
        dataset.build_checkpoints(threads=arguments.threads)
    # An epoch's end costs something, and epochs of a small archive would have many of them.
    repeats = -(-arguments.steps * arguments.batch_size // len(dataset))
    items: list[int] = list(range(len(dataset)))
    return dataset.select(items * repeats) if repeats > 1 else dataset


class PacedDevice:
    """Stands in for a GPU: computes at a pace of its own while the host goes on."""

    def __init__(self, images_per_second: float) -> None:
        self._pace = images_per_second
        self._done = 0.0  # when it will have computed all that it was given

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:  # noqa: ARG002
        """Gives it a batch, once it has begun with the one before."""
        self.wait(len(images) / self._pace)
        self._done = max(self._done, time.perf_counter()) + len(images) / self._pace

    def wait(self, left: float = 0.0) -> None:
        """Returns when it has no more to do than `left` seconds' work."""
        time.sleep(max(0.0, self._done - left - time.perf_counter()))


def training_step(
    arguments: argparse.Namespace, device: torch.device
) -> tuple[Callable[..., None], Callable[[], None]]:
    """What takes one step on (images, labels), and what waits until the steps are done."""
    if arguments.model == "paced":
        paced = PacedDevice(arguments.pace)
        return paced.step, paced.wait
    if arguments.model == "none":
        return lambda images, labels: None, lambda: wait_for(device)  # noqa: ARG005
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    network: nn.Module = (resnet50 if arguments.model == "resnet50" else tiny)(CLASSES)
    network = network.to(device, memory_format=torch.channels_last).train()
    forward = torch.compile(network) if arguments.compile else network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = nn.functional.cross_entropy(forward(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, lambda: wait_for(device)


def endless(loader: fastinet.torch.Loader) -> Iterator[fastinet.torch.Batch]:
    """Epoch after epoch."""
    while True:
        yield from loader


def take(
    batches: Iterable[fastinet.torch.Batch],
    step: Callable[..., None],
    steps: int,
    wait: Callable[[], None],
) -> Round:
    """Takes so many steps; the round is over when the device is done with them."""
    wait()
    images, start, cpu_start = 0, time.perf_counter(), time.process_time()
    for batch in itertools.islice(batches, steps):
        step(*batch)
        images += len(batch)
    wait()
    return Round(images, time.perf_counter() - start, time.process_time() - cpu_start)


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def figures(
    arguments: argparse.Namespace, loader: fastinet.torch.Loader, rounds: dict[str, list[Round]]
) -> dict[str, Any]:
    """What was measured, fit for JSON."""
    cpus = available_cpus()
    rates = {name: statistics.median(r.rate for r in taken) for name, taken in rounds.items()}
    ratios = [
        ours.rate / theirs.rate
        for theirs, ours in zip(rounds["synthetic"], rounds["fastinet"], strict=True)
    ]
    busy = [r.cpu_seconds / r.seconds / cpus for r in rounds["fastinet"]]
    cpu_ms = [
        (ours.cpu_seconds / ours.images - theirs.cpu_seconds / theirs.images) * 1e3
        for theirs, ours in zip(rounds["synthetic"], rounds["fastinet"], strict=True)
    ]
    cuda = loader.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(loader.device) if cuda else str(loader.device),
        "model": arguments.model,
        "size": arguments.size,
        "batch_size": arguments.batch_size,
        "images_per_second": rates,
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "cpus": cpus,
        "threads": loader.loader.threads,
        "cpu_share_left": 1 - statistics.median(busy),
        "loader_cpu_ms_per_image": statistics.median(cpu_ms),
        "checkpoints": loader.loader.dataset.checkpoints.covered > 0,
        "stats": str(loader.stats()),
        "torch": torch.__version__,
    }


def print_table(measured: dict[str, Any]) -> None:
    """The same for people."""
    rates = measured["images_per_second"]
    low, high = measured["ratio_range"]
    print(
        f"{measured['model']}, batches of {measured['batch_size']} x 3 x {measured['size']}², "
        f"on {measured['device']}; {measured['cpus']} CPUs, {measured['threads']} threads"
    )
    print(f"  synthetic, on the device   {rates['synthetic']:10,.0f} images/s")
    print(f"  fastinet, from the archive {rates['fastinet']:10,.0f} images/s")
    print(f"  ratio                      {measured['ratio']:10.3f} ({low:.3f} to {high:.3f})")
    print(f"  CPU share left over        {measured['cpu_share_left']:10.0%}")
    print(f"  loader's CPU time          {measured['loader_cpu_ms_per_image']:10.2f} ms/image")
    print(f"  {measured['stats']}")


if __name__ == "__main__":
    main()
