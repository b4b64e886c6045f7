"""Question: what does an image of `fastinet.torch.ImageFolder` cost beside torchvision's own?

The baseline is ``torchvision.datasets.ImageFolder`` over the extracted archive. Both are asked for
the same images in the same order, through the same pipelines, in turns, on one thread; the figure
is CPU time of the process, with the pipeline. torchvision has to be installed.

    FASTINET_SAMPLE=train.tar python benchmarks/image_folder.py [--rounds 9] [--images 200]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from archives import photographs
from torchvision import datasets, transforms

import fastinet.torch

PIPELINES = {
    "RandomResizedCrop(224), RandomHorizontalFlip": [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
    ],
    "the same, ToTensor, Normalize": [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
    "Resize(256), CenterCrop(224)": [transforms.Resize(256), transforms.CenterCrop(224)],
    "RandomHorizontalFlip alone: all by Pillow": [transforms.RandomHorizontalFlip()],
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--images", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        ours = fastinet.torch.ImageFolder(photographs())
        for item, key in enumerate(ours.dataset.keys):
            path = Path(folder, key)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(ours.dataset.read(item))
        theirs = datasets.ImageFolder(folder)
        for name, steps in PIPELINES.items():
            ours.transform = theirs.transform = transforms.Compose(steps)
            rounds = [
                [cpu_time(dataset, options.images) for dataset in (ours, theirs)]
                for _ in range(options.rounds + 1)
            ][1:]  # the first has found the files
            ratio = statistics.median(own / other for own, other in rounds)
            own, other = map(statistics.median, zip(*rounds, strict=True))
            print(f"{name:<48}{own:6.2f} ms{other:9.2f} ms{ratio:8.2f}")


def cpu_time(dataset: Any, images: int) -> float:
    """Milliseconds of CPU for an image, over the first ones of a dataset."""
    count = min(images, len(dataset))
    begun = time.process_time()
    for index in range(count):
        dataset[index]
    return (time.process_time() - begun) / count * 1e3


if __name__ == "__main__":
    main()
