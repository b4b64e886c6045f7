"""Question: what does it cost to send rows through a function of one's own, `then=`?

The baseline is the same loader without it. The function returns its row, so that what is measured
is the way there and back; with a float dtype also the normalisation, which is NumPy's then and not
the core's. Both run in turns; the figure is CPU time of the process for a row of 224 x 224.

    FASTINET_SAMPLE=train.tar python benchmarks/then_cost.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from archives import photographs

import fastinet

NORMALISED: dict[str, Any] = {"dtype": "float32", "mean": "imagenet", "std": "imagenet"}
OUTPUTS: dict[str, dict[str, Any]] = {
    "uint8": {},
    "float32 NHWC, normalised": NORMALISED,
    "float32 NCHW, normalised": {**NORMALISED, "layout": "NCHW"},
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    dataset = fastinet.open(photographs())
    for name, output in OUTPUTS.items():
        for what in ("row", "batch"):
            then = fastinet.Then(same, batch=what == "batch")
            plain, through = (
                fastinet.Loader(
                    dataset, 50, fastinet.RandomResizedCrop(224), then=function, threads=1, **output
                )
                for function in (None, then)
            )
            rounds = [
                [cpu_time(loader, len(dataset)) for loader in (plain, through)]
                for _ in range(options.rounds + 1)
            ][1:]  # the first has taken memory
            more = statistics.median(with_ - without for without, with_ in rounds)
            without, with_ = map(statistics.median, zip(*rounds, strict=True))
            print(f"{name:<26}by {what:<7}{without:6.3f} ms{with_:8.3f} ms{more:+8.3f} ms")


def same(pixels: Any) -> Any:
    """What was given."""
    return pixels


def cpu_time(loader: fastinet.Loader, rows: int) -> float:
    """Milliseconds of CPU for a row of one epoch."""
    begun = time.process_time()
    for _ in loader:
        pass
    return (time.process_time() - begun) / rows * 1e3


if __name__ == "__main__":
    main()
