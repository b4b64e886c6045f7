"""Labels that number other classes than the archive's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.label_sets import LabelSets
from fastinet.datasets.published import published_classes
from fastinet.errors import FastinetWarning
from fastinet.items.class_numbering import Numbering, numbering, wnids_of
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import objectnet_members
from fastinet.testing.small import small_jpeg

WNIDS = ("n01498041", "n02106662", "n04507155")
AMONG_THE_1000 = [6, 235, 879]


@pytest.fixture
def part(tmp_path: Path) -> fastinet.Dataset:
    rng = np.random.default_rng(0)
    members = {f"{wnid}/{i}.jpg": small_jpeg(rng) for wnid in WNIDS for i in range(2)}
    return fastinet.open(write_archive(tmp_path / "part.tar", members))


def test_labels_among_the_1000(part: fastinet.Dataset, recwarn) -> None:
    among = part.with_classes("imagenet1k")
    assert among.labels.tolist() == np.repeat(AMONG_THE_1000, 2).tolist()
    assert among.wnids == imagenet1k_wnids()
    assert among.classes[235].names[0] == "German shepherd"
    assert among.label_sets is None
    assert not among.labels.flags.writeable
    assert (part.labels.tolist(), part.wnids) == ([0, 0, 1, 1, 2, 2], WNIDS)
    assert not among.is_selection
    assert not recwarn.list
    again = fastinet.open(part.path, classes="ImageNet-1K")
    assert again.labels.tolist() == among.labels.tolist()
    for batch in fastinet.Loader(again, 6, fastinet.Resize(8)):
        assert batch.labels.tolist() == among.labels.tolist()


def test_the_given_order_counts(part: fastinet.Dataset) -> None:
    given_order = ["n04507155", "n15075141", "n01498041", "n02106662"]
    assert part.with_classes(given_order).labels.tolist() == [2, 2, 3, 3, 0, 0]
    assert part.with_classes(part.classes).labels.tolist() == part.labels.tolist()
    label_of = {"n01498041": 2, "n04507155": 0, "n02106662": 3, "n15075141": 1}
    assert part.with_classes(label_of).labels.tolist() == [2, 2, 3, 3, 0, 0]
    back = part.with_classes(given_order).with_classes(WNIDS)
    assert (back.labels.tolist(), back.wnids) == (part.labels.tolist(), WNIDS)
    chosen = part.with_classes(given_order).select_classes(["n02106662"])
    assert chosen.labels.tolist() == [0, 0]


def test_classes_that_have_items_must_be_there(part: fastinet.Dataset) -> None:
    few = ["n01498041", "n02106662"]
    with pytest.raises(
        ValueError, match=r"1 of the classes of 'part.tar' are none of the 2 .*: n04"
    ):
        part.with_classes(few)
    with pytest.raises(
        ValueError, match=r'classes="imagenet1k" has them, or leave them out with sel'
    ):
        fastinet.open(part.path, classes=few)
    # A class without items need not be.
    view = part.select([0, 2]).with_classes(few)
    assert view.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("classes", "kind", "message"),
    [
        ("imagenet2k", ValueError, "no list of classes .* 'imagenet-a', 'imagenet-r', 'objectnet'"),
        (["n01498041", "n01498041"], ValueError, "classes have 'n01498041' twice"),
        ([7], TypeError, "classes must be wnids, not 7"),
        (7, TypeError, "classes must be wnids or the name"),
    ],
)
def test_what_is_no_list_of_classes(part: fastinet.Dataset, classes, kind, message: str) -> None:
    with pytest.raises(kind, match=message):
        part.with_classes(classes)
    with pytest.raises(kind, match=message):
        fastinet.open(part.path, classes=classes)


def test_labels_are_given_in_the_given_classes(part: fastinet.Dataset) -> None:
    given_labels = [999, 0, 1, 2, 3, 4]
    dataset = fastinet.open(part.path, classes="imagenet1k", labels=given_labels)
    assert dataset.labels.tolist() == given_labels
    with pytest.raises(ValueError, match="999"):
        fastinet.open(part.path, labels=given_labels)


def test_numbers_are_labels_already(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    members = {}
    for i, label in enumerate((7, 2, 10_449)):
        members |= {f"{i}.jpg": b"\xff\xd8\xff", f"{i}.cls": str(label).encode()}
    path.write_bytes(tar(members))
    dataset = fastinet.open(path, classes="imagenet21k-p")
    assert dataset.labels.tolist() == [7, 2, 10_449]
    assert dataset.wnids == published_classes("imagenet21k-p")
    assert dataset.select_classes([dataset.wnids[7]]).labels.tolist() == [0]
    with pytest.raises(ValueError, match=r"has a label 10449, and there are 1,000 classes given"):
        fastinet.open(path, classes="imagenet1k")


def test_label_sets_are_numbered_too(part: fastinet.Dataset) -> None:
    sets = [[0], [1, 2], [], [2], [0, 1, 2], [1]]
    among = part.with_labels(sets).with_classes("imagenet1k")
    assert among.label_sets is not None
    assert list(among.label_sets) == [[AMONG_THE_1000[old] for old in each] for each in sets]
    turned = part.with_labels(sets).with_classes(WNIDS[::-1])
    assert turned.label_sets is not None
    assert list(turned.label_sets) == [sorted(2 - old for old in each) for each in sets]


def test_objectnet_by_one_of_several_classes(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "objectnet.tar", objectnet_members(("chair", "banana")))
    only = ["n04099969", "n07753592"]  # rocking chair and banana
    dataset = fastinet.open(path, classes=only)
    assert dataset.labels.tolist() == [1, 1, 0, 0]
    assert dataset.label_sets is None
    with pytest.warns(FastinetWarning, match="4 items of 2 classes"):
        nothing = fastinet.open(path, classes=["n01440764"])
    assert nothing.labels.tolist() == [-1] * 4
    assert nothing.label_sets is not None
    assert list(nothing.label_sets) == [[]] * 4
    # Its own classes, in another order, and in their own.
    titles = published_classes("objectnet")
    assert fastinet.open(path, classes=titles[::-1]).labels.tolist() == [308, 308, 260, 260]
    assert fastinet.open(path, classes="objectnet").labels.tolist() == [4, 4, 52, 52]


@given(
    st.lists(st.sets(st.integers(0, 9), max_size=3), min_size=1, max_size=6),
    st.data(),
)
def test_a_numbering_against_python_sets(new: list[set[int]], data: st.DataObject) -> None:
    labels = st.integers(0, len(new) - 1)
    old = data.draw(st.lists(st.sets(labels, max_size=4), max_size=8))
    counts = np.array([len(each) for each in new], np.int64)
    label = np.array([n for each in new for n in sorted(each)], np.int64)
    made = Numbering(counts, label)
    sets = LabelSets(
        np.array([len(each) for each in old], np.int64),
        np.array([n for each in old for n in sorted(each)], np.int64),
    )
    assert list(made.sets(sets)) == [sorted(set().union(*(new[n] for n in each))) for each in old]
    every = np.arange(-1, len(new))
    assert made.first(every).tolist() == [-1, *(min(each, default=-1) for each in new)]


def test_forms_of_classes() -> None:
    assert wnids_of("imagenet-v2") == imagenet1k_wnids()
    assert len(wnids_of("imagenet-a")) == len(wnids_of("ImageNet R")) == 200
    assert wnids_of("imagenet_c") == wnids_of("imagenet sketch") == imagenet1k_wnids()
    assert numbering(("b", "a"), ("a", "b"), np.ones(2, np.bool_), "x").label.tolist() == [1, 0]
