"""The split rule: which parts of an archive are to be used by themselves, by the paths of images.

*Known names.* A folder is called as a split when its name is one of the usual spellings, in letters
of either case:

=============  =====================================================================================
train          train, training, trn, trainset
val            val, valid, validation, validate, dev, valset, devset
test           test, testing, tst, testset
holdout, eval  holdout, hold-out, heldout; eval, evaluation: splits by these names
=============  =====================================================================================

Words that name a dataset, a year or nothing (``imagenet``, ``ILSVRC2012``, ``img``, ``images``,
``data``, ``set``, ``split``, ...) may stand before and behind, parted by ``_``, ``-``, a dot or a
space: ``imagenet_val``, ``ILSVRC2012_img_train``, ``test-set``, ``val2012``. So may nothing else:
``val_canny``, ``train_backup`` and ``train2`` are no known names. Of ImageNet-21K-P
``imagenet21k_small_classes`` is one, and of ImageNet-V2 what ends in ``-format-val``.

*What tells the split of an image*, the first of these that does:

1. The innermost folder with a known name. It goes before the number, for people deal the published
   images out anew: ``imagenette2/train`` has images that are called ``ILSVRC2012_val_``.
2. The innermost folder around all images of the archive, and the name of the archive or of the
   folder that was opened, as if it were a folder around the files: ``val.tar``, ``validation/``.
   They tell of all images alike, and nothing where a folder below has a known name. Of several
   archives the numbers of shards do not count, nor words that all begin or end with:
   ``in1k-val-256-0007.tar``. If one of them is called as a split, each is a folder by its name:
   ``val_canny-0000.tar`` beside ``train-0000.tar`` is a split by itself. Where their names speak of
   several splits, and none plainly of one, they are refused.
3. The number in its name: ``ILSVRC2012_val_00000001.JPEG``.

The *root* of an image is the path of its folders without those that are wnids. Images that have
the same root, or none, and are told nothing, are of "train" where no folder has a known name. Where
one has, images outside of such folders are a split by the name of their own folder, for they may be
copies: ``val_canny/`` and ``train_backup/`` beside ``train/`` and ``val/``; those in no folder but
their class's are the split ".". A folder around all images is in no name, since a tar may have it
where the folder has not: images in ``data/n01440764`` beside ``data/val`` are ".", too.

*Copies.* Roots that would be one split are parts of it if no class, or number of an image, is in
two of them: ``part1/n01440764``, ``part2/n01443537``. Otherwise, one may be a copy of the other, or
each a dataset by itself, and each is a split by the name of its own folder. So are two folders that
spell one split in two ways: ``val/`` and ``validation/``.

*A folder by its own spelling.* As what is asked for, a name with a slash behind it is that folder
and no other: ``val/`` is no ``validation/``, and ``train/`` nothing that lies beside it. It is the
end of a path, as in ``a/train/``; ``./train/`` is the one at the top, and ``./`` the top without
its folders. A stream can decide that for each image by itself.

The names are decided in C++ (``split_names.h`` in csrc/), for streams, too, which decide member by
member and refuse what would need those that are yet to come (``split_gate.h``).
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from fastinet._native import _paths
from fastinet.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fastinet._native._paths import FolderTelling
    from fastinet.datasets.names import Bools, Ints, Names

__all__ = [
    "ALL",
    "KNOWN_SPLITS",
    "TEST_PREFIX",
    "VALIDATION_PREFIX",
    "Part",
    "Partition",
    "common_folder",
    "find_split",
    "image_numbers",
    "lie_in_folder",
    "numbers_apart",
    "partition",
    "splits_spoken_of",
]

ALL: Final = "all"
"""As a split's name: all that an archive has."""

KNOWN_SPLITS: Final = ("train", "val", "test", "small_classes", "holdout", "eval")
"""The splits that folders are called by, in the order in which an archive has them."""

VALIDATION_PREFIX: Final = "ILSVRC2012_val_"
TEST_PREFIX: Final = "ILSVRC2012_test_"

_LETTERS: Final = re.compile("[a-z]+")
_NUMBERED: Final = ("val", "test")  # splits of images with numbers
_PREFIXES: Final = (VALIDATION_PREFIX, TEST_PREFIX)
_TRAIN: Final = "train"
_TOP: Final = "."
_MOST_SPLITS: Final = 127  # an int8 numbers them in the index
_NUMBERS: Final = 1 << 32  # of images: above those of wnids, one range for validation, one for test


