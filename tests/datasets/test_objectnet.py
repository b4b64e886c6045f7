"""ObjectNet: from miniatures to labelled batches, in every packaging, and among ImageNet-1K."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from support.small_wholes import check_batches

import fastinet
from fastinet.datasets.objectnet_classes import objectnet_classes
from fastinet.errors import FastinetWarning, UnsupportedError
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import objectnet_members

IDS = {each.folder: number for number, each in enumerate(objectnet_classes())}
# The sorted wnids' labels of ImageNet-1K, of the published mapping.
AMONG_THE_1000 = {
    "air_freshener": [],
    "banana": [954],
    "full_sized_towel": [434],
    "chair": [423, 559, 765],
    "tv": [851],
}


def images_of(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in members.items() if name.endswith(".png")}


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
def test_objectnet_in_batches(tmp_path: Path, form: str) -> None:
    members = objectnet_members(per_class=3)
    dataset = fastinet.open(write_archive(tmp_path / "renamed", members, form=form))
    expected = {name: (IDS[name.split("/")[2]], data) for name, data in images_of(members).items()}
    assert (dataset.family, dataset.splits, len(dataset.classes)) == ("objectnet", ("test",), 313)
    assert list(dataset.keys) == sorted(expected, key=lambda key: (expected[key][0], key))
    assert dataset.classes[int(dataset.labels[-1])].names == ("TV",)
    assert dataset.skipped == 3  # mappings and README, of which no word is lost
    check_batches(dataset, expected)


@pytest.mark.parametrize("form", ["tar", "folder"])
def test_labels_among_the_1000(tmp_path: Path, form: str) -> None:
    members = objectnet_members()
    path = write_archive(tmp_path / "objectnet", members, form=form)
    with pytest.warns(FastinetWarning, match="2 items of 1 classes .* -1; ds.select") as said:
        dataset = fastinet.open(path, classes="imagenet1k")
    assert len(said) == 1
    assert len(dataset) == 10
    assert len(dataset.classes) == 1000
    assert dataset.label_sets is not None
    for key, label, right in zip(dataset.keys, dataset.labels, dataset.label_sets, strict=True):
        wanted = AMONG_THE_1000[key.split("/")[2]]
        assert right == wanted
        assert label == (wanted[0] if wanted else -1)
    part = dataset.select(dataset.labels >= 0)
    assert len(part) == 8
    assert part.label_sets is not None
    assert part.label_sets[0] == [954]


def test_how_it_is_recognised(tmp_path: Path) -> None:
    bare = images_of(objectnet_members(top="data"))
    stripped = {name.removeprefix("data/images/"): data for name, data in bare.items()}

    def family(name: str, members: dict[str, bytes], form: str = "tar") -> str:
        return fastinet.open(write_archive(tmp_path / name, members, form=form)).family

    assert family("ObjectNet.tar", stripped) == "objectnet"
    assert family("objectnet-images", stripped, "folder") == "objectnet"
    assert (
        family("x.tar", {f"objectnet-1.0-beta/{name}": d for name, d in bare.items()})
        == "objectnet"
    )
    assert family("y.tar", objectnet_members(top="data")) == "objectnet"
    many = images_of(objectnet_members(list(IDS)[:100], 1, top="data"))
    assert family("z.tar", many) == "objectnet"
    for name, members in (("mine.tar", stripped), ("few.tar", dict(list(many.items())[:99]))):
        with pytest.raises(UnsupportedError, match="their classes are not known"):
            family(name, members)


def test_strangers_are_said(tmp_path: Path) -> None:
    members = objectnet_members() | {"cover.png": b"\x89PNG\r\n\x1a\n", "list.txt": b""}
    path = write_archive(tmp_path / "o.tar", members)
    with pytest.warns(FastinetWarning, match="2 entries skipped .* cover.png, list.txt"):
        assert len(fastinet.open(path)) == 10


def test_a_stream_that_is_said_to_have_its_classes() -> None:
    members = images_of(objectnet_members())
    for sent in (tar(members), gzip.compress(tar(members))):
        stream = fastinet.open_stream(io.BytesIO(sent), classes="objectnet")
        found = {each.key: stream.label(each.key, each.companions) for each in stream.items()}
        assert found == {name: IDS[name.split("/")[2]] for name in members}
    stream = fastinet.open_stream(io.BytesIO(tar(members)), classes=["Chair", "TV"])
    assert stream.label("objectnet-1.0/images/tv/x.png", {}) == 1
    with pytest.raises(ValueError, match="'banana' is one of ObjectNet's"):
        stream.label("images/banana/x.png", {})
    for key in ("tv.png", "images/tv/more/x.png"):
        with pytest.raises(ValueError, match="neither its name nor a companion has a label"):
            stream.label(key, {})


def test_some_of_its_classes(tmp_path: Path) -> None:
    dataset = fastinet.open(write_archive(tmp_path / "objectnet.tar", objectnet_members()))
    chosen = dataset.select_classes(["TV", "Chair"])
    assert chosen.wnids == ("Chair", "TV")
    assert chosen.labels.tolist() == [0, 0, 1, 1]
    assert chosen.with_classes("imagenet1k").labels.tolist() == [423, 423, 851, 851]
    with pytest.raises(ValueError, match="'Seat' is no wnid"):
        dataset.select_classes(["Seat"])
