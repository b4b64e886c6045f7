"""Which classes the labels of shards are, by the wnids that their images tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.sharded import JPEG, shard

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import wnid_in
from fastinet.datasets.published import published_classes
from fastinet.errors import FastinetWarning

WNIDS = imagenet1k_wnids()

pytestmark = pytest.mark.usefixtures("own_cache")

Told = tuple[str, int, str]
"""Name of an image, its label, and the wnid in its .json; "": it has no .json."""


def told_shard(path: Path, images: list[Told], field: str = "wnid") -> Path:
    members = []
    for name, label, wnid in images:
        members += [(f"{name}.jpg", JPEG), (f"{name}.cls", b"%d" % label)]
        if wnid:
            members.append((f"{name}.json", json.dumps({"id": 1, field: wnid}).encode()))
    return shard(path, *members)


@pytest.mark.parametrize("field", ["wnid", "synset", "CLASS", "label"])
@pytest.mark.parametrize("name", ["imagenet21k-p", "imagenet21k-p-fall11", "imagenet22k"])
def test_the_classes_of_published_lists(tmp_path: Path, name: str, field: str) -> None:
    """From names, from .json, or from both."""
    wnids = published_classes(name)
    some = [len(wnids) - 1, 5000, 17]
    images = [(f"{wnids[label]}_1", label, "") for label in some[:2]]
    images += [("x", 17, wnids[17]), ("y", 3, wnids[3])]
    dataset = fastinet.open(told_shard(tmp_path / "s.tar", images, field), index=False)
    assert dataset.wnids == wnids
    assert dataset.labels.tolist() == [*some, 3]
    chosen = dataset.select_classes([wnids[17], wnids[5000]])
    assert list(chosen.keys) == [f"{wnids[5000]}_1.jpg", "x.jpg"]
    assert chosen.labels.tolist() == [1, 0]


def test_classes_of_no_published_list(tmp_path: Path) -> None:
    """As those of winter21, whose list is not published: what is told, and numbers between."""
    images = [
        ("n00004475_1", 0, ""),
        ("n15102894_2", 19166, ""),
        ("x", 2, "n00006024"),
        ("y", 1, ""),
    ]
    dataset = fastinet.open(told_shard(tmp_path / "s.tar", images), index=False)
    assert len(dataset.wnids) == 19167
    assert dataset.wnids[:4] == ("n00004475", "1", "n00006024", "3")
    assert dataset.wnids[-1] == "n15102894"
    assert list(dataset.select_classes(["n00006024"]).keys) == ["x.jpg"]
    imagenette = [(f"{WNIDS[label]}_1", i, "") for i, label in enumerate((0, 217, 482))]
    dataset = fastinet.open(told_shard(tmp_path / "t.tar", imagenette), index=False)
    assert dataset.wnids == (WNIDS[0], WNIDS[217], WNIDS[482])


def test_classes_in_an_order_of_their_own(tmp_path: Path) -> None:
    path = told_shard(tmp_path / "s.tar", [(f"{WNIDS[9]}_1", 0, ""), (f"{WNIDS[8]}_1", 1, "")])
    text = f"do not number the sorted wnids.*: {WNIDS[9]} is 0, {WNIDS[8]} is 1; labels="
    with pytest.warns(FastinetWarning, match=text):
        dataset = fastinet.open(path, index=False)
    assert dataset.wnids == (WNIDS[9], WNIDS[8])
    dataset = fastinet.open(path, labels=lambda _, files: int(files["cls"]))  # asked for, so silent
    assert dataset.wnids == ("0", "1")


@pytest.mark.parametrize(
    ("images", "clash"),
    [
        ([(f"{WNIDS[9]}_1", 9, ""), (f"{WNIDS[9]}_2", 8, "")],
         f"{WNIDS[9]}_2.jpg, of {WNIDS[9]}, has 8 and {WNIDS[9]}_1.jpg, of {WNIDS[9]}, has 9"),
        ([(f"{WNIDS[9]}_1", 9, ""), (f"{WNIDS[8]}_2", 9, "")],
         f"{WNIDS[8]}_2.jpg, of {WNIDS[8]}, has 9 and {WNIDS[9]}_1.jpg, of {WNIDS[9]}, has 9"),
        ([("x", 9, WNIDS[9]), ("y", 3, WNIDS[9])],
         f"y.jpg, of {WNIDS[9]}, has 3 and x.jpg, of {WNIDS[9]}, has 9"),
    ],
)  # fmt: skip
def test_labels_and_wnids_that_contradict_each_other(
    tmp_path: Path, images: list[Told], clash: str
) -> None:
    path = told_shard(tmp_path / "s.tar", images)
    with pytest.warns(FastinetWarning, match=f"numbers and no names.*contradict.*: {clash}"):
        dataset = fastinet.open(path, index=False)
    assert dataset.wnids == tuple(map(str, range(10)))
    assert dataset.labels.tolist() == [label for _, label, _ in images]


def test_what_json_says_instead_of_wnids(tmp_path: Path) -> None:
    images = [("x", 0, "tench"), ("y", 1, WNIDS[1])]  # the first shows what they say
    assert fastinet.open(told_shard(tmp_path / "s.tar", images)).wnids == ("0", "1")
    for content in (b"{", b"[]", b'{"wnid": 3}', b'{"wnid": "n0144076"}', b'{"x": "n01440764"}'):
        assert wnid_in(content) == ""