class Part(NamedTuple):
    """A split of an archive."""

    name: str
    """How it is asked for: "val", or by its folder."""
    split: str
    """The known split that it is; "": its folder is called otherwise."""


@dataclass(frozen=True)
class Partition:
    """The splits of n images."""

    parts: tuple[Part, ...]
    """In the order in which the archive has them."""
    of_rows: Ints
    """[n] index into `parts` of each image's split."""
    _around: _Around
    _of_places: dict[_Place, int]
    _of_roots: dict[tuple[str, str], int]
    """(name of the archive, root) to the index of the part that has images there."""

    def of_folder(self, folder: str, around: str) -> int | None:
        """The part of a folder that need not have images, in an archive of this name.

        -1 where no part has images in its root, and it is called as a split, or nothing is; None
        where it is something else beside the splits.
        """
        place = self._around.place(_paths.tell_of_folder(folder), -1, around)
        # A root may have images of several parts, by their numbers; a folder has none.
        found = self._of_places.get(place, self._of_roots.get((around, place.root)))
        if found is None and (place.split or not self._around.any_split_folder):
            return -1
        return found


def image_numbers(names: Names) -> tuple[Ints, Ints]:
    """[N] index into ``("val", "test")`` of images whose names have a number, and [N] the number.

    Both are -1 for names without a number. The i of ILSVRC2012_val_{i:08d} counts from 1.
    """
    splits = np.full(len(names), -1, np.int64)
    numbers = np.full(len(names), -1, np.int64)
    for split, prefix in enumerate(_PREFIXES):
        found = names.numbers_after(prefix)
        splits[found >= 0] = split
        numbers = np.maximum(numbers, found)
    return splits, numbers


def numbers_apart(numbered: Ints, numbers: Ints) -> Ints:
    """[N] the numbers that :func:`image_numbers` tells, apart from each other's and wnids'; -1."""
    return np.where(numbers >= 0, numbers + _NUMBERS * (1 + numbered), np.int64(-1))


def splits_spoken_of(name: str) -> set[str]:
    """The splits whose names are words in that of an archive: of ``val_canny`` it is val."""
    return {_paths.known_split(word) for word in _LETTERS.findall(name.lower())} - {""}


class _Place(NamedTuple):
    """What is the same for all images of one folder with or without a number."""

    split: str
    """By the folders or the archive's name; else by the number; "": nothing tells it."""
    split_folder: str
    """Path of the folder that is called as a split; "": there is none."""
    root: str
    around: str


def partition(
    names: Names,
    numbered: Ints,
    contents: Ints,
    *,
    around: Sequence[str] = ("",),
    archive: NDArray[np.int32] | None = None,
) -> Partition:
    """The splits of n images.

    Args:
        names: [n]
        numbered: [n] index into ``("val", "test")`` of those whose names have a number; -1.
        contents: [n] what two roots may not both have, if they are parts of one split: number of
            the wnid, or of the image. -1: nothing is known.
        around: name of each archive without what says that it is one; "" where the name has nothing
            to do with splits.
        archive: [n] index into `around` of the archive that each is in; None: of one.

    Raises:
        UnsupportedError: there are more splits than an index can have, or archives whose names
            speak of several, and it is not plain which is of which.
    """
    of_names, folders = names.folders()
    tellings = [_paths.tell_of_folder(folder) for folder in folders]
    several = len(set(around)) > 1 and any(map(_paths.known_split, around))
    top = "" if several else common_folder(telling.root for telling in tellings)
    named = _Around(
        any_split_folder=any(_below(top, telling).split for telling in tellings),
        several=several,
        top=top,
    )
    if not named.any_split_folder and not named.several:
        _refuse_half_told(around)
    places, of_rows = _places(tellings, of_names, numbered, named, around, archive)
    by_folder = {place.split for place in places if place.split_folder}
    spellings = {(place.split, _spelling(place)) for place in places if place.split_folder}
    counts = Counter(split for split, _ in spellings)
    spelled_variously = {split for split, count in counts.items() if count > 1}
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        groups[_group(place, by_folder, spelled_variously)].append(number)
    keys = {}  # of each place: its group; or where the group has copies, that and the root
    for group, members in groups.items():
        roots = {places[number].root for number in members}
        apart = len(roots) > 1 and _overlap(places, members, of_rows, contents)
        for number in members:
            keys[number] = (*group, places[number].root) if apart else group
    firsts: dict[tuple[str, ...], _Place] = {}
    of_roots: dict[tuple[str, str], tuple[str, ...]] = {}
    for number, place in enumerate(places):
        firsts.setdefault(keys[number], place)
        of_roots.setdefault((place.around, place.root), keys[number])
    if len(firsts) > _MOST_SPLITS:
        shown = sorted({place.root for place in places})[:3]
        raise UnsupportedError(
            f"its folders are {len(firsts)} splits, for they have the same classes:"
            f" {', '.join(shown)}, ...; open them by their own paths"
        )
    found = _names(firsts, named.top)
    order = sorted(found, key=lambda key: (_order(found[key].split), found[key].name))
    numbers = {key: number for number, key in enumerate(order)}
    of_places = np.array([numbers[keys[number]] for number in range(len(places))], np.int64)
    return Partition(
        tuple(found[key] for key in order),
        of_places[of_rows],
        named,
        {place: numbers[keys[number]] for number, place in enumerate(places)},
        {root: numbers[key] for root, key in of_roots.items()},
    )


