"""A small ResNet on ImageNet in plain JAX: data parallel over all devices of all processes.

    python examples/train_jax.py --demo                     # data that it makes itself, on a CPU

    python examples/train_jax.py --train ILSVRC2012_img_train.tar --val ILSVRC2012_img_val.tar

With --output it writes a checkpoint every so many steps, and started again it goes on at the very
batch.

On several machines, start it once on each with --distributed, as jax.distributed.initialize wants
it; each process then loads its own share of every batch.
"""

from __future__ import annotations

import argparse
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import fastinet
import fastinet.jax

Parameters = dict[str, Any]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", help="archive, or anything else that fastinet.open takes")
    parser.add_argument("--val", help="the same for validation")
    parser.add_argument("--demo", action="store_true", help="small data and a small network")
    parser.add_argument("--distributed", action="store_true", help="one of several processes")
    parser.add_argument("--epochs", type=int, help="default: 30, or 5 of the demo")
    parser.add_argument("--batch-size", type=int, help="of each process; default: 256, or 16")
    parser.add_argument("--lr", type=float, default=0.1, help="for 256 images a step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder of checkpoints; goes on from its last")
    parser.add_argument("--save-every", type=int, default=1000, help="steps between checkpoints")
    arguments = parser.parse_args()
    if not arguments.demo and not (arguments.train and arguments.val):
        parser.error("give --train and --val, or --demo")
    if arguments.epochs is None:
        arguments.epochs = 5 if arguments.demo else 30
    if arguments.batch_size is None:
        arguments.batch_size = 16 if arguments.demo else 256  # the demo has 64 images
    return arguments


