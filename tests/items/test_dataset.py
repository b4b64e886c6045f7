"""Datasets: which members are items, what their labels are, and what lies behind an index."""

from __future__ import annotations

import gzip
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.small_train import ITEMS, JPEG, TRAIN, items_of, write

from fastinet.datasets.scanned import wnid_number
from fastinet.errors import FastinetWarning, MissingError, ReadError, UnsupportedError
from fastinet.items.dataset import Dataset
from fastinet.items.opening import open as open_archive
from fastinet.testing.archives import END, RECORD_BYTES, entry, tar, train_tar

PNG = b"\x89PNG\r\n\x1a\n"


def labelled(dataset: Dataset) -> list[tuple[str, str]]:
    """Key and wnid of each item."""
    return [
        (key, dataset.classes[label].wnid)
        for key, label in zip(dataset.keys, dataset.labels.tolist(), strict=True)
    ]


def test_the_official_train_archive(tmp_path: Path) -> None:
    dataset = open_archive(write(tmp_path / "t.tar", train_tar(TRAIN, record_bytes=RECORD_BYTES)))
    assert items_of(dataset) == ITEMS
    assert len(dataset) == 3
    assert dataset.labels.dtype == np.int64
    assert not dataset.labels.flags.writeable
    assert [(info.index, info.wnid, info.names[0]) for info in dataset.classes] == [
        (0, "n01440764", "tench"),
        (1, "n01443537", "goldfish"),
    ]
    assert (dataset.family, dataset.skipped, dataset.name) == ("train", 0, "t.tar")
    assert repr(dataset) == "<Dataset 't.tar': 3 items in 2 classes>"


