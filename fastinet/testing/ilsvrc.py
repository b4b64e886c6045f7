"""Writes miniatures of the challenge's archives, in every packaging, odd files among them.

Members of validation archives are out of the order of their names; a PNG and a CMYK file are called
``.JPEG``; names may begin with ``./`` or be too long for a tar header; folders may have entries of
their own; and the packagings with annotations have them here, too.
"""

from __future__ import annotations

import gzip
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.validation import validation_labels
from fastinet.testing.archives import END, Format, entry, extract, tar
from fastinet.testing.encodings import ODD_ENCODINGS, encode
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["Members", "MiniatureChallenge", "miniature_challenge", "val_name", "write_archive"]

Members = dict[str, bytes]
"""Names, in the order in which they lie in the archive, and content."""

# Real names: the training set's PNG, and one of its 22 CMYK files.
_PNG_NAME = "n02105855_2933.JPEG"
_CMYK_NAME = "n01739381_1309.JPEG"
_CLASSES = ("n02105855", "n01440764", "n03126707", "n01739381", "n02012849")  # two are "crane"
_CLS_LOC = "ILSVRC/Data/CLS-LOC"


@dataclass(frozen=True)
class MiniatureChallenge:
    """The images of a small challenge; its methods pack them as the published archives do."""

    train: dict[str, Members]
    """Wnid -> file name -> content; wnids and names in no order."""
    val: dict[int, bytes]
    """Number, from 1 on -> content, in no order. Their labels are the published ones."""
    test: dict[int, bytes]
    """Number, from 1 on -> content of the test images, in no order."""

    def val_wnid(self, number: int) -> str:
        """The published class of a validation image."""
        return imagenet1k_wnids()[int(validation_labels()[number - 1])]

    def official_train(self) -> Members:
        """ILSVRC2012_img_train.tar, or train_t3: a tar for each class."""
        return {f"{wnid}.tar": tar(members) for wnid, members in self.train.items()}

    def official_val(self) -> Members:
        """ILSVRC2012_img_val.tar: flat."""
        return {val_name(number): image for number, image in self.val.items()}

    def official_test(self, *, folder: str = "") -> Members:
        """ILSVRC2012_img_test.tar; `folder` is "test/" in the version of 2019."""
        return {
            f"{folder}ILSVRC2012_test_{number:08d}.JPEG": image
            for number, image in self.test.items()
        }

    def val_in_classes(self) -> Members:
        """The validation images moved into folders by class, as trainers have them."""
        return {
            f"{self.val_wnid(number)}/{val_name(number)}": image
            for number, image in self.val.items()
        }

    def class_tree(self) -> Members:
        """``train`` and ``val`` as folders of classes, as torchvision's ImageFolder takes them."""
        return self._train_tree() | _below("val", self.val_in_classes())

    def cls_loc(self) -> Members:
        """The CLS-LOC packaging, which Kaggle has: all splits, and what belongs to them."""
        images = self._train_tree() | _below("val", self.official_val())
        images |= self.official_test(folder="test/")
        members = {
            "ILSVRC/ImageSets/CLS-LOC/val.txt": b"ILSVRC2012_val_00000001 1\n",
            "LOC_synset_mapping.txt": b"n01440764 tench, Tinca tinca\n",
            "LOC_val_solution.csv": b"ImageId,PredictionString\n",
        }
        for name, image in images.items():
            members[f"ILSVRC/Data/CLS-LOC/{name}"] = image
            annotation = f"ILSVRC/Annotations/CLS-LOC/{name.removesuffix('.JPEG')}.xml"
            members[annotation] = b"<annotation></annotation>\n"
        return members

    def hugging_face(self, split: Literal["train", "val", "test"]) -> Members:
        """A tar of Hugging Face's ILSVRC/imagenet-1k: flat names that end in the class."""
        if split == "test":
            return self.official_test()
        if split == "val":
            return {
                val_name(number).replace(".", f"_{self.val_wnid(number)}."): image
                for number, image in self.val.items()
            }
        return {
            name.replace(".", f"_{wnid}."): image
            for wnid, images in self.train.items()
            for name, image in images.items()
        }

    def _train_tree(self) -> Members:
        return {
            f"train/{wnid}/{name}": image
            for wnid, images in self.train.items()
            for name, image in images.items()
        }


def miniature_challenge(
    seed: int = 0, *, per_class: int = 3, val: int = 16, test: int = 9
) -> MiniatureChallenge:
    """Draws small images: `per_class` training images of five classes, `val` and `test` others."""
    rng = np.random.default_rng(seed)
    train: dict[str, Members] = {}
    for wnid in _CLASSES:
        numbers = rng.choice(20_000, per_class, replace=False)
        train[wnid] = {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in numbers}
    for name, kind in ((_PNG_NAME, "png"), (_CMYK_NAME, "cmyk")):
        train[name[:9]][name] = _odd_image(rng, kind)
    images = {split: _numbered(rng, count) for split, count in (("val", val), ("test", test))}
    images["val"][min(7, val)] = _odd_image(rng, "cmyk")
    return MiniatureChallenge(train, images["val"], images["test"])


def _odd_image(rng: np.random.Generator, kind: str) -> bytes:
    pixels = rng.integers(0, 256, (40, 50, 3), np.uint8)
    return encode(pixels, ODD_ENCODINGS[kind])


def _numbered(rng: np.random.Generator, count: int) -> dict[int, bytes]:
    """Images 1 to `count`, never in the order of their numbers."""
    order = [*(2 + rng.permutation(count - 1)), 1]
    return {int(number): small_jpeg(rng) for number in order}


def val_name(number: int) -> str:
    """File name of a validation image."""
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def _below(folder: str, members: Members) -> Members:
    return {f"{folder}/{name}": content for name, content in members.items()}


def write_archive(
    path: str | os.PathLike[str],
    members: Mapping[str, bytes],
    *,
    form: Literal["tar", "tar.gz", "folder"] = "tar",
    prefix: str = "",
    directories: bool = False,
    format: Format = tarfile.GNU_FORMAT,  # noqa: A002  # as tarfile calls it
) -> Path:
    """Writes an archive, or what it is extracted to.

    Args:
        path: file or folder; the name need not tell which.
        members: names and content, in order.
        form: a tar, plain or compressed, or a folder.
        prefix: put before every name in a tar: "./" as ``tar -cf x.tar .`` does it, or a folder
            so long that names need extended headers.
        directories: whether the tar has entries for folders.
        format: of the tar: tarfile.USTAR_FORMAT, GNU_FORMAT or PAX_FORMAT.

    Returns:
        ``path``.
    """
    path = Path(path)
    if form == "folder":
        return extract(members, path)
    entries, known = [], set()
    for name, content in members.items():
        full = prefix + name
        for folder in reversed(PurePosixPath(full).parents):
            if directories and folder not in known:
                known.add(folder)
                spelled = f"./{folder}/" if prefix == "./" else f"{folder}/"
                entries.append(entry(spelled, type=tarfile.DIRTYPE, format=format))
        entries.append(entry(full, content, format=format))
    content = b"".join(entries) + END
    path.write_bytes(gzip.compress(content, 1) if form == "tar.gz" else content)
    return path