def main() -> None:
    arguments = parse_arguments()
    if arguments.distributed:
        jax.distributed.initialize()
    train_set, val_set = open_data(arguments)
    size, width, depths = (32, 8, (1, 1)) if arguments.demo else (224, 64, (2, 2, 2, 2))

    # Rows of a batch are spread over all devices; every device has all parameters.
    mesh = Mesh(np.array(jax.devices()), ("data",))
    rows = NamedSharding(mesh, PartitionSpec("data"))
    everywhere = NamedSharding(mesh, PartitionSpec())
    options: dict[str, Any] = {
        "dtype": "bfloat16",
        "mean": "imagenet",
        "std": "imagenet",
        "rank": "auto",
        "world": "auto",
    }
    train = fastinet.jax.feed(
        fastinet.Loader(
            train_set,
            arguments.batch_size,
            fastinet.RandomResizedCrop(size),
            shuffle=True,
            seed=arguments.seed,
            drop_last=True,
            **options,
        ),
        rows,
    )
    val = fastinet.jax.feed(
        fastinet.Loader(
            val_set,
            arguments.batch_size,
            fastinet.CenterCrop(size, resize=size * 8 // 7),
            exact=True,
            pad_last="mask",  # every batch has one shape; labels of what is added are -1
            **options,
        ),
        rows,
    )
    parameters = new_network(arguments.seed, depths, width, len(train_set.classes))
    momentum = jax.tree.map(np.zeros_like, parameters)
    if arguments.output is not None:
        parameters, momentum = resume(arguments.output, parameters, momentum, train)
    parameters, momentum = jax.device_put((parameters, momentum), everywhere)
    peak = arguments.lr * arguments.batch_size * train.loader.world / 256
    steps = arguments.epochs * len(train)

    while train.state_dict()["epoch"] < arguments.epochs:
        batches = iter(train)
        state = train.state_dict()
        epoch, first = state["epoch"], len(train) - len(batches)
        for number, (images, labels) in enumerate(batches, first):
            done = (epoch * len(train) + number) / steps
            rate = peak * min(done / 0.05, (1 + math.cos(math.pi * done)) / 2)
            parameters, momentum, loss = step(parameters, momentum, images, labels, rate)
            if arguments.output is not None and number % arguments.save_every == 0:
                save(arguments.output, parameters, momentum, train)
            if number % 50 == 0:
                say(f"epoch {epoch}, step {number}: loss {float(loss):.3f}")
        counts = sum((count(parameters, images, labels) for images, labels in val), np.zeros(3))
        top1, top5, items = np.asarray(counts)
        say(f"epoch {epoch}: top-1 {top1 / items:.4f}, top-5 {top5 / items:.4f} of {items:.0f}")
        say(str(train.stats()))
        if arguments.output is not None:
            save(arguments.output, parameters, momentum, train)


def save(
    folder: Path, parameters: Parameters, momentum: Parameters, train: fastinet.jax.JaxFeed
) -> None:
    """Writes a checkpoint under its name only when it is complete. One process speaks for all."""
    if jax.process_index() != 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    leaves = jax.tree.leaves((parameters, momentum))
    part = folder / "last.part.npz"
    np.savez(part, *leaves, loader=json.dumps(train.state_dict()))
    part.replace(folder / "last.npz")


def resume(
    folder: Path, parameters: Parameters, momentum: Parameters, train: fastinet.jax.JaxFeed
) -> tuple[Parameters, Parameters]:
    """Goes on where the last checkpoint was written, if there is one."""
    path = folder / "last.npz"
    if not path.exists():
        return parameters, momentum
    tree = jax.tree.structure((parameters, momentum))
    with np.load(path) as saved:
        leaves = [saved[f"arr_{number}"] for number in range(tree.num_leaves)]
        state = json.loads(str(saved["loader"]))
    train.load_state_dict(state)
    say(f"going on at epoch {state['epoch']}, image {state['position']}")
    parameters, momentum = jax.tree.unflatten(tree, leaves)
    return parameters, momentum


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


def say(line: str) -> None:
    """Prints on one process of all."""
    if jax.process_index() == 0:
        print(line, flush=True)


# The network: pre-activation residual blocks (He et al., 2016) with group normalisation, which
# needs no running averages, so that all of it is one function of its parameters.


def new_network(seed: int, depths: tuple[int, ...], width: int, classes: int) -> Parameters:
    """Parameters drawn from a seed; the last convolution of each block begins at zero."""
    random = np.random.default_rng(seed)

    def convolution(side: int, inputs: int, outputs: int) -> Any:
        spread = math.sqrt(2 / (side * side * inputs))
        return random.normal(0, spread, (side, side, inputs, outputs)).astype(np.float32)

    def norm(channels: int) -> Parameters:
        return {"scale": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}

    stages, inputs = [], width
    for stage, depth in enumerate(depths):
        blocks = []
        for number in range(depth):
            outputs = width << stage
            block = {
                "norms": [norm(inputs), norm(outputs)],
                "first": convolution(3, inputs, outputs),
                "second": np.zeros((3, 3, outputs, outputs), np.float32),
            }
            if number == 0:
                block["shortcut"] = convolution(1, inputs, outputs)
            blocks.append(block)
            inputs = outputs
        stages.append(blocks)
    return {
        "stem": convolution(7, 3, width),
        "stages": stages,
        "norm": norm(inputs),
        "head": np.zeros((inputs, classes), np.float32),
    }


def convolve(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel.astype(x.dtype),
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def normalise(x: jax.Array, norm: Parameters, groups: int = 8) -> jax.Array:
    """Group normalisation and ReLU; statistics in float32."""
    grouped = x.astype(jnp.float32).reshape(*x.shape[:3], groups, -1)
    mean = grouped.mean((1, 2, 4), keepdims=True)
    variance = grouped.var((1, 2, 4), keepdims=True)
    y = ((grouped - mean) * jax.lax.rsqrt(variance + 1e-5)).reshape(x.shape)
    return jax.nn.relu(y * norm["scale"] + norm["bias"]).astype(x.dtype)


def network(parameters: Parameters, images: jax.Array) -> jax.Array:
    """Scores, float32 [N, classes], of images [N, H, W, 3]."""
    x = convolve(images, parameters["stem"], 2)
    for stage, blocks in enumerate(parameters["stages"]):
        for number, block in enumerate(blocks):
            stride = 2 if number == 0 and stage > 0 else 1
            y = normalise(x, block["norms"][0])
            shortcut = convolve(y, block["shortcut"], stride) if "shortcut" in block else x
            y = normalise(convolve(y, block["first"], stride), block["norms"][1])
            x = shortcut + convolve(y, block["second"])
    x = normalise(x, parameters["norm"]).astype(jnp.float32)
    return x.mean((1, 2)) @ parameters["head"]


def mean_loss(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy."""
    logarithms = jax.nn.log_softmax(network(parameters, images))
    return -jnp.take_along_axis(logarithms, labels[:, None], 1).mean()


@partial(jax.jit, donate_argnums=(0, 1))
def step(
    parameters: Parameters, momentum: Parameters, images: jax.Array, labels: jax.Array, rate: float
) -> tuple[Parameters, Parameters, jax.Array]:
    """One step of stochastic gradient descent with momentum and weight decay."""
    loss, gradients = jax.value_and_grad(mean_loss)(parameters, images, labels)
    momentum = jax.tree.map(lambda m, g, p: 0.9 * m + g + 5e-5 * p, momentum, gradients, parameters)
    parameters = jax.tree.map(lambda p, m: p - rate * m, parameters, momentum)
    return parameters, momentum, loss


@jax.jit
def count(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
    """How many items have their label first, or among the first five, and how many there are."""
    scores = network(parameters, images)
    of_label = jnp.take_along_axis(scores, jnp.maximum(labels, 0)[:, None], 1)
    # Equal scores rank by class, as in fastinet.metrics.
    ties = (scores == of_label) & (jnp.arange(scores.shape[1]) < labels[:, None])
    above = ((scores > of_label) | ties).sum(1)
    is_item = labels >= 0
    return jnp.stack([(is_item & (above < k)).sum() for k in (1, 5)] + [is_item.sum()])


if __name__ == "__main__":
    main()
