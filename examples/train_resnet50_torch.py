r"""ResNet-50 on ImageNet with PyTorch, straight from the archives.

    python examples/train_resnet50_torch.py --demo          # data that it makes itself, on a CPU

    torchrun --nproc-per-node 8 examples/train_resnet50_torch.py \
        --train ILSVRC2012_img_train.tar --val ILSVRC2012_img_val.tar --output runs/resnet50

bfloat16 through autocast, one process a GPU, and a checkpoint every so many steps. Started again
with the same --output it goes on at the very batch, also with another number of GPUs or another
batch size: order, crops and mixing depend on the seed, the epoch and the position in it alone.
Validation uses the pixels that Pillow would give, each image once whatever the number of ranks.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import zlib
from pathlib import Path
from typing import Any

import torch
from resnet_torch import resnet50, tiny
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import fastinet
import fastinet.torch
from fastinet.distributed import rank_and_world
from fastinet.metrics import Accumulator
from fastinet.mixing import CutMix, Mixup, OneOf, soft_labels


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", help="archive, or anything else that fastinet.open takes")
    parser.add_argument("--val", help="the same for validation")
    parser.add_argument("--demo", action="store_true", help="small data and a small network")
    parser.add_argument("--output", type=Path, help="folder of checkpoints; goes on from its last")
    parser.add_argument("--epochs", type=int, help="default: 90, or 5 of the demo")
    parser.add_argument("--batch-size", type=int, help="of each rank; default: 256, or 16")
    parser.add_argument("--lr", type=float, default=0.5, help="for 1024 images a step")
    parser.add_argument("--weight-decay", type=float, default=5e-5)
    parser.add_argument("--smoothing", type=float, default=0.1)
    parser.add_argument("--mixup", type=float, default=0.0, help="alpha; 0: none")
    parser.add_argument("--cutmix", type=float, default=0.0, help="alpha; 0: none")
    parser.add_argument("--progressive", action="store_true", help="begin with smaller images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="of the loader, on each rank")
    parser.add_argument("--save-every", type=int, default=1000, help="steps between checkpoints")
    parser.add_argument("--trace", type=Path, help="write what each step got, one JSON a line")
    arguments = parser.parse_args()
    if not arguments.demo and not (arguments.train and arguments.val):
        parser.error("give --train and --val, or --demo")
    if arguments.epochs is None:
        arguments.epochs = 5 if arguments.demo else 90
    if arguments.batch_size is None:
        arguments.batch_size = 16 if arguments.demo else 256  # the demo has 64 images
    return arguments


def main() -> None:
    arguments = parse_arguments()
    device = join_ranks()
    rank, world = rank_and_world()
    train_set, val_set = open_data(arguments)
    classes = len(train_set.classes)
    size = 32 if arguments.demo else 224

    output: dict[str, Any] = {
        "device": device,
        "dtype": "bfloat16",
        "mean": "imagenet",
        "std": "imagenet",
        "channels_last": True,
        "threads": arguments.threads,
        "rank": rank,
        "world": world,
    }
    loader = fastinet.torch.Loader(
        train_set,
        arguments.batch_size,
        fastinet.RandomResizedCrop(size),
        shuffle=True,
        seed=arguments.seed,
        drop_last=True,  # every rank has equally many steps
        sizes=growing_sizes(arguments, size),
        **output,
    )
    val_loader = fastinet.torch.Loader(
        val_set,
        arguments.batch_size,
        fastinet.CenterCrop(size, resize=size * 8 // 7),
        exact=True,  # the pixels of Pillow, as published accuracies have them
        **output,
    )
    torch.manual_seed(arguments.seed)
    network = tiny(classes) if arguments.demo else resnet50(classes)
    network = network.to(device, memory_format=torch.channels_last)
    if world > 1:  # gradients are averaged, so one rank's loss and rate are those of all
        network = DistributedDataParallel(network)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=0.0,
        momentum=0.9,
        nesterov=True,
        weight_decay=arguments.weight_decay,
    )
    mix = mixing(arguments, classes)
    trace = Trace(arguments.trace, rank)
    if arguments.output is not None:
        resume(arguments.output, network, optimizer, loader, device)

    while loader.state_dict()["epoch"] < arguments.epochs:
        network.train()
        epoch_batches = iter(loader)
        state = loader.state_dict()
        epoch = state["epoch"]
        for batch in epoch_batches:
            position = state["position"]  # of this step's first image in the epoch's order
            set_learning_rate(optimizer, arguments, epoch + position / len(train_set), world)
            trace.write(epoch, position, batch)
            # Another number for each rank, so that ranks mix differently.
            images, targets = mix(*batch, epoch=epoch, batch=position + rank)
            with torch.autocast(device.type, torch.bfloat16):
                loss = nn.functional.cross_entropy(network(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            state = loader.state_dict()
            step = position // (arguments.batch_size * world)
            if arguments.output is not None and step % arguments.save_every == 0:
                save(arguments.output, network, optimizer, loader, rank)
            if rank == 0 and step % 50 == 0:
                print(f"epoch {epoch}, step {step}: loss {loss.item():.3f}", flush=True)
        scores = evaluate(network, val_loader, device, world)
        if rank == 0:
            print(
                f"epoch {epoch}: top-1 {scores['top1']:.4f}, top-5 {scores['top5']:.4f}", flush=True
            )
            print(loader.stats(), flush=True)
        if arguments.output is not None:
            save(arguments.output, network, optimizer, loader, rank)
    if world > 1:
        distributed.destroy_process_group()


def join_ranks() -> torch.device:
    """Joins the process group, if torchrun has started several; this rank's device."""
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True  # shapes stay the same for a long time
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def open_data(arguments: argparse.Namespace) -> tuple[fastinet.Dataset, fastinet.Dataset]:
    """Training and validation data."""
    if not arguments.demo:
        train, val = fastinet.open(arguments.train), fastinet.open(arguments.val)
        if [each.wnid for each in val.classes] != [each.wnid for each in train.classes]:
            # Images of the classes that there are to learn, under the labels that they have there.
            val = val.select_classes([each.wnid for each in train.classes])
        return train, val
    from fastinet.testing.train_archive import cached_train_archive  # needs Pillow

    dataset = fastinet.open(cached_train_archive(images=80, classes=8))
    held_out = [item % 5 == 0 for item in range(len(dataset))]
    return dataset.select([not out for out in held_out]), dataset.select(held_out)


