"""The split rule of whole archives and of streams, against the rule in plain words."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.split_oracle import OTHER_WORDS, SPELLINGS, Image, known, splits_of
from support.streamed import streamed

import fastinet
from fastinet._native import _paths
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.names import Names
from fastinet.datasets.path_splits import (
    KNOWN_SPLITS,
    Partition,
    find_split,
    image_numbers,
    lie_in_folder,
    partition,
)
from fastinet.errors import MissingError, UnsupportedError
from fastinet.testing.archives import tar

JPEG_HEAD = b"\xff\xd8\xff\xe0"
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


def arrived(archive: bytes, split: str | None) -> tuple[list[str], Exception | None]:
    """The keys of a stream whose name tells nothing, and what ended it early."""
    keys: list[str] = []
    try:
        keys.extend(item.key for item in streamed(archive, split=split, name="a.tar").items())
    except (MissingError, UnsupportedError) as error:
        return keys, error
    return keys, None


@given(st.lists(STREAMED, min_size=1, max_size=8, unique=True), st.data())
def test_streams_give_the_archive_s_splits_or_refuse(paths: list[str], data: st.DataObject) -> None:
    found = parted(paths, "")
    archive = tar(dict.fromkeys(paths, b"\xff\xd8\xff\xe0"))

    assert arrived(archive, "all") == (paths, None)
    keys, error = arrived(archive, None)
    if error is None:
        assert len(found.parts) == 1
        assert keys == paths
    else:
        # Of a split's folder in another one, the outer may be around all that comes.
        assert len(found.parts) > 1 or re.search("around all|two parts", str(error))
        assert keys == paths[: len(keys)]
        assert "split=" in str(error)
    number = data.draw(st.integers(0, len(found.parts) - 1))
    wanted = found.parts[number].name
    mine = [path for path, part in zip(paths, found.of_rows, strict=True) if part == number]
    keys, error = arrived(archive, wanted)
    if error is None:
        assert keys == mine
    else:
        assert isinstance(error, UnsupportedError) or not keys
    splits = {part.split for part in found.parts} - {""}
    if wanted in splits and len(splits) == len(found.parts):
        # Nothing is there that could be a copy; but what the archive is called might count, and of
        # a split's folder in another one the outer may be around all that comes.
        assert error is None or re.search("name=|around all|two parts", str(error))


FOLDER_PATHS = st.lists(FOLDERS.filter(lambda name: name != "."), max_size=2).map("/".join)


def in_folder(path: str, wanted: str) -> bool:
    """Whether the image is in the folder, in plain words."""
    image, asked = Image(path), tuple(wanted.removeprefix("./").strip("/").split("/"))
    asked = () if asked == ("",) else asked
    if wanted.startswith("./") or not asked:
        return asked in (image.root, image.split_folder or image.root)
    ends = [folders[-len(asked) :] for folders in (image.root, image.split_folder)]
    return asked in ends


@given(st.lists(STREAMED, min_size=1, max_size=8, unique=True), FOLDER_PATHS, st.booleans())
def test_folders_by_their_own_spelling(paths: list[str], folder: str, from_top: bool) -> None:
    wanted = f"./{folder}/" if from_top and folder else f"{folder}/" if folder else "./"
    mine = [path for path in paths if in_folder(path, wanted)]
    assert lie_in_folder(Names.of(paths), wanted).tolist() == [path in mine for path in paths]
    items, error = arrived(tar(dict.fromkeys(paths, JPEG_HEAD)), wanted)
    assert isinstance(error, MissingError) == (not mine)
    if error is None:
        assert items == mine
    elif "another image of this number" in str(error):
        numbered = [path.rpartition("/")[2] for path in mine]
        assert len(set(numbered)) < len(numbered)
    elif mine:
        assert len({Image(path).root for path in mine}) > 1


@given(st.lists(STREAMED, min_size=1, max_size=6, unique=True), st.booleans(), st.data())
def test_what_a_stream_s_error_names_helps(
    paths: list[str], split: bool, data: st.DataObject
) -> None:
    """Who does what the error says has items in the end."""
    archive = tar(dict.fromkeys(paths, JPEG_HEAD))
    wanted = data.draw(st.sampled_from(KNOWN_SPLITS)) if split else None
    tried: list[str | None] = []
    while True:
        items, error = arrived(archive, wanted)
        tried.append(wanted)
        if not isinstance(error, UnsupportedError):
            break
        named = re.findall("split='([^']*)' takes the", str(error))
        if "another image of this number" in str(error):
            named = re.findall('split="([^"]*)" takes both', str(error))
            assert named == ["all"], error
        else:
            assert len(set(named)) == 2, error
        wanted = data.draw(st.sampled_from(named))
        assert wanted not in tried, (tried, error)
    assert items or tried == [wanted]  # none is of the one that was drawn


@pytest.mark.parametrize(
    ("members", "split", "names"),
    [
        (["old_train/n01440764/1.jpg", "train/n01440764/2.jpg"], "train", ("old_train/", "train/")),
        (["old_train/n01440764/1.jpg", "train/n01440764/2.jpg"], None, ("old_train/", "train/")),
        (["n01440764/1.jpg", "val/n01440764/2.jpg"], None, ("./", "val/")),
        (["val/n01440764/1.jpg", "validation/n01440764/2.jpg"], "val", ("val/", "validation/")),
        (["val/n01440764/1.jpg", "Val/n01440764/2.jpg"], "val", ("val/", "Val/")),
        (["train/n01440764/1.jpg", "imagenet_train/n01440764/2.jpg"], None,
         ("train/", "imagenet_train/")),
        (["old/train/n01440764/1.jpg", "train/n01440764/2.jpg"], "train",
         ("old/train/", "./train/")),
        (["a/n01440764/1.jpg", "b/n01440764/2.jpg"], None, ("a/", "b/")),
        (["ILSVRC2012_val_00000001.JPEG", "n01440764_2.JPEG"], None, ("val", "train")),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_streams_name_what_takes_each_of_two(
    members: list[str], split: str | None, names: tuple[str, str], tmp_path: Path
) -> None:
    archive = tar(dict.fromkeys(members, JPEG_HEAD))
    with pytest.raises(UnsupportedError) as caught:
        list(streamed(archive, split=split, name="a.tar").items())
    message = str(caught.value)
    assert f"split='{names[0]}' takes the one, split='{names[1]}' takes the other" in message
    path = tmp_path / "a.tar"
    path.write_bytes(archive)
    for name, member in zip(names, members, strict=True):
        assert [item.key for item in streamed(archive, split=name, name="a.tar").items()] == [
            member
        ]
        assert list(fastinet.open(path, split=name, index=False).keys) == [member]


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
        (["val/n01440764/1.jpg", "validation/n01440764/2.jpg"], "val", "two parts.*'val' may"),
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
