"""The label rule: batches of keys against the same rule in plain words, one key at a time."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.key_labels import (
    KeyLabels,
    label_of_numbered_folder,
    numbered_folder_wnids,
    published_wnids,
    told_by_keys,
    wnids_told,
)
from fastinet.datasets.names import Names
from fastinet.datasets.objectnet_classes import objectnet_classes
from fastinet.datasets.scanned import wnid_number
from fastinet.datasets.validation import validation_labels

WNIDS = imagenet1k_wnids()


def told_in_stream(key: str) -> tuple[str, str | None] | None:
    """(what tells it, wnid or None of a test image); None: the key tells no class."""
    *folders, base = key.split("/")
    for folder in reversed(folders):
        if re.fullmatch("n[0-9]{8}", folder):
            return "key", folder
    of_v2 = re.fullmatch(r"[0-9]{1,2}\.jpeg|[0-9a-f]{40}\.jpeg", base)
    if of_v2 and folders and re.fullmatch("0|[1-9][0-9]{0,2}", folders[-1]):
        return "folder", WNIDS[int(folders[-1])]
    stem = base.rpartition(".")[0] if "." in base else base
    if suffix := re.search("_(n[0-9]{8})$", stem):
        return "key", suffix[1]
    numbered = re.match(r"ILSVRC2012_(val|test)_([0-9]{8})(?:[._]|$)", base)
    if numbered and numbered[1] == "test":
        return "key", None
    if numbered:
        number = int(numbered[2])
        return ("key", WNIDS[validation_labels()[number - 1]]) if 0 < number <= 50000 else None
    if wnid := re.match("n[0-9]{8}", base):
        return "key", wnid[0]
    return None


def wnid_in_archive(key: str) -> int:
    *folders, base = key.split("/")
    stem = base.rpartition(".")[0] if "." in base else base
    for folder in reversed(folders):
        if re.fullmatch("n[0-9]{8}", folder):
            return int(folder[1:])
    if suffix := re.search("_n([0-9]{8})$", stem):
        return int(suffix[1])
    if number := re.match(r"ILSVRC2012_val_([0-9]{8})(?:[._]|$)", base):
        known = 0 < int(number[1]) <= 50000
        return wnid_number(WNIDS[validation_labels()[int(number[1]) - 1]]) if known else -1
    beginning = re.match("n([0-9]{8})", base)
    return int(beginning[1]) if beginning else -1


FOLDERS = st.sampled_from(
    [
        "n01440764",
        "n01443537",
        "n00000000",
        "train",
        "7",
        "999",
        "1000",
        "07",
        "n014407640",
        "é",
        "",
    ]
)
BASES = st.sampled_from([
    "n01440764_1.JPEG", "n01443537.jpg", "n00000000_1.JPEG", "x.JPEG", "3.jpeg", "123.jpeg",
    f"{'0a' * 20}.jpeg", "ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00050000_n01751748.JPEG",
    "ILSVRC2012_val_00050001.JPEG", "ILSVRC2012_val_00000000.JPEG", "ILSVRC2012_val_000000012.JPEG",
    "ILSVRC2012_val_00000003", "ILSVRC2012_val_12.JPEG", "ILSVRC2012_test_00000001.JPEG",
    "ILSVRC2012_test_x.png", "n01440764_10026_n01443537.JPEG", "_n01440764.JPEG", "n0144076.JPEG",
])  # fmt: skip
KEYS = st.builds("/".join, st.builds(lambda a, b: [*a, b], st.lists(FOLDERS, max_size=3), BASES))


@given(st.lists(KEYS, max_size=6))
def test_whole_archives_label_all_keys_at_once(keys: list[str]) -> None:
    assert wnids_told(Names.of(keys)).tolist() == [wnid_in_archive(key) for key in keys]


@given(st.lists(st.tuples(KEYS, st.sampled_from(["", "", "cls", "json", "txt"])), max_size=6))
def test_streams_label_batches_as_they_label_keys(items: list[tuple[str, str]]) -> None:
    """Companions go before keys, and what is told in another way than the first is an error."""
    content = {"cls": b"5", "json": b'{"label": 6}', "txt": b"9"}
    found = KeyLabels(WNIDS)(
        [(key, {extension: content[extension]} if extension else {}) for key, extension in items]
    )
    first = ""
    for key, extension in items:
        told = told_in_stream(key)
        told_by = "companion" if extension in ("cls", "json") else told[0] if told else ""
        first = first or told_by
        if told_by != first or not told_by:
            cause = "two numberings" if told_by else "give labels=|is no validation image 000"
        elif told_by != "companion" and told is not None and told[1] == "n00000000":
            cause = "class n00000000 is none of the 1,000"
        else:
            of_key = -1 if told is None or told[1] is None else told[1]
            label = {"cls": 5, "json": 6}.get(extension, of_key)
            assert next(found) == (WNIDS.index(label) if isinstance(label, str) else label)
            continue
        with pytest.raises(ValueError, match=cause):
            next(found)
        return
    assert next(found, None) is None


@given(st.lists(KEYS, max_size=6))
def test_a_stream_s_keys_tell_what_an_archive_s_do(keys: list[str]) -> None:
    """But for folders with numbers, which an archive that is no ImageNet-V2 does not look at."""
    for key, told in zip(keys, told_by_keys(keys), strict=True):
        if told.kind != "numbered folder":
            assert told.wnid == wnid_in_archive(key)


@pytest.mark.parametrize(
    ("key", "label"),
    [("a/7/3.jpeg", 7), ("7/12.jpeg", 7), ("7/123.jpeg", -1), ("07/3.jpeg", -1), ("3.jpeg", -1),
     ("1000/3.jpeg", -1), ("0/3.jpg", -1), (f"0/{'a' * 40}.jpeg", 0)],
)  # fmt: skip
def test_numbered_folders(key: str, label: int) -> None:
    assert label_of_numbered_folder(key) == label
    number = -1 if label < 0 else wnid_number(WNIDS[label])
    assert numbered_folder_wnids(Names.of([key, "x"])).tolist() == [number, -1]


def test_published_labels() -> None:
    names = Names.of([f"ILSVRC2012_val_{i:08d}.JPEG" for i in (0, 1, 50000, 50001)])
    first, last = (wnid_number(WNIDS[label]) for label in validation_labels()[[0, -1]])
    np.testing.assert_array_equal(published_wnids(names), [-1, first, last, -1])


def test_classes_that_are_no_wnids_are_in_no_key() -> None:
    numbered = KeyLabels(["0", "1"])
    with pytest.raises(ValueError, match="class n01440764 is none of the 2"):
        next(numbered([("n01440764/1.JPEG", {})]))


@pytest.mark.parametrize("classes", [None, WNIDS])
def test_objectnet_among_other_classes(classes: tuple[str, ...] | None) -> None:
    items: list[tuple[str, dict[str, bytes]]] = [("objectnet-1.0/images/air_freshener/a.png", {})]
    with pytest.raises(ValueError, match=r'one of ObjectNet.*classes="objectnet" numbers'):
        list(KeyLabels(classes)(items))
    titles = [each.title for each in objectnet_classes()]
    assert list(KeyLabels(titles)(items)) == [titles.index("Air freshener")]


@pytest.mark.parametrize("asked", ["", "all"])
def test_an_image_of_another_split_without_a_label_says_which_split_has_some(asked: str) -> None:
    """As Tiny-ImageNet's: its training images alone tell their classes."""
    labels = KeyLabels(None, asked)
    with pytest.raises(
        ValueError, match=r"is of the split 'val'.*split=.train. takes the training"
    ):
        list(labels([("tiny-imagenet-200/val/images/val_0.JPEG", {})]))


@pytest.mark.parametrize(
    ("key", "asked"), [("train/x/0.JPEG", ""), ("x/0.JPEG", ""), ("val/images/val_0.JPEG", "val")]
)
def test_an_image_without_a_label_that_no_other_split_helps(key: str, asked: str) -> None:
    with pytest.raises(ValueError, match="has a label; give labels=, or split= if it is of one"):
        list(KeyLabels(None, asked)([(key, {})]))
