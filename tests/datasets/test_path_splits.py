"""The split rule of whole archives and of streams, against the rule in plain words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.split_oracle import OTHER_WORDS, SPELLINGS, Image, known, splits_of
from support.streamed import streamed

from fastinet._native import _paths
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.names import Names
from fastinet.datasets.path_splits import (
    Partition,
    find_split,
    image_numbers,
    partition,
)
from fastinet.errors import MissingError, UnsupportedError
from fastinet.testing.archives import tar

WORDS = st.sampled_from(
    [*" ".join(SPELLINGS.values()).split(), *sorted(OTHER_WORDS), "canny", "2012", "hold", "out",
     "2", "backup", "small", "classes", "imagenet21k", "é", "", "VAL", "Train"]
)  # fmt: skip


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from("_-. /x"), st.booleans())
def test_known_names(words: list[str], separator: str, upper: bool) -> None:
    name = separator.join(words)
    name = name.upper() if upper else name
    assert _paths.known_split(name) == known(name)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("Training", "train"), ("TRAIN", "train"), ("training_set", "train"),
        ("imagenet-train", "train"), ("train_images", "train"), ("imagenet21k_train", "train"),
        ("val", "val"), ("Val", "val"), ("valid", "val"), ("validation", "val"), ("dev", "val"),
        ("imagenet_val", "val"), ("imagenet21k_val", "val"), ("ILSVRC2012_img_val", "val"),
        ("val.tar.gz", "val"), ("val2017", "val"), ("imagenetv2-top-images-format-val", "val"),
        ("test", "test"), ("testset", "test"), ("test images", "test"),
        ("Tiny-ImageNet-Test", "test"),
        ("holdout", "holdout"), ("hold_out", "holdout"), ("Hold-Out set", "holdout"),
        ("eval", "eval"), ("imagenet21k_small_classes", "small_classes"),
        *((name, "") for name in (
            "", "val_canny", "train_canny", "train_backup", "train2", "val.old", "train (copy)",
            "trainval", "value", "small_classes", "imagenet", "images", "n01440764", "train_256",
            "data", "no-val", "val" * 40,
        )),
    ],
)  # fmt: skip
def test_names_of_folders(name: str, split: str) -> None:
    assert _paths.known_split(name) == known(name) == split


FOLDERS = st.sampled_from([
    "train", "val", "Val", "validation", "test", "val_canny", "train_backup", "imagenet", "part1",
    "n01440764", "n01443537", "é", ".", "images", "canny", "holdout",
])  # fmt: skip
BASES = st.sampled_from([
    "a.jpg", "b.jpg", "n01440764_1.jpg", "ILSVRC2012_val_00000001.jpg", "ILSVRC2012_val_00000002",
    "ILSVRC2012_val_00000003_n01443537.jpg", "ILSVRC2012_test_00000001.jpg", "val.jpg",
    "ILSVRC2012_val_1.jpg", "ILSVRC2012_val_000000012.jpg", "xILSVRC2012_val_00000001.jpg",
])  # fmt: skip
PATHS = st.builds("/".join, st.builds(lambda a, b: [*a, b], st.lists(FOLDERS, max_size=3), BASES))
AROUND = st.sampled_from(["", "", "val", "imagenet", "val_canny", "train"])


def parted(paths: list[str], around: str) -> Partition:
    names = Names.of(paths)
    numbered, numbers = image_numbers(names)
    contents = np.where(numbers >= 0, numbers + (numbered + 1 << 32), wnids_told(names))
    wnids = [Image(path).content for path in paths]
    contents[[each is None for each in wnids]] = -1  # published for a number that is none
    return partition(names, numbered, contents, around=[around])


@given(st.lists(PATHS, min_size=1, max_size=8, unique=True), AROUND)
def test_whole_archives(paths: list[str], around: str) -> None:
    expected = splits_of(paths, around)
    found = parted(paths, around)
    parts = [found.parts[part] for part in found.of_rows.tolist()]
    assert [part.split for part in parts] == [expected[path][1] for path in paths]
    names = {part.name: expected[path] for path, part in zip(paths, parts, strict=True)}
    assert len({part.name for part in found.parts}) == len(found.parts)
    assert len(set(names.values())) == len(names)  # no two are one
    for part, path in zip(parts, paths, strict=True):
        name = re.sub(r" \(\w+\)$", "", part.name)  # where one folder has several splits
        assert f"/{expected[path][0]}".endswith(f"/{name}"), part


# A stream's names have no "./" left.
STREAMED = PATHS.filter(lambda path: "./" not in path)


@given(st.lists(STREAMED, min_size=1, max_size=8, unique=True), st.data())
def test_streams_give_the_archive_s_splits_or_refuse(paths: list[str], data: st.DataObject) -> None:
    found = parted(paths, "")
    archive = tar(dict.fromkeys(paths, b"\xff\xd8\xff\xe0"))

    def arrived(split: str | None) -> tuple[list[str], Exception | None]:
        keys: list[str] = []
        try:
            keys.extend(item.key for item in streamed(archive, split=split).items())
        except (MissingError, UnsupportedError) as error:
            return keys, error
        return keys, None

    assert arrived("all") == (paths, None)
    keys, error = arrived(None)
    if error is None:
        assert len(found.parts) == 1
        assert keys == paths
    else:
        assert len(found.parts) > 1
        assert keys == paths[: len(keys)]
        assert "split=" in str(error)
    number = data.draw(st.integers(0, len(found.parts) - 1))
    wanted = found.parts[number].name
    mine = [path for path, part in zip(paths, found.of_rows, strict=True) if part == number]
    keys, error = arrived(wanted)
    if error is None:
        assert keys == mine
    else:
        assert isinstance(error, UnsupportedError) or not keys
    splits = {part.split for part in found.parts} - {""}
    if wanted in splits and len(splits) == len(found.parts):
        # Nothing is there that could be a copy; but what the archive is called might count.
        assert error is None or "name=" in str(error)


def test_streams_name_both_splits() -> None:
    image = b"\xff\xd8\xff\xe0"
    members = {"train/n01440764/1.JPEG": image, "val_canny/n01440764/2.JPEG": image}
    stream = streamed(tar(members))
    items = stream.items()
    assert next(items).key == "train/n01440764/1.JPEG"
    with pytest.raises(UnsupportedError, match="several splits") as caught:
        next(items)
    message = str(caught.value)
    for part in (*members, "of 'train'", "of 'val_canny'", "split=", 'split="all"'):
        assert part in message
    assert caught.value.member == "val_canny/n01440764/2.JPEG"
    assert [item.key for item in streamed(tar(members), split="val_canny").items()] == [
        "val_canny/n01440764/2.JPEG"
    ]


@pytest.mark.parametrize(
    ("members", "split", "cause"),
    [
        (["val/n01440764/1.jpg", "validation/n01440764/2.jpg"], "val", "two folders.*'val' may"),
        (["clean/n01440764/1.jpg", "canny/n01440764/2.jpg"], None, "'clean' and in 'canny'"),
        (["a/train/n01440764/1.jpg", "b/train/n01440764/2.jpg"], None, "'a/train' and in 'b/tr"),
        (["n01440764/1.jpg", "val/n01440764/2.jpg"], "train", "in no folder that is called"),
    ],
)  # fmt: skip
def test_streams_refuse_two_readings(members: list[str], split: str | None, cause: str) -> None:
    items = streamed(tar(dict.fromkeys(members, b"\xff\xd8\xff\xe0")), split=split).items()
    assert next(items).key == members[0]
    with pytest.raises(UnsupportedError, match=cause) as caught:
        next(items)
    assert caught.value.member == members[1]


def test_parts_of_one_split() -> None:
    members = ["part1/n01440764/1.JPEG", "part2/n01443537/2.JPEG", "part1/n01440764/3.JPEG"]
    items = streamed(tar(dict.fromkeys(members, b"\xff\xd8\xff\xe0"))).items()
    assert [item.key for item in items] == members
    assert [part.name for part in parted(members, "").parts] == ["train"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("train", [0]), ("val", [1]), ("validation", [1]), ("Val", [1]), ("dev", [1]),
        ("val_canny", [2]), ("VAL_CANNY", [2]), ("canny", [4, 5]), ("a/canny", [4]), ("x", []),
        ("holdout", []), (".", [3]),
    ],
)  # fmt: skip
def test_what_is_asked_for(wanted: str, found: list[int]) -> None:
    names = ["train", "val", "val_canny", ".", "a/canny", "b/canny"]
    assert find_split(names, wanted) == found


def test_two_spellings() -> None:
    names = ["train", "val", "validation"]
    assert find_split(names, "val") == [1]
    assert find_split(names, "validation") == [2]
    assert find_split(names, "dev") == [1, 2]
