"""The class table: names in two languages, and the three orders of the 1000 classes."""

from __future__ import annotations

import importlib.resources
import pickle
import re
import runpy
from pathlib import Path

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
from fastinet.datasets.published import imagenet22k_wnids

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


def test_a_class_outside_the_lists_has_no_names() -> None:
    for wnid in ("n00007347", "n99999999", "7", ""):
        (info,) = class_table([wnid])
        assert (info.names, info.gloss, info.zh) == ((), "", "")


def test_a_class_that_goes_by_a_name_has_it() -> None:
    (info,) = class_table(["Alarm clock"])
    assert (info.names, info.gloss, info.zh) == (("Alarm clock",), "", "")


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


# ---------------------------------------------------------------------------------- ImageNet-22K


def test_every_class_of_imagenet_22k_has_names() -> None:
    table = class_table(imagenet22k_wnids())
    assert len(table) == 21_841
    assert all(info.names and info.gloss and all(info.names) for info in table)
    assert not any("_" in name for info in table for name in info.names)


@pytest.mark.parametrize(
    ("wnid", "names", "gloss"),
    [
        ("n00004475", ("organism", "being"), "a living thing that has (or can develop)"),
        ("n00005787", ("benthos",), "organisms (plants and animals) that live at or near"),
        ("n02084071", ("dog", "domestic dog", "Canis familiaris"), "a member of the genus Canis"),
        ("n07942152", ("people",), "(plural) any group of human beings"),
        # Two senses of one word.
        ("n02139199", ("bat", "chiropteran"), "nocturnal mouselike mammal"),
        ("n02806379", ("bat",), "a club used for hitting a ball"),
        ("n02012849", ("crane",), "large long-necked wading bird"),
        ("n03126707", ("crane",), "lifts and moves heavy objects"),
    ],
)
def test_names_and_glosses_are_wordnets(wnid: str, names: tuple[str, ...], gloss: str) -> None:
    (info,) = class_table([wnid])
    assert info.names == names
    assert info.gloss.startswith(gloss)


def test_both_tables_say_the_same_of_the_classes_that_they_share() -> None:
    texts = classes._imagenet22k()
    shared = [info for info in class_table(imagenet1k_wnids()) if info.wnid in texts]
    assert {*imagenet1k_wnids()} - {*texts} == {"n04399382"}  # teddy, which 22K lacks
    assert len(shared) == 999
    for info in shared:
        assert texts[info.wnid] == f"{', '.join(info.names)}\t{info.gloss}"


def test_the_names_of_imagenet_22k_are_read_only_when_wanted() -> None:
    classes._imagenet22k.cache_clear()
    class_table([*imagenet1k_wnids(), "0", "1"])
    assert classes._imagenet22k.cache_info().currsize == 0
    assert class_table(["n00004475"])[0].names[0] == "organism"
    assert classes._imagenet22k.cache_info().currsize == 1


def test_wordnets_licence_lies_beside_its_texts() -> None:
    text = (importlib.resources.files("fastinet.datasets") / "wordnet_license.txt").read_text()
    assert "WordNet 3.0 Copyright 2006 by Princeton University." in text
    assert text.startswith("This software and database is being provided to you, the LICENSEE,")
    assert text.endswith("LICENSEE agrees to preserve same.\n")


def test_the_table_is_made_from_wordnets_file_of_nouns() -> None:
    """The lines of data.noun, as wndb(5WN) describes them."""
    program = runpy.run_path(
        str(Path(__file__).parents[2] / "tools" / "make_imagenet22k_names.py"), run_name="tool"
    )
    lines = [
        "  1 This software and database is being provided to you, the LICENSEE, by  ",
        '00004475 03 n 02 organism 0 being 0 001 @ 00004258 n 0000 | a thing; "so | it"  ',
        "02084071 05 n 0a dog 0 domestic_dog 0 " + "x 1 " * 8 + "000 | a member  ",
    ]
    assert program["synsets"](lines) == {
        "n00004475": ("organism, being", 'a thing; "so | it"'),
        "n02084071": ("dog, domestic dog, " + ", ".join("x" * 8), "a member"),
    }


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
