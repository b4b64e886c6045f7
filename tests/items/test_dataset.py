"""Opening archives: which families are recognised, what their labels are, and what is refused."""

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

from fastinet.datasets.classes import class_table, imagenet1k_wnids
from fastinet.datasets.keys import Keys
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.errors import (
    CorruptError,
    FastinetError,
    FastinetWarning,
    MissingError,
    ReadError,
    UnsupportedError,
)
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


def test_a_folder_of_class_tars(tmp_path: Path) -> None:
    for wnid, members in TRAIN.items():
        write(tmp_path / "train" / f"{wnid}.tar", tar(members))
    dataset = open_archive(tmp_path / "train")
    assert sorted(items_of(dataset)) == sorted(ITEMS)
    assert [each.archive.name for each in dataset.columns.archives] == [
        "n01440764.tar",
        "n01443537.tar",
    ]
    assert dataset.columns.item_archive is not None
    assert dataset.columns.item_archive.dtype == np.int32
    assert dataset.columns.item_archive.tolist() == [0, 0, 1]
    again = open_archive(tmp_path / "train")
    assert items_of(again) == items_of(dataset)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "train.fastinet"]


def test_a_class_tar_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "n01440764.tar", tar(TRAIN["n01440764"]))
    assert items_of(open_archive(path)) == [(key, 0, data) for key, _, data in ITEMS[1:]]


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
    assert labelled(open_archive(write(tmp_path / "x.tar", archive))) == [
        (f"{prefix}n02084071_1.JPEG", "n02084071"),
        (f"{prefix}{name}", wnid),
    ]


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
    dataset = open_archive(path, index=False)
    assert labelled(dataset) == expected
    assert [info.wnid for info in dataset.classes] == sorted({wnid for _, wnid in expected})
    assert dataset.skipped == len(names) - len(expected)


def test_wnids_and_their_numbers() -> None:
    assert wnid_number("n01440764") == 1440764
    assert wnid_text(1440764) == "n01440764"
    for name in (
        "",
        "n",
        "n0144076",
        "n014407644",
        "m01440764",
        "n0144076x",
        "n\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "n+1440764",
    ):
        assert wnid_number(name) == -1


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
        assert "1 entries skipped that are links" in messages
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
    with pytest.warns(FastinetWarning, match="1 members skipped as no images"):
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


def test_keys_are_a_sequence(tmp_path: Path) -> None:
    keys = open_archive(write(tmp_path / "t.tar", train_tar(TRAIN))).keys
    names = [key for key, _, _ in ITEMS]
    assert isinstance(keys, Keys)
    assert list(keys) == names
    assert keys[-1] == names[-1]
    assert list(keys[1:]) == names[1:]
    assert list(keys[::-1]) == names[::-1]
    assert names[1] in keys
    assert keys.index(names[2]) == 2
    assert repr(keys[:1]) == f"<1 keys: {names[0]!r}>"
    with pytest.raises(IndexError):
        keys[3]


def test_progress(tmp_path: Path) -> None:
    for wnid, members in TRAIN.items():
        write(tmp_path / "train" / f"{wnid}.tar", tar(members))
    reports: list[tuple[int, int]] = []
    open_archive(tmp_path / "train", progress=lambda done, total: reports.append((done, total)))
    total = sum(path.stat().st_size for path in (tmp_path / "train").iterdir())
    assert reports == sorted(reports)
    assert reports[-1] == (total, total)
    reports.clear()
    open_archive(tmp_path / "train", progress=lambda done, total: reports.append((done, total)))
    assert reports == []


@pytest.mark.parametrize(
    ("archive", "kind", "message"),
    [
        (b"", CorruptError, "the file is empty"),
        (b"no tar" * 200, CorruptError, "not a tar"),
        (b"<!DOCTYPE html>\n", CorruptError, "not a tar: .*a web page"),
        (b"<html>" * 200, CorruptError, "not a tar: .*a web page"),
        (gzip.compress(b"x", mtime=0), CorruptError, "not a tar"),
        (END, CorruptError, "no image in it"),
        (tar({"README": b"text"}), CorruptError, "no image in it"),
        (tar({"n01440764.tar": END}), CorruptError, "no image in it"),
        (tar({"kit/data/meta.mat": b""}), UnsupportedError, "development kit.* labels= or devkit="),
        (tar({"val/ILSVRC2012_val_00000001.xml": b""}), UnsupportedError, r"fastinet\.read_boxes"),
        (tar({"x/n01440764_1.pt": b""}), UnsupportedError, r"fastinet\.open_label_maps"),
        (tar({"picture.JPEG": JPEG}), UnsupportedError, "carry no wnid"),
        (train_tar(TRAIN)[:-1], CorruptError, "truncated.*; `fastinet verify` says more"),
    ],
)
def test_refusals(tmp_path: Path, archive: bytes, kind: type[FastinetError], message: str) -> None:
    path = write(tmp_path / "t.tar", archive)
    with pytest.raises(kind, match=message) as caught:
        open_archive(path)
    assert caught.value.archive == str(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.tar"]


def test_refused_paths(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file or folder"):
        open_archive("")
    with pytest.raises(MissingError, match="no such file or folder"):
        open_archive(tmp_path / "t.tar")
    with pytest.raises(MissingError, match="a folder without images and class tars"):
        open_archive(tmp_path)
    write(tmp_path / "ILSVRC2012_img_train.tar", train_tar(TRAIN))
    with pytest.raises(MissingError, match=r"by its own path: ILSVRC2012_img_train\.tar"):
        open_archive(tmp_path)
    with pytest.raises(UnsupportedError, match="not a regular file"):
        open_archive(Path(os.devnull))


def test_other_files_in_a_folder_are_said(tmp_path: Path) -> None:
    write(tmp_path / "train" / "n01440764.tar", tar(TRAIN["n01440764"]))
    write(tmp_path / "train" / "n01443537.tar.gz", b"")
    with pytest.warns(FastinetWarning, match=r"1 files passed over.*n01443537\.tar\.gz"):
        assert len(open_archive(tmp_path / "train")) == 2


def test_an_error_in_one_of_several_archives_names_it(tmp_path: Path) -> None:
    write(tmp_path / "train" / "n01440764.tar", tar(TRAIN["n01440764"]))
    broken = write(tmp_path / "train" / "n01443537.tar", tar(TRAIN["n01443537"])[:700])
    with pytest.raises(CorruptError, match="truncated") as caught:
        open_archive(tmp_path / "train")
    assert caught.value.archive == str(broken)


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
