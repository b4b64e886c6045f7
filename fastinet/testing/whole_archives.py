"""Miniatures of ImageNet-21K, ImageNet-21K-P and ImageNet-V2, with what is odd in the real ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.testing.archives import END, entry, extract, tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "extract",
    "imagenet21k_classes",
    "imagenet21k_p_members",
    "imagenet_v2_members",
    "winter21_tar",
]

V2Layout = Literal["numbers", "wnids", "hashes"]


def imagenet21k_classes(seed: int = 0) -> dict[str, dict[str, bytes]]:
    """Wnid -> file name -> bytes, as in winter21_whole.tar.gz and fall11_whole.tar.

    With `winter21_tar` or :func:`fastinet.testing.archives.train_tar` they become an archive, with
    :func:`~fastinet.testing.archives.tar` each a class tar. Among them are

    - n01440764_9.JPEG, n02084071_77.JPEG and n02121808_4.JPEG: one image in three classes;
    - n01678043_6448.JPEG: a gzip-wrapped JPEG;
    - n02084071_12.png and n02084071_13: other names, a JPEG by content;
    - n02105855_2933.JPEG: a PNG with an alpha channel;
    - n06470073_47249.JPEG: the one file that is known to hold no image;
    - n02121808_<100 zeros>1.JPEG: a name that needs a GNU long-name entry;
    - a class without images, n15102894, and a file that is none, n06470073/urls.txt.
    """
    rng = np.random.default_rng((seed, 21))
    shared = small_jpeg(rng)

    def images(wnid: str, *numbers: int) -> dict[str, bytes]:
        return {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in numbers}

    return {
        "n02084071": {
            **images("n02084071", 3, 1000, 20),
            "n02084071_77.JPEG": shared,
            "n02084071_12.png": small_jpeg(rng),
            "n02084071_13": small_jpeg(rng),
        },
        "n01440764": {**images("n01440764", 10026, 18), "n01440764_9.JPEG": shared},
        "n01678043": {
            **images("n01678043", 7),
            "n01678043_6448.JPEG": gzip.compress(small_jpeg(rng), mtime=0),
        },
        "n02105855": {**images("n02105855", 1, 2), "n02105855_2933.JPEG": _png(rng)},
        "n02121808": {
            f"n02121808_{1:0101}.JPEG": small_jpeg(rng),
            "n02121808_4.JPEG": shared,
        },
        "n06470073": {
            **images("n06470073", 5),
            "n06470073_47249.JPEG": b"<html><title>404 Not Found</title></html>",
            "urls.txt": b"http://example.com/5.jpg\n",
        },
        "n15102894": {},
    }


def winter21_tar(
    classes: Mapping[str, Mapping[str, bytes]], *, top: str = "winter21_whole"
) -> bytes:
    """What winter21_whole.tar.gz is the gzip of: class tars in a folder with an entry of its own.

    Args:
        classes: wnid -> file name -> bytes, as `imagenet21k_classes` gives them.
        top: name of the folder.
    """
    folder = entry(f"{top}/", type=tarfile.DIRTYPE)
    tars = [entry(f"{top}/{wnid}.tar", tar(members)) for wnid, members in classes.items()]
    return b"".join([folder, *tars, END])


def imagenet21k_p_members(
    train: int = 3, val: int = 2, classes: int = 4, seed: int = 0
) -> dict[str, bytes]:
    """Member name -> bytes, as in imagenet21k_resized.tar.gz.

    Args:
        train: images of each class in imagenet21k_train.
        val: of each class in imagenet21k_val.
        classes: how many; imagenet21k_small_classes has half as many others, an image each.
        seed: of what the images show.

    One image in each class is 224x224, the others are smaller, as they were before.
    """
    rng = np.random.default_rng((seed, 22))
    wnids = [f"n{20 * number + 4475:08d}" for number in range(classes + classes // 2)]
    small, kept = wnids[::3], [wnid for number, wnid in enumerate(wnids) if number % 3]
    counts = {
        "imagenet21k_val": (kept, range(train, train + val)),
        "imagenet21k_train": (kept[::-1], range(train)),
        "imagenet21k_small_classes": (small, range(1)),
    }
    return {
        f"imagenet21k_resized/{folder}/{wnid}/{wnid}_{17 * number}.JPEG": (
            small_jpeg(rng) if number else _squashed(rng)
        )
        for folder, (chosen, numbers) in counts.items()
        for wnid in chosen
        for number in numbers
    }


def imagenet_v2_members(
    layout: V2Layout = "hashes",
    labels: Sequence[int] = (999, 0, 10, 2, 100),
    per_class: int = 2,
    top: str = "imagenetv2-matched-frequency-format-val",
    seed: int = 0,
) -> dict[str, bytes]:
    """Member name -> bytes, as in the archives of ImageNet-V2, which are plain tars.

    Args:
        layout: the packing: "numbers" until 2020, "wnids" of December 2020, "hashes" since 2021.
        labels: the classes, in the order of the archive.
        per_class: images of each; with 11 and more there is a 10.jpeg behind 9.jpeg.
        top: the folder that all lie in.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 2))
    wnids = imagenet1k_wnids()
    members = {}
    for label in labels:
        folder = wnids[label] if layout == "wnids" else str(label)
        for number in sorted(map(str, range(per_class)), reverse=True):
            data = small_jpeg(rng)
            # As in the manifest: 40 hexadecimal digits, which of them does not matter here.
            name = hashlib.sha256(data).hexdigest()[:40] if layout == "hashes" else number
            members[f"{top}/{folder}/{name}.jpeg"] = data
    return members


def _png(rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (60, 50, 4), np.uint8)).save(file, "PNG")
    return file.getvalue()


def _squashed(rng: np.random.Generator) -> bytes:
    """An image as cv2.imwrite saves it after the resize: 224x224, quality 95, 4:2:0."""
    file = io.BytesIO()
    image = Image.open(io.BytesIO(small_jpeg(rng))).resize((224, 224))
    image.save(file, "JPEG", quality=95, subsampling=2)
    return file.getvalue()
