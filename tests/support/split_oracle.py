"""The split rule in plain words, one image after the other: an oracle for archives and streams."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

SPELLINGS = {
    "train": "train training trn trainset",
    "val": "val valid validation validate valset dev devset",
    "test": "test testing tst testset",
    "holdout": "holdout heldout",
    "eval": "eval evaluation evalset",
}
OTHER_WORDS = {
    "imagenet",
    "imagenet1k",
    "imagenet21k",
    "imagenet22k",
    "imagenet2012",
    "imagenette",
    "imagenette2",
    "imagewoof",
    "imagewoof2",
    "imagenetv2",
    "ilsvrc",
    "ilsvrc2010",
    "ilsvrc2011",
    "ilsvrc2012",
    "ilsvrc2013",
    "ilsvrc2014",
    "ilsvrc2015",
    "ilsvrc2016",
    "ilsvrc2017",
    "in1k",
    "in21k",
    "in22k",
    "1k",
    "21k",
    "22k",
    "clsloc",
    "cls",
    "loc",
    "tiny",
    "mini",
    "img",
    "imgs",
    "image",
    "images",
    "data",
    "dataset",
    "set",
    "split",
    "tar",
    "gz",
    "tgz",
}


def known(name: str) -> str:
    """The split that a folder is called as; "": none."""
    name = "".join(letter.lower() if letter.isascii() else letter for letter in name)
    if len(name.encode()) > 64:
        return ""
    if name == "imagenet21k_small_classes":
        return "small_classes"
    if name.endswith("-format-val"):
        return "val"
    words = re.split(r"[-_. ]", name)

    def says_nothing(word: str) -> bool:
        return not word or word in OTHER_WORDS or bool(re.fullmatch("20[0-9]{2}", word))

    while words and says_nothing(words[0]):
        words.pop(0)
    while len(words) > 1 and says_nothing(words[-1]):
        words.pop()
    word = "".join(words)
    if len(word) > 4:
        word = re.sub("20[0-9]{2}$", "", word)
    return next((split for split, all_ in SPELLINGS.items() if word in all_.split()), "")


def wnid(name: str) -> str:
    return name if re.fullmatch("n[0-9]{8}", name) else ""


@dataclass(frozen=True)
class Image:
    """What a path tells."""

    name: str

    @property
    def root(self) -> tuple[str, ...]:
        *folders, _ = self.name.split("/")
        return tuple(each for each in folders if each not in ("", ".") and not wnid(each))

    @property
    def split_folder(self) -> tuple[str, ...]:
        root = self.root
        while root and not known(root[-1]):
            root = root[:-1]
        return root

    @property
    def number(self) -> tuple[str, int] | None:
        base = self.name.rpartition("/")[2]
        found = re.match(r"ILSVRC2012_(val|test)_([0-9]{8})(?:[._]|$)", base)
        return (found[1], int(found[2])) if found else None

    @property
    def content(self) -> object:
        """What two roots may not both have, if they are one split."""
        if self.number:
            return self.number
        *folders, base = self.name.split("/")
        classes = [wnid(folder) for folder in folders if wnid(folder)]
        stem = re.search(r"_(n[0-9]{8})(?:\.[^.]*)?$", base)
        return classes[-1] if classes else stem[1] if stem else wnid(base[:9]) or None


def splits_of(names: list[str], around: str = "") -> dict[str, tuple[str, str]]:
    """(name of the split, known split or "") of each image, of one archive of that name."""
    images = [Image(name) for name in names]
    first, last = (pick(image.root for image in images) for pick in (min, max))
    top = [a for depth, a in enumerate(first) if first[: depth + 1] == last[: depth + 1]]
    # A folder around all of them tells nothing where one below it tells a split.
    split_folders = {
        image: image.split_folder if len(image.split_folder) > len(top) else () for image in images
    }
    folder_splits = {known(folder[-1]) for folder in split_folders.values() if folder}
    around = next((name for name in reversed([around, *top]) if known(name)), "")
    groups = defaultdict(list)
    for image in images:
        by_number = image.number[0] if image.number else ""
        if split_folders[image]:
            own = split_folders[image][-1]
            spellings = {f[-1] for f in split_folders.values() if f and known(f[-1]) == known(own)}
            # Where there are several spellings of a split, each folder is one by itself.
            group = (known(own), "/".join(split_folders[image]) if len(spellings) > 1 else own)
        elif not folder_splits and known(around):
            group = (known(around), "")
        elif by_number and by_number not in folder_splits:
            group = (by_number, "")
        elif folder_splits:
            group = ("", "/".join(image.root))
        else:
            group = ("train", "")
        groups[group].append(image)
    splits: dict[tuple, list[Image]] = {}
    for group, members in groups.items():
        contents = {(image.content, image.root) for image in members if image.content is not None}
        if len({content for content, _ in contents}) == len(contents):
            splits[group] = members
            continue
        told = any(split_folders[image] or image.number or known(around) for image in members)
        for image in members:
            key = (group[0] if told else "", *group[1:], "/".join(image.root))
            splits.setdefault(key, []).append(image)
    result = {}
    for key, members in splits.items():
        alike = [other for other in splits if other[0] == key[0]]
        name = (
            key[0]
            if key[0] and len(alike) == 1
            else _path(members[0], split_folders[members[0]], len(key) > 2, len(top))
        )
        result |= {image.name: (name, key[0]) for image in members}
    return result


def _path(image: Image, split_folder: tuple[str, ...], whole: bool, top: int) -> str:
    """The folders that name a split, from the `top` folders on that are around all images."""
    folders = split_folder if split_folder and not whole else image.root
    return "/".join(folders[top:]) or "."