@dataclass(frozen=True)
class _Around:
    """What the names of archives, which are around their files, tell of these."""

    any_split_folder: bool
    """A folder below `top` is called as a split."""
    several: bool
    """The archives are called as splits themselves, and count as folders."""
    top: str
    """Path of the folder that all images lie in, without wnids."""

    def place(self, telling: FolderTelling, numbered: int, around: str) -> _Place:
        """Where an image is, with what its folder, number and archive tell."""
        if self.several:
            telling = _paths.tell_of_folder(f"{around}/{telling.root}")
        elif self.any_split_folder:
            telling = _below(self.top, telling)
        elif split := _paths.tell_of_folder(f"{around}/{self.top}").split:
            return _Place(split, "", telling.root, around)
        split = telling.split or (_NUMBERED[numbered] if numbered >= 0 else "")
        return _Place(split, telling.split_folder, telling.root, around)


def common_folder(roots: Iterable[str]) -> str:
    """Path of the innermost folder that all of these lie in; "": none."""
    paths = [root.split("/") for root in roots]
    common = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))
    return "/".join(parts[0] for parts in common)


def _below(top: str, telling: FolderTelling) -> FolderTelling:
    """What a folder in `top` tells without the folders from there on upwards."""
    if not top or not f"{telling.root}/".startswith(f"{top}/"):
        return telling
    below = _paths.tell_of_folder(telling.root[len(top) + 1 :])
    split_folder = below.split_folder and f"{top}/{below.split_folder}"
    return telling._replace(split=below.split, split_folder=split_folder)


def _refuse_half_told(around: Sequence[str]) -> None:
    """Raises UnsupportedError if names that are no splits' speak of different ones."""
    first: tuple[str, set[str]] | None = None
    for name in dict.fromkeys(around):
        splits = splits_spoken_of(name)
        if first is not None and splits and splits != first[1]:
            raise UnsupportedError(
                f"archives called '{first[0]}' and '{name}' may be of different splits,"
                f" {' or '.join(sorted(first[1] | splits))}, and their names do not say so plainly:"
                " open those of one split by themselves, or call them train-... and val-..."
            )
        if splits:
            first = name, splits


def _places(
    tellings: Sequence[FolderTelling],
    of_names: NDArray[np.int32],
    numbered: Ints,
    named: _Around,
    around: Sequence[str],
    archive: NDArray[np.int32] | None,
) -> tuple[list[_Place], Ints]:
    """The places that images lie in, and [n] which is that of each."""
    # What differs: number or none, folder, and what is around.
    arounds = list(dict.fromkeys(around))
    kinds = 1 + len(_NUMBERED)
    codes = of_names.astype(np.int64) * kinds + numbered + 1
    if archive is not None and len(arounds) > 1:
        numbers = np.array([arounds.index(each) for each in around], np.int64)
        codes += len(tellings) * kinds * numbers[archive]
    present = np.flatnonzero(np.bincount(codes))
    places: dict[_Place, int] = {}
    of_codes = np.empty(int(present.max(initial=-1)) + 1, np.int64)
    for code in present.tolist():
        rest, number = divmod(code, kinds)
        around_number, folder = divmod(rest, len(tellings))
        place = named.place(tellings[folder], number - 1, arounds[around_number])
        of_codes[code] = places.setdefault(place, len(places))
    return list(places), of_codes[codes]


def _spelling(place: _Place) -> str:
    """What the folder that tells the split is called."""
    return place.split_folder.rpartition("/")[2]