def test_what_the_loader_takes(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tar", train_tar(TRAIN))
    dataset = open_archive(path, index=False)
    assert [each.archive.path for each in dataset.columns.archives] == [path]
    assert dataset.columns.item_archive is None
    assert (dataset.columns.offsets.dtype, dataset.sizes.dtype) == (np.uint64, np.uint64)
    assert not dataset.sizes.flags.writeable
    data = path.read_bytes()
    for offset, size, (_, _, content) in zip(
        dataset.columns.offsets.tolist(), dataset.sizes.tolist(), ITEMS, strict=True
    ):
        assert data[offset : offset + size] == content


@pytest.mark.parametrize(
    ("name", "wnid"),
    [
        ("n01440764_18.JPEG", "n01440764"),
        ("n01440764/n01440764_18.JPEG", "n01440764"),
        ("ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_18.JPEG", "n01440764"),
        ("n01440764_10026_n01440764.JPEG", "n01440764"),  # Hugging Face
        ("n00141669_6790_n06470073.JPEG", "n06470073"),
        ("n06470073/n00141669_6790.JPEG", "n06470073"),  # the folder decides
        ("n06470073/n00141669_6790_n01440764.JPEG", "n06470073"),
        ("n06470073/images/n00141669_6790.JPEG", "n06470073"),
        ("n00141669/n06470073/x.JPEG", "n06470073"),  # the innermost one
        ("n06470073/picture.jpg", "n06470073"),
        ("images.n01/n01440764_18.jpeg", "n01440764"),
        ("n0644/n01440764_18.png", "n01440764"),
        ("n064400731/n01440764_18.png", "n01440764"),
        ("n0644007a/n01440764_18.png", "n01440764"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_where_the_wnid_may_stand(tmp_path: Path, name: str, wnid: str, nested: bool) -> None:
    members = {"n02084071_1.JPEG": JPEG, name: JPEG}
    archive = tar({"train.tar": tar(members)} if nested else members)
    prefix = "train/" if nested else ""
    dataset = open_archive(write(tmp_path / "x.tar", archive), split="all")
    # Split by split: what is in a folder train comes before what is beside it.
    assert sorted(labelled(dataset)) == sorted(
        [(f"{prefix}n02084071_1.JPEG", "n02084071"), (f"{prefix}{name}", wnid)]
    )


folders = st.sampled_from(
    ["n01440764", "n01443537", "train", "n123", "n1234567x", "ü", "N01440764"]
)
bases = st.sampled_from(
    ["n01440764_1.JPEG", "n02084071_22.jpg", "n02084071.png", "x.JPEG", "n1.JPEG", "n"]
)


def wnid_of(name: str) -> str:
    """The rule in plain words: innermost folder that is a wnid, else the start of the name."""
    *parents, base = name.split("/")
    for folder in reversed(parents):
        if wnid_number(folder) >= 0:
            return folder
    return base[:9] if wnid_number(base[:9]) >= 0 else ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.lists(folders, max_size=3), bases), min_size=1, max_size=12))
@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_labels_follow_the_rule(tmp_path: Path, paths: list[tuple[list[str], str]]) -> None:
    names = list(dict.fromkeys("/".join([*parents, base]) for parents, base in paths))
    expected = [(name, wnid_of(name)) for name in names if wnid_of(name)]
    path = write(tmp_path / "x.tar", tar(dict.fromkeys(names, JPEG)))
    if not expected:
        with pytest.raises(UnsupportedError, match="no wnid"):
            open_archive(path, index=False)
        return
    dataset = open_archive(path, split="all", index=False)
    assert sorted(labelled(dataset)) == sorted(expected), "split by split, train first"
    assert [info.wnid for info in dataset.classes] == sorted({wnid for _, wnid in expected})
    assert dataset.skipped == len(names) - len(expected)


def test_members_that_are_no_images_are_counted_and_said(tmp_path: Path) -> None:
    archive = (
        tar(
            {
                "README.txt": b"read me",
                "n01440764.tar": tar({"n01440764_1.JPEG": JPEG, "list.csv": b"a,b", "z": b""}),
                "stray.JPEG": JPEG,
            }
        )[: -len(END)]
        + entry("n01440764_2.JPEG", type=tarfile.LNKTYPE, linkname="n01440764_1.JPEG")
        + END
    )
    path = write(tmp_path / "t.tar", archive)
    for _ in range(2):  # when it is scanned, and when its index is read
        with pytest.warns(FastinetWarning) as caught:
            dataset = open_archive(path)
        assert [key for key, _ in labelled(dataset)] == ["n01440764/n01440764_1.JPEG"]
        assert dataset.skipped == 5
        messages = " | ".join(str(warning.message) for warning in caught)
        assert "3 members skipped as no images" in messages
        assert "README.txt, n01440764/list.csv, n01440764/z" in messages
        assert "1 members skipped as images without a wnid in their names: stray.JPEG" in messages
        assert "1 hard links skipped" in messages
        assert all(warning.filename == __file__ for warning in caught)


def test_images_are_known_by_name_or_by_content(tmp_path: Path) -> None:
    """Damaged and empty ones stay: they must fail under their own names, not be missing."""
    members = {
        "n01440764_1.JPEG": JPEG,
        "n01440764_2.JPEG": PNG,
        "n01440764_3.bin": JPEG,
        "n01440764_4": PNG,
        "n01440764_5.jpeg": gzip.compress(JPEG),
        "n01440764_6.JPG": b"",
        "n01440764_7.PnG": b"damaged",
    }
    dataset = open_archive(write(tmp_path / "t.tar", tar({"n01440764.tar": tar(members)})))
    assert [data for _, _, data in items_of(dataset)] == list(members.values())


def test_resource_forks_of_macos_are_no_images(tmp_path: Path) -> None:
    fork = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"
    members = {"._n01440764_1.JPEG": fork, "n01440764_1.JPEG": JPEG}
    path = write(tmp_path / "n01440764.tar", tar(members))
    with pytest.warns(FastinetWarning, match=r"1 files and folders passed over.*\._n0"):
        assert list(open_archive(path).keys) == ["n01440764/n01440764_1.JPEG"]


def test_a_class_without_images_keeps_its_label(tmp_path: Path) -> None:
    archive = train_tar({"n01440764": {}, "n01443537": {"n01443537_1.JPEG": JPEG}})
    with pytest.warns(FastinetWarning, match="1 classes have no images: n01440764"):
        dataset = open_archive(write(tmp_path / "t.tar", archive))
    assert dataset.labels.tolist() == [1]
    assert len(dataset.classes) == 2


def test_read_takes_indices_as_sequences_do(tmp_path: Path) -> None:
    dataset = open_archive(write(tmp_path / "t.tar", train_tar(TRAIN)))
    assert dataset.read(-1) == dataset.read(2) == dataset.read(np.int64(2)) == ITEMS[2][2]
    for index in (3, -4, 2**70):
        with pytest.raises(IndexError, match=f"there is no item {index} among 3"):
            dataset.read(index)
    with pytest.raises(TypeError):
        dataset.read(1.0)  # type: ignore[arg-type]


def test_archives_that_change_after_opening(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tar", train_tar(TRAIN))
    dataset = open_archive(path)
    end = int(dataset.columns.offsets[2])
    os.truncate(path, end + 1)
    assert dataset.read(0) == ITEMS[0][2]
    with pytest.raises(ReadError, match="cut since it was indexed") as caught:
        dataset.read(2)
    assert (caught.value.archive, caught.value.member, caught.value.offset) == (
        str(path),
        ITEMS[2][0],
        end + 1,
    )
    path.unlink()
    assert dataset.read(0) == ITEMS[0][2]  # it is open
    elsewhere = pickle.loads(pickle.dumps(dataset))  # noqa: S301
    with pytest.raises(MissingError, match=r"member 'n01440764/n01440764_18\.JPEG'"):
        elsewhere.read(2)


def test_selections(tmp_path: Path) -> None:
    for wnid, members in TRAIN.items():
        write(tmp_path / "train" / f"{wnid}.tar", tar(members))
    dataset = open_archive(tmp_path / "train")
    everything = items_of(dataset)
    assert items_of(dataset.select([2, 0, -1])) == [everything[i] for i in (2, 0, 2)]
    assert items_of(dataset.select(dataset.labels == 1)) == everything[2:]
    assert items_of(dataset.select([2, 0]).select([1])) == everything[:1]
    assert dataset.select([2]).classes == dataset.classes
    assert dataset.select([2, 0]).sizes.tolist() == [len(everything[i][2]) for i in (2, 0)]
    assert not dataset.select([2, 0]).sizes.flags.writeable
    assert len(dataset.select(np.array([], np.int64))) == 0
    assert len(dataset) == 3
    with pytest.raises(IndexError):
        dataset.select([3])


def test_labels_cannot_be_changed(dataset: Dataset) -> None:
    for chosen in (dataset, dataset.select([3, 1])):
        with pytest.raises(ValueError, match="read-only"):
            chosen.labels[0] = 1
