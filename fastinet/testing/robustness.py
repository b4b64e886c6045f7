"""Miniatures of the sets that test how robust a model of ImageNet-1K is."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from fastinet.datasets.classes import class_table, imagenet1k_wnids
from fastinet.datasets.objectnet_classes import objectnet_classes
from fastinet.datasets.validation import validation_labels
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "bordered_png",
    "imagenet_a_members",
    "imagenet_c_members",
    "imagenet_r_members",
    "imagenet_sketch_members",
    "objectnet_members",
    "tiny_imagenet_members",
]


def imagenet_c_members(
    corruptions: Sequence[str] = ("gaussian_noise", "shot_noise"),
    severities: Sequence[int] = (3, 1, 5),
    numbers: Sequence[int] = (293, 7, 50_000, 12),
    seed: int = 0,
) -> dict[str, bytes]:
    """Member name -> bytes, as in the tars of ImageNet-C.

    Args:
        corruptions: names of folders, in the order of the archive.
        severities: of each, 1 to 5.
        numbers: of validation images; each is in the folder of its class, and comes in every
            corruption and severity.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 3))
    wnids, labels = imagenet1k_wnids(), validation_labels()
    return {
        f"{corruption}/{severity}/{wnids[int(labels[number - 1])]}"
        f"/ILSVRC2012_val_{number:08d}.JPEG": small_jpeg(rng, quality=85)
        for corruption in corruptions
        for severity in severities
        for number in numbers
    }


def imagenet_a_members(
    wnids: Sequence[str] = ("n01770393", "n01498041", "n04507155"), seed: int = 0
) -> dict[str, bytes]:
    """Member name -> bytes, as in imagenet-a.tar: names have what a model took the images for.

    Args:
        wnids: classes, three images each, of the 200; in the order of the archive.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 4))
    members = {"imagenet-a/README.txt": b"n01498041 stingray\n"}
    for wnid in wnids:
        for number in (116, 37, 2405):
            name = f"0.{number:06d}_digital clock _ sea lion_0.{number:06d}.jpg"
            members[f"imagenet-a/{wnid}/{name}"] = small_jpeg(rng)
    return members


def imagenet_r_members(
    wnids: Sequence[str] = ("n02106662", "n01443537"), seed: int = 0
) -> dict[str, bytes]:
    """Member name -> bytes, as in imagenet-r.tar: names begin with the kind of rendition.

    Args:
        wnids: classes, of the 200, in the order of the archive.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 5))
    kinds = ("sketch", "art", "origami", "videogame")
    members = {"imagenet-r/README.txt": b"n01443537 goldfish\n"}
    for wnid in wnids:
        for number, kind in enumerate(kinds):
            members[f"imagenet-r/{wnid}/{kind}_{7 * number}.jpg"] = small_jpeg(rng)
    return members


def imagenet_sketch_members(
    wnids: Sequence[str] = ("n01440764", "n15075141", "n02012849"), seed: int = 0
) -> dict[str, bytes]:
    """Member name -> bytes, as in what ImageNet-Sketch.zip is extracted to.

    Args:
        wnids: classes, in the order of the archive; the real one has all 1000.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 6))
    return {
        f"sketch/{wnid}/sketch_{number}.JPEG": small_jpeg(rng)
        for wnid in wnids
        for number in (10, 0, 9)
    }


def objectnet_members(
    folders: Sequence[str] = ("chair", "full_sized_towel", "air_freshener", "tv", "banana"),
    per_class: int = 2,
    top: str = "objectnet-1.0",
    *,
    mappings: bool = True,
    seed: int = 0,
) -> dict[str, bytes]:
    """Member name -> bytes, as in what objectnet-1.0.zip is extracted to.

    Args:
        folders: of the classes, in the order of the archive. "full_sized_towel" is "Bath towel",
            "chair" is three classes of ImageNet-1K, and "air_freshener" is none.
        per_class: images of each: PNGs in a red border, 1 pixel wide.
        top: the folder that all lie in.
        mappings: whether there is a folder of them, as published.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 7))
    members = {}
    for folder in folders:
        for number in range(per_class):
            data = bordered_png(rng)
            name = hashlib.sha256(data).hexdigest()[:15]
            members[f"{top}/images/{folder}/{name if number else name[::-1]}.png"] = data
    if mappings:
        classes = objectnet_classes()
        titles = {each.folder: each.title for each in classes}
        members[f"{top}/mappings/folder_to_objectnet_label.json"] = json.dumps(titles).encode()
        names = {
            each.title: "; ".join(", ".join(info.names) for info in class_table(each.wnids))
            for each in classes
            if each.wnids
        }
        members[f"{top}/mappings/objectnet_to_imagenet_1k.json"] = json.dumps(names).encode()
        members[f"{top}/README"] = b"ObjectNet\n"
    return members


def tiny_imagenet_members(
    wnids: Sequence[str] = ("n01443537", "n01629819", "n03444034"),
    per_class: int = 2,
    top: str = "tiny-imagenet-200/",
    seed: int = 0,
) -> dict[str, bytes]:
    """Member name -> bytes, as in what tiny-imagenet-200.zip is extracted to.

    Args:
        wnids: of the classes, in the order of the archive. Each has a validation image, in the
            other order, and there are as many test images.
        per_class: training images of each.
        top: the path of the folder that all lie in, with a slash; "": there is none.
        seed: of what the images show.
    """
    rng = np.random.default_rng((seed, 8))
    members = {
        f"{top}wnids.txt": "\n".join(wnids).encode(),
        f"{top}words.txt": "".join(f"{wnid}\tsome, words\n" for wnid in wnids).encode(),
    }
    for wnid in wnids:
        names = [f"{wnid}_{number}.JPEG" for number in range(per_class)]
        members |= {f"{top}train/{wnid}/images/{name}": small_jpeg(rng) for name in names}
        boxes = "".join(f"{name}\t0\t10\t63\t58\n" for name in names)
        members[f"{top}train/{wnid}/{wnid}_boxes.txt"] = boxes.encode()
    lines = []
    for number, wnid in enumerate(reversed(wnids)):
        members[f"{top}val/images/val_{number}.JPEG"] = small_jpeg(rng)
        members[f"{top}test/images/test_{number}.JPEG"] = small_jpeg(rng)
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    members[f"{top}val/val_annotations.txt"] = "".join(lines).encode()
    return members


def bordered_png(rng: np.random.Generator) -> bytes:
    """A small PNG in a red border, 1 pixel wide."""
    image = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
    file = io.BytesIO()
    ImageOps.expand(image, border=1, fill=(255, 0, 0)).save(file, "PNG")
    return file.getvalue()