def _group(place: _Place, by_folder: set[str], spelled_variously: set[str]) -> tuple[str, ...]:
    """What images have in common that would be one split if there were no copies.

    The split that they are of, "" for one by the name of its folder; and what else tells it apart:
    of a split that folders spell variously each folder.
    """
    if place.split_folder:
        various = place.split in spelled_variously
        return place.split, place.split_folder if various else _spelling(place)
    if place.split and place.split not in by_folder:
        return place.split, ""
    if by_folder:
        return "", place.root
    return _TRAIN, ""


def _overlap(places: Sequence[_Place], members: list[int], of_rows: Ints, contents: Ints) -> bool:
    """Whether a class, or number, is in two roots of these places."""
    roots = list(dict.fromkeys(places[number].root for number in members))
    root_of_place = np.full(len(places), -1, np.int64)
    for number in members:
        root_of_place[number] = roots.index(places[number].root)
    root = root_of_place[of_rows]
    rows = np.flatnonzero((root >= 0) & (contents >= 0))
    pairs = np.unique(contents[rows] * len(roots) + root[rows])
    return bool((np.diff(pairs // len(roots)) == 0).any())


def _order(split: str) -> int:
    return KNOWN_SPLITS.index(split) if split else len(KNOWN_SPLITS)


def _names(firsts: dict[tuple[str, ...], _Place], top: str) -> dict[tuple[str, ...], Part]:
    """The splits, by their keys; a place of each is given.

    The folder `top`, which all images lie in, is in no name: a folder that is opened has none, and
    a tar of it may have one.
    """
    firsts = {key: _inside(place, top) for key, place in firsts.items()}
    alike = Counter(key[0] for key in firsts)
    parts = {key: Part(key[0], key[0]) for key in firsts if key[0] and alike[key[0]] == 1}
    others = [key for key in firsts if key not in parts]
    depth = 1
    deepest = max((firsts[key].root.count("/") + 1 for key in others), default=0)
    while True:
        found = {key: _ending(firsts[key], depth, whole=len(key) > 2) for key in others}
        taken = Counter([*(part.name for part in parts.values()), *found.values()])
        if depth >= deepest or taken.most_common(1)[0][1] == 1:
            break
        depth += 1
    for key, name in found.items():
        place = firsts[key]
        unlike = name if taken[name] == 1 else f"{name} ({place.split or 'other'})"
        unlike = f"./{unlike}" if unlike == ALL else unlike
        parts[key] = Part(unlike, place.split if key[0] else "")
    return parts


def _inside(place: _Place, top: str) -> _Place:
    """The place as paths from the folder `top` on name it."""
    if not top:
        return place
    begin = len(top) + 1
    return place._replace(split_folder=place.split_folder[begin:], root=place.root[begin:])


def _ending(place: _Place, depth: int, *, whole: bool) -> str:
    """`depth` folders at the end of a root; of a split's folder, it and what is above it."""
    if place.split_folder:
        below = place.root[len(place.split_folder) :] if whole else ""
        return "/".join(place.split_folder.split("/")[-depth:]) + below
    return "/".join(place.root.split("/")[-depth:]) or _TOP


# ------------------------------------------------------------------------------ what is asked for


def find_split(names: Iterable[str], wanted: str) -> list[int]:
    """Which of these splits `wanted` means: by its name, its folder's, or another spelling.

    More than one where it is not plain which.
    """
    names = list(names)
    split = _paths.known_split(wanted)
    for means in (
        lambda name: name == wanted,
        lambda name: name.endswith(f"/{wanted}"),
        lambda name: split and _paths.known_split(name.rpartition("/")[2]) == split,
        lambda name: name.lower() == wanted.lower(),
    ):
        found = [number for number, name in enumerate(names) if means(name)]
        if found:
            return found
    return []


def lie_in_folder(names: Names, wanted: str) -> Bools:
    """[N] whether images are in the folder that ``wanted`` is the spelling of, a slash behind it.

    As ``SplitGate`` has it for streams (csrc/stream/split_gate.h).
    """
    from_top = wanted.startswith("./")
    path = wanted.removeprefix("./").rstrip("/")

    def is_it(folder: str) -> bool:
        return folder == path or (not from_top and folder.endswith(f"/{path}"))

    of_names, folders = names.folders()
    tellings = [_paths.tell_of_folder(folder) for folder in folders]
    told = [
        is_it(telling.root) or bool(telling.split and is_it(telling.split_folder))
        for telling in tellings
    ]
    return np.array(told, np.bool_)[of_names]
