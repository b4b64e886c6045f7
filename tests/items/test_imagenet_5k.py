"""ImageNet-5K: its classes by the rule or by a list, and one that joins them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.small_classes import archive, labelled

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import CorruptError, FastinetWarning, MissingError
from fastinet.items.imagenet_5k import read_class_list
from fastinet.testing.archives import train_tar

FIRST = imagenet1k_wnids()
TEDDY = "n04399382"


@pytest.fixture
def whole(tmp_path: Path) -> fastinet.Dataset:
    """All but one of the 1000 classes, with an image each, and others with 0 to 4."""
    others = {"n00000005": 2, "n00000001": 4, "n00000004": 1, "n99999999": 2, "n00000003": 0}
    others["n00000002"] = 2
    counts = {wnid: 1 for wnid in FIRST if wnid != TEDDY} | others
    jpeg = b"\xff\xd8\xff\xe0"
    classes = {
        wnid: {f"{wnid}_{number}.JPEG": jpeg for number in range(count)}
        for wnid, count in counts.items()
    }
    path = tmp_path / "fall11_whole.tar"
    path.write_bytes(train_tar(classes))
    with pytest.warns(FastinetWarning, match="1 classes have no images"):
        return fastinet.open(path, index=False)


def test_imagenet5k_by_its_rule(whole: fastinet.Dataset) -> None:
    with pytest.warns(FastinetWarning, match=f"1 of the 1003 classes have no items.*{TEDDY}"):
        view = fastinet.imagenet5k(whole, others=3)
    wnids = [info.wnid for info in view.classes]
    # The largest, and of three with two images those with the lower wnids.
    assert wnids == sorted([*FIRST, "n00000001", "n00000002", "n00000005"])
    assert len(view) == 999 + 4 + 2 + 2
    assert {wnid for _, wnid in labelled(view)} == set(wnids) - {TEDDY}
    with pytest.raises(ValueError, match=r"takes 4000 classes beyond.*has images of 5"):
        fastinet.imagenet5k(whole)


def test_imagenet5k_by_a_list(whole: fastinet.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "in5k.txt"
    path.write_text("# made by hand\nn99999999 the last\n\nn01440764, tench\nn00000005\r\n")
    wnids = ["n00000005", "n01440764", "n99999999"]
    for class_list in (path, str(path), wnids, reversed(wnids)):
        view = fastinet.imagenet5k(whole, class_list)
        assert [info.wnid for info in view.classes] == wnids
        assert sorted(view.labels.tolist()) == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"n01440764\ntench\n", "line 2: 'tench' is no wnid"),
        (b"# nothing\n\n", "holds no wnid"),
        (b"\xff\xfe", "is no text"),
    ],
)
def test_class_lists_that_are_none(tmp_path: Path, text: bytes, complaint: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(text)
    with pytest.raises(CorruptError, match=complaint):
        read_class_list(path)
    with pytest.raises(MissingError, match="no such class list"):
        read_class_list(tmp_path / "nothing")


def test_teddy_joins_imagenet5k(whole: fastinet.Dataset, tmp_path: Path) -> None:
    train = fastinet.open(archive(tmp_path / "t.tar", {TEDDY: 2, "n01440764": 1}), index=False)
    joined = fastinet.concatenate([whole, train.select_classes([TEDDY])])
    view = fastinet.imagenet5k(joined, others=1)
    assert len(view.classes) == 1001
    assert np.bincount(view.labels).min() == 1
    assert np.bincount(view.labels)[[info.wnid for info in view.classes].index(TEDDY)] == 2
