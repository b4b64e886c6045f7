"""Rows are the same bits on every machine: this file keeps digests of them.

Other tests compare with Pillow and NumPy beside them, and would not see a machine on which these
are different, too. The images are made in whole numbers; should an encoder ever write other bytes,
`ENCODED` says so and nothing can be compared.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.checkpointed import write_archive

import fastinet
from fastinet import CenterCrop, ColorJitter, Loader, RandomCrop, RandomResizedCrop, Resize, augment
from fastinet.augment import Lighting, RandomErasing
from fastinet.testing.encodings import ODD_ENCODINGS, Encoding, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODED = "60df450017fccb1e"

JITTER = ColorJitter(0.4, (0.2, 3), 0.9, 0.5)
NOISE = RandomErasing(0.8, mode="pixel", count=2)
POLICIES = (
    augment.RandAugment(interpolation="bilinear"),
    augment.TrivialAugmentWide(interpolation="bicubic"),
    augment.AutoAugment("svhn", fill=(1, 2, 3)),
    augment.RandAugment.timm("rand-m9-mstd0.5-inc1"),
    augment.RandAugment.tensorflow(2, 10),
    augment.ThreeAugment(),
    augment.AugMix(),
)
LOADERS: dict[str, tuple[dict[str, Any], str]] = {
    "random crops": ({"transform": RandomResizedCrop(48)}, "41d5374b2a1b8f2b"),
    "bicubic": (
        {"transform": RandomResizedCrop((40, 56), interpolation="bicubic")},
        "c97ae6e53e1bbd9b",
    ),
    "jitter": ({"transform": RandomResizedCrop(33, color_jitter=JITTER)}, "15266e524a442e9e"),
    "erased": (
        {
            "transform": RandomResizedCrop(48, erase=NOISE, lighting=Lighting(0.5)),
            "dtype": "float32",
        },
        "0dcac5f2d34f30f0",
    ),
    "lanczos": (
        {"transform": RandomResizedCrop(37, interpolation="lanczos", vflip=0.5)},
        "43b680d25899ece9",
    ),
    "nearest": ({"transform": Resize((301, 47), "nearest")}, "44ddd5b19bcb33b3"),
    "TensorFlow's boxes": (
        {"transform": RandomResizedCrop(40, interpolation="random", box_rule="tensorflow")},
        "aae860e9dcc7c911",
    ),
    "padded crops": (
        {"transform": RandomCrop((50, 41), 45, 6, "reflect", interpolation="bicubic")},
        "7a66b1b59d562df7",
    ),
    "enlarged": ({"transform": Resize((301, 283))}, "65ca9c4f9e3d4641"),
    "policies": ({"transform": RandomResizedCrop(40, augment=POLICIES)}, "4a2eb48f57229b4c"),
    "float32": ({"transform": CenterCrop(64, resize=73), "dtype": "float32"}, "b6e69263597336ea"),
    "float16": ({"transform": CenterCrop(64, resize=73), "dtype": "float16"}, "d2b876f3613bb284"),
    "bfloat16": (
        {"transform": CenterCrop(64, resize=73), "dtype": "bfloat16", "layout": "NCHW"},
        "1a5c1eca19e2d9ef",
    ),
}


def digest(*parts: bytes | NDArray[Any]) -> str:
    """Of all these bytes."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part if isinstance(part, bytes) else part.tobytes())
    return sha.hexdigest()[:16]


def whole_picture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]: gradients, edges and noise without a single floating-point operation."""
    width, height = (int(side) for side in rng.integers(30, 200, 2))
    y, x, c = np.ogrid[0:height, 0:width, 0:3]
    steps = (x // 13 + y // 17) % 2 * 90
    noise = rng.integers(-30, 31, (height, width, 3))
    pixels: NDArray[np.uint8] = np.clip(x * (c + 1) + y + steps + noise, 0, 255).astype(np.uint8)
    return pixels


def whole_images() -> dict[str, bytes]:
    """Every encoding, and the ordinary ones several times."""
    rng = np.random.default_rng(20)
    ordinary = [
        Encoding(quality=quality, sampling=sampling)
        for quality in (60, 96, 100)
        for sampling in ("4:4:4", "4:2:2", "4:2:0", "grey")
    ]
    encodings = [*ordinary, *(each for each in ODD_ENCODINGS.values() if not each.gzipped)]
    return {str(i): encode(whole_picture(rng), each) for i, each in enumerate(encodings)}


@pytest.fixture(scope="module", params=["scanned", "checkpoints"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All images, read by fastinet's own JPEG decoder's two ways and by the libraries."""
    images = whole_images()
    path = write_archive(tmp_path_factory.mktemp("machines") / "train.tar", images)
    if digest(*images.values()) != ENCODED:
        pytest.skip("the encoder of this machine writes other JPEGs")
    opened = fastinet.open(path)
    if request.param == "checkpoints":
        opened.build_checkpoints()
    return opened


@pytest.mark.parametrize("name", LOADERS)
def test_rows_are_those_of_every_machine(dataset: fastinet.Dataset, name: str) -> None:
    options, expected = LOADERS[name]
    if options.get("dtype"):
        options = {"mean": "imagenet", "std": "imagenet", **options}
    loader = Loader(dataset, batch_size=5, shuffle=True, seed=7, threads=2, **options)
    rows = [
        part for batch in loader.epoch(3) for part in (batch.images, batch.boxes, batch.indices)
    ]
    assert digest(*rows) == expected