def growing_sizes(arguments: argparse.Namespace, size: int) -> dict[int, int] | None:
    """Sizes that grow in five steps from 57 % over the first three quarters of the training."""
    if not arguments.progressive:
        return None
    steps = 5
    return {
        round(step * arguments.epochs * 0.75 / steps): round(size * (4 + 3 * step / steps) / 7)
        for step in range(steps)
    } | {round(arguments.epochs * 0.75): size}


def mixing(arguments: argparse.Namespace, classes: int) -> Any:
    """What makes images and soft labels of a batch."""
    options = {"smoothing": arguments.smoothing, "seed": arguments.seed}
    ways: list[Any] = []
    if arguments.mixup > 0:
        ways.append(Mixup(classes, arguments.mixup, **options))
    if arguments.cutmix > 0:
        ways.append(CutMix(classes, arguments.cutmix, **options))
    if ways:
        return OneOf(*ways, seed=arguments.seed)

    def unmixed(images: torch.Tensor, labels: torch.Tensor, **_: int) -> tuple[Any, Any]:
        return images, soft_labels(labels, classes, smoothing=arguments.smoothing)

    return unmixed


def set_learning_rate(
    optimizer: torch.optim.Optimizer, arguments: argparse.Namespace, epochs: float, world: int
) -> None:
    """Warm-up over the first twentieth, then a cosine to zero; `epochs` may be a fraction."""
    done = epochs / arguments.epochs
    peak = arguments.lr * arguments.batch_size * world / 1024
    shape = done / 0.05 if done < 0.05 else (1 + math.cos(math.pi * (done - 0.05) / 0.95)) / 2
    for group in optimizer.param_groups:
        group["lr"] = peak * shape


@torch.inference_mode()
def evaluate(
    network: nn.Module, loader: fastinet.torch.Loader, device: torch.device, world: int
) -> dict[str, float]:
    """Top-1 and top-5 over all ranks, to the bit what one rank would find."""
    # Ranks may have one batch more or less: only the network itself is called, which waits for
    # nobody when it is not training.
    inner = network.module if isinstance(network, DistributedDataParallel) else network
    inner.eval()
    accumulator = Accumulator()
    for batch in loader:
        with torch.autocast(device.type, torch.bfloat16):
            scores = inner(batch.images)
        accumulator.update(scores.float().cpu().numpy(), batch.labels.cpu().numpy(), batch.indices)
    parts: list[Any] = [accumulator]
    if world > 1:
        parts = [None] * world
        distributed.all_gather_object(parts, accumulator)
    for other in parts[1:]:
        parts[0].merge(other)
    return parts[0].result(items=len(loader.dataset))


def save(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: fastinet.torch.Loader,
    rank: int,
) -> None:
    """Writes a checkpoint under its name only when it is complete. One rank speaks for all."""
    if rank != 0:
        return
    inner = network.module if isinstance(network, DistributedDataParallel) else network
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "last.pt.part"
    torch.save(
        {
            "network": inner.state_dict(),
            "optimizer": optimizer.state_dict(),
            "loader": loader.state_dict(),
        },
        part,
    )
    part.replace(folder / "last.pt")


def resume(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: fastinet.torch.Loader,
    device: torch.device,
) -> None:
    """Goes on where the last checkpoint was written, if there is one."""
    path = folder / "last.pt"
    if not path.exists():
        return
    state = torch.load(path, map_location=device, weights_only=True)
    inner = network.module if isinstance(network, DistributedDataParallel) else network
    inner.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    loader.load_state_dict(state["loader"])
    print(f"going on at epoch {state['loader']['epoch']}, image {state['loader']['position']}")


class Trace:
    """Notes what every step got, for those who want to compare two runs."""

    def __init__(self, path: Path | None, rank: int) -> None:
        # Line by line, so that a run that is killed leaves what it has done.
        self._file = None if path is None else path.with_suffix(f".{rank}.jsonl").open("a", 1)

    def write(self, epoch: int, position: int, batch: fastinet.torch.Batch) -> None:
        if self._file is None:
            return
        images = [zlib.crc32(image.float().cpu().numpy().tobytes()) for image in batch.images]
        entry = {"epoch": epoch, "position": position, "indices": batch.indices.tolist()}
        self._file.write(json.dumps({**entry, "images": images}) + "\n")


if __name__ == "__main__":
    main()
