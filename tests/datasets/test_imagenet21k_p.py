"""ImageNet-21K-P: from a miniature of the archive to labelled batches, split by split."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from support.small_wholes import check_batches, open_quietly, write

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar
from fastinet.testing.semantic_tree import write_semantic_tree
from fastinet.testing.whole_archives import extract, imagenet21k_p_members

SPLITS = {
    "train": "imagenet21k_train",
    "val": "imagenet21k_val",
    "small_classes": "imagenet21k_small_classes",
}


@pytest.mark.parametrize("packing", ["tar.gz", "tar", "extracted"])
def test_imagenet21k_p_in_batches(tmp_path: Path, packing: str) -> None:
    members = imagenet21k_p_members()
    path = tmp_path / "imagenet21k_resized"
    prefix = "imagenet21k_resized/" if packing == "extracted" else ""
    if packing == "extracted":
        extract(members, tmp_path)
    else:
        data = tar(members)
        path = write(tmp_path / "i", gzip.compress(data) if packing == "tar.gz" else data)
    assert open_quietly(path).split == "train"
    for split, folder in SPLITS.items():
        dataset = open_quietly(path, split)
        mine = {name: data for name, data in members.items() if f"/{folder}/" in name}
        wnids = sorted({name.split("/")[2] for name in mine})
        expected = {
            name.removeprefix(prefix): (wnids.index(name.split("/")[2]), data)
            for name, data in mine.items()
        }
        assert [info.wnid for info in dataset.classes] == wnids
        assert dataset.splits == tuple(SPLITS)
        assert (dataset.family, dataset.split) == ("imagenet21k_p", split)
        check_batches(dataset, expected)
    train, val = open_quietly(path, "train"), open_quietly(path, "val")
    assert train.classes == val.classes
    assert set(open_quietly(path, "small_classes").classes).isdisjoint(train.classes)


def test_batches_of_imagenet21k_p_have_targets_of_semantic_softmax(tmp_path: Path) -> None:
    path = write(tmp_path / "i.tar", tar(imagenet21k_p_members(classes=6)))
    train = fastinet.open(path, split="train")
    parents = [-1, -1, 0, 0, 2, 3]
    wnids = [info.wnid for info in train.classes]
    tree = fastinet.read_semantic_tree(write_semantic_tree(tmp_path / "t.pth", wnids, parents))
    tree.check(train)
    # Levels of depth 0 (labels 0 and 1) and 1 (labels 2 and 3); the deepest is left out.
    by_label = [(0, -1), (1, -1), (0, 0), (0, 1), (0, 0), (0, 1)]
    seen = 0
    for batch in fastinet.Loader(train, 4, fastinet.Resize(8), shuffle=True):
        targets = tree.targets(batch.labels)
        assert list(map(tuple, targets.tolist())) == [by_label[label] for label in batch.labels]
        seen += len(batch)
    assert seen == len(train)
    with pytest.raises(ValueError, match="the tree's label 0 is"):
        tree.check(fastinet.open(path, split="small_classes"))


def test_a_split_of_imagenet21k_p_by_itself_has_the_same_labels(tmp_path: Path) -> None:
    members = imagenet21k_p_members()
    extract(members, tmp_path)
    whole = fastinet.open(tmp_path / "imagenet21k_resized", split="val")
    alone = fastinet.open(tmp_path / "imagenet21k_resized" / "imagenet21k_val")
    assert alone.labels.tolist() == whole.labels.tolist()
    assert alone.classes == whole.classes


def test_classes_that_one_split_lacks_are_said(tmp_path: Path) -> None:
    members = imagenet21k_p_members(train=1, val=1, classes=4)
    folder = "imagenet21k_resized/imagenet21k_train/"
    gone = min(name for name in members if name.startswith(folder))
    members.pop(gone)
    members |= {f"{folder}n00000001_1.JPEG": b"", f"{folder}n0000000x/readme.txt": b""}
    path = write(tmp_path / "i.tar", tar(members))
    with pytest.warns(FastinetWarning) as caught:
        train = fastinet.open(path, split="train")
    with pytest.warns(FastinetWarning):
        val = fastinet.open(path, split="val")
    notes = " ".join(str(warning.message) for warning in caught)
    assert "1 classes have no images in split 'train'" in notes
    assert "2 entries skipped" in notes
    assert len(val.classes) == 4
    assert train.classes == val.classes
    assert sorted(set(train.labels.tolist())) == [1, 2, 3]
