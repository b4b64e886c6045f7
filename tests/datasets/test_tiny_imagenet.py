"""Tiny-ImageNet: from a miniature to labelled batches, in every packaging."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_wholes import check_batches

import fastinet
from fastinet.errors import CorruptError, FastinetWarning
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import tiny_imagenet_members

pytestmark = pytest.mark.filterwarnings("ignore:.*this is its split 'train'")

WNIDS = ("n01443537", "n01629819", "n03444034")
ANNOTATIONS = "val/val_annotations.txt"
FORMS = pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])


def expected(members: dict[str, bytes], split: str) -> dict[str, tuple[int, bytes]]:
    """Label and content of each image: validation images have the classes in the other order."""
    found = {}
    for name, data in members.items():
        if name.endswith(".JPEG") and f"{split}/" in name:
            number = int(name.rpartition("_")[2].removesuffix(".JPEG"))
            label = {"val": 2 - number, "test": -1}.get(split)
            found[name] = (WNIDS.index(name.split("/")[-3]) if label is None else label, data)
    return found


@FORMS
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_its_splits_in_batches(tmp_path: Path, form: str, split: str) -> None:
    members = tiny_imagenet_members()
    dataset = fastinet.open(write_archive(tmp_path / "renamed", members, form=form), split=split)
    assert (dataset.family, dataset.splits) == ("tiny_imagenet", ("train", "val", "test"))
    assert tuple(dataset.wnids) == WNIDS
    assert dataset.skipped == 6  # lists and boxes, of which no word is lost
    check_batches(dataset, expected(members, split))


@FORMS
def test_the_validation_images_alone(tmp_path: Path, form: str) -> None:
    members = tiny_imagenet_members(top="")
    members = {name[4:]: data for name, data in members.items() if name.startswith("val/")}
    dataset = fastinet.open(write_archive(tmp_path / "val", members, form=form))
    assert dataset.splits == ("val",)
    assert dataset.labels.tolist() == [2, 1, 0]


def test_images_that_the_file_does_not_name_are_passed_over(tmp_path: Path) -> None:
    """So are those in other folders: nothing tells their class."""
    members = tiny_imagenet_members(top="")
    image = members["val/images/val_0.JPEG"]
    members |= {"val/images/val_7.JPEG": image, "val/other/val_0.JPEG": image}
    path = write_archive(tmp_path / "tiny.tar", members)
    with pytest.warns(FastinetWarning, match=r"2 members skipped as images without .*val_7"):
        dataset = fastinet.open(path, split="val")
    assert dataset.labels.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"val_0.JPEG\tn01443537\t0\t0\t9\t9\nval_1.JPEG 3\n", "line 2 has no name"),
        (b"val_0.JPEG\tn01443537\n\nval_0.JPEG\tn01629819\n", "line 3 gives 'val_0.JPEG' another"),
    ],
)
@FORMS
def test_a_file_that_is_wrong_is_an_error(
    tmp_path: Path, form: str, content: bytes, cause: str
) -> None:
    path = write_archive(
        tmp_path / "tiny", tiny_imagenet_members(top="") | {ANNOTATIONS: content}, form=form
    )
    with pytest.raises(CorruptError, match=cause) as caught:
        fastinet.open(path)
    assert caught.value.member == ANNOTATIONS


@pytest.mark.filterwarnings("ignore:.*skipped as no images")
def test_a_file_of_another_kind_tells_nothing(tmp_path: Path) -> None:
    members = tiny_imagenet_members(top="") | {ANNOTATIONS: b"some words\n\xff\n"}
    path = write_archive(tmp_path / "tiny.tar", members)
    with pytest.warns(FastinetWarning, match=r"6 members skipped as images without a wnid"):
        dataset = fastinet.open(path)
    assert dataset.splits == ("train",)


@pytest.mark.filterwarnings("ignore:the index .* is stale", "ignore:.*have no images in split")
def test_the_index_of_a_folder_notices_other_classes(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "tiny", tiny_imagenet_members(top=""), form="folder")
    assert fastinet.open(path, split="val").labels.tolist() == [2, 1, 0]
    text = (path / ANNOTATIONS).read_text()
    (path / ANNOTATIONS).write_text(text.replace("n03444034", "n01443537"))
    assert fastinet.open(path, split="val").labels.tolist() == [0, 1, 0]


def test_a_stream_refuses_what_it_cannot_wait_for(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "tiny.tar", tiny_imagenet_members())
    stream = fastinet.open_stream(path, split="train", classes=WNIDS)
    assert len(list(stream.items())) == 6
    stream = fastinet.open_stream(path, split="val", classes=WNIDS)
    item = next(stream.items())
    with pytest.raises(ValueError, match="labels="):
        stream.label(item.key, item.companions)
