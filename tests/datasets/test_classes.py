"""The class table: names in two languages, and the three orders of the 1000 classes."""

from __future__ import annotations

import importlib.resources
import pickle
import re

import numpy as np
import pytest

from fastinet.datasets import classes
from fastinet.datasets.classes import (
    class_table,
    ilsvrc2012_id_of_label,
    imagenet1k_wnids,
    label_of_ilsvrc2012_id,
    label_of_tf1001,
    tf1001_of_label,
)

LABELS = np.arange(1000)

# Names that Chinese itself writes with Latin letters.
WITH_LATIN = {
    "CD player": "CD播放机",
    "iPod": "iPod播放器",
    "jersey": "T恤",
    "Model T": "福特T型车",
}


@pytest.fixture(scope="module")
def table() -> tuple[classes.ClassInfo, ...]:
    return class_table(imagenet1k_wnids())


# ------------------------------------------------------------------------------- Chinese names


def test_every_class_has_its_own_chinese_name(table: tuple[classes.ClassInfo, ...]) -> None:
    names = [info.zh for info in table]
    assert len(names) == 1000
    assert all(names)
    assert len(set(names)) == 1000


def test_the_chinese_table_lists_the_wnids_in_order() -> None:
    file = importlib.resources.files("fastinet.datasets") / "imagenet1k_zh.tsv"
    heading, *rows = file.read_text("utf-8").splitlines()
    assert heading == "wnid\tzh"
    assert [row.split("\t")[0] for row in rows] == list(imagenet1k_wnids())
    assert all(row.count("\t") == 1 for row in rows)


def test_chinese_names_are_chinese(table: tuple[classes.ClassInfo, ...]) -> None:
    # Unified ideographs and their extension A, in which are 㹴 (terrier) and 䴕 (jacamar).
    pure = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
    others = {info.names[0]: info.zh for info in table if not pure.fullmatch(info.zh)}
    assert others == WITH_LATIN


def test_chinese_names_are_simplified(table: tuple[classes.ClassInfo, ...]) -> None:
    traditional = set("鳥魚龜鯊鷺鴨貓獅馬雞龍蟲車機電燈鐘錶門書櫃褲針線紙筆點麵飯湯雲豬羅貴賓獵")
    found = {info.zh for info in table if set(info.zh) & traditional}
    assert found == set()


@pytest.mark.parametrize(
    ("wnid", "name"),
    [
        ("n01440764", "丁鱥"),
        ("n02012849", "鹤"),  # the crane that flies
        ("n03126707", "起重机"),  # the crane that lifts
        ("n01828970", "蜂虎"),
        ("n01843383", "巨嘴鸟"),
        ("n01829413", "犀鸟"),
        ("n02119789", "敏狐"),
        ("n02509815", "小熊猫"),
        ("n02510455", "大熊猫"),
        ("n03710637", "体操紧身衣"),  # the maillot of dancers and gymnasts
        ("n03710721", "连体泳衣"),  # the maillot to swim in
        ("n04355933", "取火镜"),  # sunglass: a lens that lights a fire
        ("n04356056", "太阳镜"),
        ("n15075141", "卫生纸"),
    ],
)
def test_senses_are_kept_apart(wnid: str, name: str) -> None:
    (info,) = class_table([wnid])
    assert info.zh == name


def test_a_class_outside_the_1000_has_no_names() -> None:
    (info,) = class_table(["n00007846"])
    assert (info.names, info.gloss, info.zh) == ((), "", "")


def test_names_survive_pickling(table: tuple[classes.ClassInfo, ...]) -> None:
    copied = pickle.loads(pickle.dumps(table[1]))  # noqa: S301 - our own bytes
    assert copied == table[1]
    assert copied.zh == "金鱼"


def test_chinese_names_are_read_only_when_wanted() -> None:
    classes._chinese_names.cache_clear()
    table = class_table(imagenet1k_wnids())
    assert classes._chinese_names.cache_info().currsize == 0
    assert table[0].zh
    assert classes._chinese_names.cache_info().currsize == 1


# -------------------------------------------------------------------------------------- orders


def test_wnids_are_sorted() -> None:
    wnids = imagenet1k_wnids()
    assert len(wnids) == 1000
    assert list(wnids) == sorted(wnids)
    assert (wnids[0], wnids[999]) == ("n01440764", "n15075141")


def test_the_first_validation_labels() -> None:
    """The first ten images of ILSVRC2012_img_val.tar, in the devkit's order and as labels."""
    ids = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]
    labels = [65, 970, 230, 809, 516, 57, 334, 415, 674, 332]
    assert label_of_ilsvrc2012_id(ids).tolist() == labels
    assert ilsvrc2012_id_of_label(labels).tolist() == ids


def test_known_ids() -> None:
    wnids = imagenet1k_wnids()
    assert wnids[int(label_of_ilsvrc2012_id(1))] == "n02119789"
    assert wnids[int(label_of_ilsvrc2012_id(449))] == "n01440764"


def test_orders_are_permutations_and_their_inverses() -> None:
    ids = ilsvrc2012_id_of_label(LABELS)
    assert sorted(ids.tolist()) == list(range(1, 1001))
    assert (label_of_ilsvrc2012_id(ids) == LABELS).all()
    assert (label_of_tf1001(tf1001_of_label(LABELS)) == LABELS).all()
    assert label_of_tf1001([0, 1, 1000]).tolist() == [-1, 0, 999]


def test_shape_is_kept_and_tables_are_not_shared() -> None:
    labels = np.array([[0, 999], [5, 65]], np.uint16)
    ids = ilsvrc2012_id_of_label(labels)
    assert ids.shape == (2, 2)
    assert ids.dtype == np.int64
    ids[:] = 0
    assert ilsvrc2012_id_of_label(65) == 490
    assert ilsvrc2012_id_of_label([]).shape == (0,)


@pytest.mark.parametrize(
    ("function", "value", "message"),
    [
        (ilsvrc2012_id_of_label, 1000, "no label 1000: they go from 0 to 999"),
        (ilsvrc2012_id_of_label, [3, -1], "no label -1"),
        (label_of_ilsvrc2012_id, 0, "no ILSVRC2012_ID 0: they go from 1 to 1000"),
        (label_of_ilsvrc2012_id, 1001, "no ILSVRC2012_ID 1001"),
        (label_of_tf1001, 1001, "no TF class 1001"),
        (tf1001_of_label, 1000, "no label 1000"),
        (label_of_ilsvrc2012_id, 1.5, "whole number"),
    ],
)
def test_numbers_outside_are_refused(function, value, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(value)


def test_the_class_table() -> None:
    table = class_table(["n02012849", "n03126707", "n00000001"])
    assert [info.names[:1] for info in table] == [("crane",), ("crane",), ()]
    assert table[0].gloss.startswith("large long-necked wading bird")
    assert table[2].gloss == ""
    assert [info.index for info in table] == [0, 1, 2]
    wnids = imagenet1k_wnids()
    assert len(set(wnids)) == 1000
    assert list(wnids) == sorted(wnids)
    assert all(info.names and info.gloss for info in class_table(wnids))
