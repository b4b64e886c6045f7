"""Question: what does a change of the core's code, or another compiler, make of decoding?

Baseline: the first of the builds that are given, in the same process. Builds take turns image by
image, in an order drawn for each; their pixels are compared before. Thread CPU time, ratios of a
round's sums to the first build's, and their median over the rounds.

A build is a source tree whose core is compiled: `make build`, or `CXX=clang++ make build`.

    git worktree add ../before main~1 && make -C ../before build && make build
    FASTINET_SAMPLE=train.tar python benchmarks/compare_builds.py ../before . [--rounds 9]

Result: see docs/decode-engine.md.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from archives import photographs
from rounds import interval_of_median

import fastinet

FACE = Path(__file__).parent / "native" / "build_ways.cc"
WAYS = (
    "entropy decoding, one row after the other",
    "entropy decoding, two rows in turn",
    "MCUs passed over",
    "whole image from the scan's start",
    "whole image from checkpoints",
    "random crop from the scan's start",
    "random crop from checkpoints",
    "training image from checkpoints, uint8",
    "training image from checkpoints, float32",
)


class Build:
    """A build's ways to decode, in a library of its own."""

    def __init__(self, tree: Path, folder: Path) -> None:
        library = folder / f"{len(list(folder.iterdir()))}.so"
        compiler = shlex.split(os.environ.get("CXX", "c++"))
        core = tree / "build" / "release" / "libfastinet.a"
        subprocess.run(
            [
                *compiler,
                *("-std=c++20", "-O3", "-fPIC", "-shared", "-fvisibility=hidden"),
                *("-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL", f"-I{tree / 'csrc'}"),
                *(FACE, core, "-lhwy", "-ljpeg", "-lpng", "-lz", "-o", library),
            ],
            check=True,
        )
        self.name = str(tree)
        self.functions = ctypes.CDLL(str(library), mode=os.RTLD_LOCAL | os.RTLD_NOW)
        self.functions.NewWays.restype = ctypes.c_void_p
        self.functions.HashOfPixels.restype = ctypes.c_uint64
        self.ways = ctypes.c_void_p(self.functions.NewWays())

    def add(self, data: bytes, crop: list[int]) -> bool:
        """Adds an image, unless this build leaves its like to libjpeg-turbo."""
        box = (ctypes.c_int32 * 4)(*crop)
        return bool(self.functions.AddImage(self.ways, data, ctypes.c_size_t(len(data)), box))

    def run(self, way: int, image: int) -> int:
        """Goes a way. Returns the nanoseconds of CPU that it took."""
        number = ctypes.c_size_t(image)
        start = time.thread_time_ns()
        done = self.functions.RunWay(self.ways, way, number)
        spent = time.thread_time_ns() - start
        if not done:
            raise RuntimeError(f"{self.name}: image {image} by way {way} failed")
        return spent

    def hash_of_pixels(self, image: int) -> int:
        """Of all ways to pixels."""
        value = int(self.functions.HashOfPixels(self.ways, ctypes.c_size_t(image)))
        if value == 0:
            raise RuntimeError(f"{self.name}: image {image} cannot be decoded")
        return value


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "builds", type=Path, nargs="+", help="source trees; the first is the baseline"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="also write the ratios there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        builds = [Build(tree, Path(folder)) for tree in options.builds]
        images = add_photographs(builds)
        print(f"{images} photographs, {options.rounds} rounds; ratios to {builds[0].name}")
        figures = {
            name: measured(builds, way, images, options.rounds) for way, name in enumerate(WAYS)
        }
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def add_photographs(builds: list[Build]) -> int:
    """How many were added to all builds, whose pixels are the same."""
    dataset = fastinet.open(photographs(), index=False)
    transform = fastinet.RandomResizedCrop(224)
    images = 0
    for batch in fastinet.Loader(dataset, 64, transform, shuffle=False, drop_last=False):
        for item, crop in zip(batch.indices.tolist(), batch.boxes.tolist(), strict=True):
            data = dataset.read(item)
            added = {build.add(data, crop) for build in builds}
            if len(added) != 1:
                raise RuntimeError(f"a build leaves item {item} to libjpeg-turbo")
            if added == {False}:
                continue
            if len({build.hash_of_pixels(images) for build in builds}) != 1:
                raise RuntimeError(f"builds give other pixels of item {item}")
            images += 1
    return images


def measured(builds: list[Build], way: int, images: int, rounds: int) -> dict[str, float]:
    """The ratio of each build to the first, printed too."""
    drawn = random.Random(way)
    spent = np.zeros((rounds + 1, len(builds)))
    for of_round in spent:
        for image in range(images):
            for place in drawn.sample(range(len(builds)), len(builds)):
                of_round[place] += builds[place].run(way, image)
    spent = spent[1:]  # the first warms up
    print(f"{WAYS[way]}: {statistics.median(spent[:, 0]) / images / 1e3:.0f} us an image")
    ratios = {}
    for build, own in zip(builds, spent.T, strict=True):
        of_rounds = (own / spent[:, 0]).tolist()
        ratios[build.name] = statistics.median(of_rounds)
        low, high = interval_of_median(of_rounds)
        print(f"    {build.name:<40} {ratios[build.name]:.3f}   {low:.3f} to {high:.3f}")
    return ratios


if __name__ == "__main__":
    main()
