"""Splits and classes of streams: those that `fastinet.open` finds in the same archives."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.streamed import SMALL, batches_of, loader_of, same_batches, streamed

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.path_splits import KNOWN_SPLITS
from fastinet.datasets.published import imagenet21k_p_wnids, imagenet22k_wnids
from fastinet.errors import CorruptError, MissingError, UnsupportedError
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.ilsvrc import miniature_challenge
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import imagenet21k_p_members, imagenet_v2_members

if TYPE_CHECKING:
    from collections.abc import Mapping

CHALLENGE = miniature_challenge()
JPEG = small_jpeg(np.random.default_rng(0))
ARCHIVES: dict[str, Mapping[str, bytes]] = {
    "class tree": CHALLENGE.class_tree(),
    "CLS-LOC": CHALLENGE.cls_loc(),
    "val": CHALLENGE.official_val(),
    "test": CHALLENGE.official_test(folder="test/"),
    "Hugging Face, train": CHALLENGE.hugging_face("train"),
    "Hugging Face, val": CHALLENGE.hugging_face("val"),
    "21K-P": imagenet21k_p_members(),
    **{f"V2, {layout}": imagenet_v2_members(layout) for layout in ("numbers", "wnids", "hashes")},
}


def opened(members: Mapping[str, bytes], path: Path, split: str | None = None) -> fastinet.Dataset:
    path.write_bytes(tar(members))
    return fastinet.open(path, split=split, index=False)


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("split", KNOWN_SPLITS)
@pytest.mark.parametrize("name", ARCHIVES)
def test_splits_are_those_of_the_archive(name: str, split: str, tmp_path: Path) -> None:
    members, path = ARCHIVES[name], tmp_path / "a.tar"
    try:
        dataset = opened(members, path, split)
    except ValueError:  # no such split
        with pytest.raises(MissingError, match=f"no item of the stream is of split '{split}'"):
            list(streamed(tar(members), split=split).items())
        return
    # Hugging Face's labels are at the end of the name, which a stream does not look at.
    of_names = None if name.startswith("Hugging Face") else dataset.classes
    stream = streamed(tar(members), split=split, classes=of_names)
    items = list(stream.items())
    assert sorted(item.key for item in items) == sorted(dataset.keys)
    if of_names is not None:
        labels = dict(zip(dataset.keys, dataset.labels.tolist(), strict=True))
        assert {item.key: stream.label(item.key, item.companions) for item in items} == labels


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize(("name", "split"), [
    ("21K-P", "train"), ("21K-P", "val"), ("21K-P", "small_classes"), ("CLS-LOC", "train"),
])  # fmt: skip
def test_batches_are_those_of_the_split(name: str, split: str, tmp_path: Path) -> None:
    """Items are numbered as if there were no others, so crops and flips are the same."""
    dataset = opened(ARCHIVES[name], tmp_path / "a.tar", split)
    stream = streamed(tar(ARCHIVES[name]), split=split, classes=dataset.classes)
    same_batches(fastinet.Loader(dataset, 4, SMALL, seed=3), loader_of(stream, batch_size=4))


def test_a_split_that_the_stream_does_not_have() -> None:
    data = tar(CHALLENGE.official_val())
    for shuffle in (False, True):
        with pytest.raises(MissingError, match=r"split 'train'.*16 members.*of 'val'.*all"):
            list(loader_of(streamed(data, split="train"), shuffle=shuffle))
    # It shows at the end, behind which a cut stream does not see.
    with pytest.raises(CorruptError, match="truncated"):
        list(loader_of(streamed(data[:-2000], split="train")))
    for split in ("", 7):
        with pytest.raises(ValueError, match="split must be the name"):
            streamed(data, split=split)


def test_open_takes_split_and_classes() -> None:
    members = imagenet21k_p_members()
    stream = fastinet.open(io.BytesIO(tar(members)), split="val", classes="imagenet21k-p")
    assert len(list(stream.items())) == 8
    assert len(stream.classes) == 10_450


def test_other_splits_are_not_counted_as_passed_over() -> None:
    stream = streamed(tar({**CHALLENGE.class_tree(), "train/words.txt": b"x"}), split="val")
    assert len(list(stream.items())) == 16
    assert stream.skipped == 0


# ---------------------------------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("imagenet1k", imagenet1k_wnids()),
        ("ImageNet-1K", imagenet1k_wnids()),
        ("imagenet22k", imagenet22k_wnids()),
        ("imagenet21k", imagenet22k_wnids()),
        ("fall11", imagenet22k_wnids()),
        ("imagenet21k-p", imagenet21k_p_wnids()),
        ("imagenet21k_p", imagenet21k_p_wnids()),
        ("imagenet21k-p-fall11", imagenet21k_p_wnids("fall11")),
        ("imagenet_v2", imagenet1k_wnids()),
    ],
)
def test_names_of_class_lists(name: str, expected: tuple[str, ...]) -> None:
    stream = streamed(b"", classes=name)
    assert tuple(info.wnid for info in stream.classes) == expected


@pytest.mark.parametrize(
    ("classes", "error", "cause"),
    [
        ("winter21", ValueError, "19,167 classes.*no list of them is known.*imagenet22k"),
        ("imagenet5k", ValueError, "no list of classes is known as 'imagenet5k'; there are"),
        ("n01440764", ValueError, "no list of classes is known"),
        (["n01440764", "n01440764"], ValueError, "'n01440764' twice"),
        ([1, 2], TypeError, "must be wnids, not 1"),
        (1000, TypeError, "name of a list"),
    ],
)
def test_classes_that_are_none(classes: Any, error: type[Exception], cause: str) -> None:
    with pytest.raises(error, match=cause):
        streamed(b"", classes=classes)


def test_classes_of_a_dataset(tmp_path: Path) -> None:
    """Of ImageNet-21K, whose labels depend on the release, they make a stream's the archive's."""
    path = tmp_path / "winter21_whole.tar"
    rng = np.random.default_rng(0)
    wnids = ("n02084071", "n00004475", "n15102894")
    path.write_bytes(train_tar({wnid: {f"{wnid}_1.JPEG": small_jpeg(rng)} for wnid in wnids}))
    dataset = fastinet.open(path, index=False)
    data = path.read_bytes()
    (batch,) = batches_of(data, classes=dataset.classes)
    assert batch.labels.tolist() == dataset.labels.tolist() == [1, 0, 2]
    (batch,) = batches_of(data, classes="imagenet21k")
    assert [imagenet22k_wnids()[label] for label in batch.labels] == list(wnids)


def test_a_class_that_is_not_there_tells_which_list_has_it() -> None:
    image = small_jpeg(np.random.default_rng(0))
    in_22k_only, in_21k_p = "n00004475", imagenet21k_p_wnids()[7]
    assert in_22k_only not in imagenet21k_p_wnids("fall11")
    for wnid, advice in (
        (in_22k_only, 'give classes="imagenet22k", or all wnids'),
        (in_21k_p, '"imagenet21k-p" or "imagenet21k-p-fall11" or "imagenet22k", or all wnids'),
        ("n99999999", "give classes= all wnids"),
    ):
        with pytest.raises(ValueError, match=f"class {wnid} is none of the 1,000 .*{advice}"):
            batches_of(tar({f"{wnid}/{wnid}_1.JPEG": image}))


@pytest.mark.parametrize(("folders", "plain", "folder"), [
    (["old_train", "train"], "train", "train/"),
    (["backup/train_v1", "train"], "train", "train_v1/"),
    ([".", "train"], "train", "train/"),
    ([".", "train"], "train", "./"),
    (["val", "validation"], "validation", "validation/"),
    (["Val", "val"], "val", "Val/"),
    (["256/train", "512/train"], "train", "512/train/"),
    (["256/train", "train"], "train", "./train/"),
])  # fmt: skip
def test_a_slash_takes_the_folder_by_this_name(
    folders: list[str], plain: str, folder: str, tmp_path: Path
) -> None:
    """Where a stream cannot know which folder is meant before all have come."""
    jpeg = small_jpeg(np.random.default_rng(0))
    members = {f"{each}/n01440764/{number}.jpg": jpeg for number, each in enumerate(folders)}
    with pytest.raises(
        UnsupportedError, match=r"split='.*' takes the one, split='.*' takes the other"
    ) as refused:
        list(streamed(tar(members), split=plain).items())
    assert folder == "./" or f"{folder[:-1]}" in str(refused.value)
    ((key, *_),) = streamed(tar(members), split=folder).items()
    assert f"./{key.rpartition('n01440764/')[0]}".endswith(folder)
    assert list(opened(members, tmp_path / "a.tar", folder).keys) == [key]


def test_two_folders_by_one_name(tmp_path: Path) -> None:
    jpeg = small_jpeg(np.random.default_rng(0))
    members = {"train/n01440764/1.jpg": jpeg, "canny/n01440764/1.jpg": jpeg}
    members |= {"more/canny/n01443537/1.jpg": jpeg}
    with pytest.raises(
        UnsupportedError, match=r"split='\./canny/' takes the one, split='more/canny/'"
    ):
        list(streamed(tar(members), split="canny/").items())
    assert [item.key for item in streamed(tar(members), split="more/canny/").items()] == [
        "more/canny/n01443537/1.jpg"
    ]
    with pytest.raises(MissingError, match="no item of the stream is of split 'Train/'"):
        list(streamed(tar(members), split="Train/").items())
    with pytest.raises(ValueError, match="no images in a folder 'Train/'"):
        opened(members, tmp_path / "a.tar", "Train/")


def test_a_link_by_way_of_one_in_another_split_is_refused() -> None:
    """A stream has no bytes for it, and `open` has: a hard link of train to a file of val."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for name, kind, target in (
            ("val/n01440764/a.JPEG", tarfile.REGTYPE, ""),
            ("train/n01440764/b.JPEG", tarfile.LNKTYPE, "val/n01440764/a.JPEG"),
            ("val/n01440764/c.JPEG", tarfile.SYMTYPE, "../../train/n01440764/b.JPEG"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            info.size = 0 if target else len(JPEG)
            packed.addfile(info, io.BytesIO(JPEG))
    file.seek(0)
    stream = fastinet.open_stream(file, split="val", classes="imagenet1k")
    with pytest.raises(UnsupportedError, match="symbolic link to a member") as at:
        list(stream.items())
    assert at.value.member == "val/n01440764/c.JPEG"
