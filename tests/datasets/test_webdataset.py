"""WebDataset shards: items and labels against tarfile and plain grouping, from shard to batch."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharded import (
    JPEG,
    PNG,
    Member,
    is_in_order,
    items_of,
    labelled,
    members_of,
    samples_of,
    shard,
)

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import label_of
from fastinet.datasets.validation import validation_labels
from fastinet.errors import (
    CorruptError,
    FastinetError,
    FastinetWarning,
    UnsupportedError,
)
from fastinet.testing.archives import END, entry, extract, tar
from fastinet.testing.small import small_jpeg
from fastinet.testing.webdataset import shard_members, write_shards

WNIDS = imagenet1k_wnids()
SMALL = RandomResizedCrop(8)


pytestmark = pytest.mark.usefixtures("own_cache")


keys = st.sampled_from(["a", "b", "a/a", "ab", "ü", "long" * 40])
kinds: st.SearchStrategy[tuple[str, Any]] = st.sampled_from(
    [
        ("jpg", JPEG + b"1"), ("JPEG", JPEG + b"2"), ("png", PNG), ("seg.png", PNG + b"mask"),
        ("jpg", b"damaged"), ("bin", JPEG + b"3"), ("txt", b"words"), ("", b""), ("cls", b"3"),
        ("cls", b"12\n"), ("CLS", b"00000000004"), ("json", b'{"label": 5, "x": []}'),
    ]
)  # fmt: skip
contents = st.lists(st.tuples(keys, st.lists(kinds, min_size=1, max_size=4)), max_size=8)


def named(samples: list[tuple[str, list[tuple[str, bytes]]]]) -> list[Member]:
    return [
        (f"{key}.{extension}" if extension else key, data)
        for key, files in samples
        for extension, data in files
    ]


def labels_there(paths: list[Path]) -> list[bool]:
    """Of each item of the shards whether it has a label."""
    return [any(kind in ("cls", "json") for kind, _ in others) for _, others in samples_of(paths)]


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@settings(max_examples=150)
@given(parts=st.lists(contents, min_size=1, max_size=3), compressed=st.booleans())
def test_any_members(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[tuple[str, list[tuple[str, bytes]]]]],
    compressed: bool,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    paths = [
        shard(folder / f"{number}.tar", *named(samples), compressed=compressed)
        for number, samples in enumerate(parts)
    ]
    expected = samples_of(paths, by_function=True)
    seen: list[tuple[str, dict[str, bytes]]] = []

    def label(key: str, companions: dict[str, bytes]) -> int:
        seen.append((key, companions))
        return len(seen) + 7

    if expected:
        dataset = fastinet.open(paths, labels=label)
        assert items_of(dataset) == [(*image, i + 8) for i, (image, _) in enumerate(expected)]
        assert seen == [(name, dict(reversed(others))) for (name, _), others in expected]
        assert dataset.index is None
    else:
        with pytest.raises(CorruptError, match="no image"):
            fastinet.open(paths, labels=label)

    has_label = labels_there(paths)
    if has_label and all(has_label):
        assert items_of(fastinet.open(paths)) == labelled(paths)
        again = fastinet.open(paths)  # by its index
        assert items_of(again) == labelled(paths)
        assert len(again.classes) == again.labels.max() + 1
    else:
        with pytest.raises(FastinetError, match="no label" if any(has_label) else "no image|wnid"):
            fastinet.open(paths)


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@settings(max_examples=100)
@given(parts=st.lists(contents, min_size=1, max_size=3), compressed=st.booleans())
def test_streams_take_shards_apart_alike(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[tuple[str, list[tuple[str, bytes]]]]],
    compressed: bool,
) -> None:
    """One behind the other they are the samples that the index has, of names that come once."""
    folder = tmp_path_factory.mktemp("s")
    paths = [
        shard(folder / f"{number}.tar", *dict(named(samples)).items(), compressed=compressed)
        for number, samples in enumerate(parts)
    ]
    data = b"".join([path.read_bytes() for path in paths])
    expected = samples_of(paths, by_function=True)
    seen: list[tuple[str, dict[str, bytes]]] = []

    def label(key: str, companions: Mapping[str, bytes]) -> int:
        seen.append((key, dict(companions)))
        return 0

    stream = fastinet.open_stream(io.BytesIO(data), labels=label, split="all")
    loader = fastinet.StreamLoader(stream, 4, fastinet.Resize(4), on_error="mask")
    if not all(is_in_order(members_of(path)) for path in paths):
        with contextlib.suppress(UnsupportedError):
            list(loader)
        return
    if not expected:
        with pytest.raises(fastinet.errors.FastinetError, match="no image"):
            list(loader)
        return
    list(loader)
    assert seen == [(name, dict(reversed(others))) for (name, _), others in expected]
    assert stream.skipped == fastinet.open(paths, labels=label).skipped

    has_label = labels_there(paths)
    if has_label and all(has_label):
        stream = fastinet.open_stream(io.BytesIO(data))
        items = list(stream.items())
        found = [(item.key, item.data, stream.label(item.key, item.companions)) for item in items]
        assert found == labelled(paths)
        assert stream.skipped == fastinet.open(paths).skipped


# ------------------------------------------------------------------------------------------ labels


@pytest.mark.parametrize(
    ("content", "extension", "label"),
    [
        (b"7", "cls", 7),
        (b" 0012\r\n", "cls", 12),
        (b'{"cls": 3}', "json", 3),
        (b'{"cls": 3, "label": 4}', "json", 4),
        (b'{"label": "tench", "cls": 0}', "json", 0),
        (b'\xef\xbb\xbf{"label": 1}', "json", 1),
    ],
)
def test_labels(content: bytes, extension: str, label: int) -> None:
    assert label_of(content, extension) == label


BAD_LABELS = [
    ("cls", b"", "a decimal number expected, got b''"),
    ("cls", b"tench", "got b'tench'"),
    ("cls", b"-1", "got b'-1'"),
    ("cls", b"1 2", "got b'1 2'"),
    ("cls", b"3.0", "got b'3.0'"),
    ("cls", "٣".encode(), "a decimal number expected"),
    ("cls", b"12345678", "whole number from 0 to 1048575, not 12345678"),
    ("cls", b"9" * 30, "a decimal number expected"),
    ("cls", b"1" * 70_000, "it has 70000 bytes"),
    ("json", b'{"label": true}', "not True"),
    ("json", b'{"label": 3.5}', "not 3.5"),
    ("json", b'{"label": "x"}', "not 'x'"),
    ("json", b'{"label": -2}', "not -2"),
    ("json", b'{"label": 1e400}', "not inf"),
    ("json", b"{", "no JSON"),
    ("json", b"[" * 60_000, "no JSON"),
    ("json", b"\xff\xfe\xff", "no JSON"),
    ("json", b"[3]", "an object expected"),
    ("json", b'{"caption": ""}', "no 'label' and no 'cls'"),
]


@pytest.mark.parametrize(("extension", "content", "complaint"), BAD_LABELS)
def test_what_is_no_label(tmp_path: Path, extension: str, content: bytes, complaint: str) -> None:
    good = [("0.jpg", JPEG), ("0.json", b'{"label": 1}'), ("0.cls", b"1")]
    path = shard(tmp_path / "s.tar", *good, ("1.jpg", JPEG), (f"1.{extension}", content))
    with pytest.raises(CorruptError) as caught:
        fastinet.open(path)
    assert complaint in str(caught.value)
    assert (caught.value.archive, caught.value.member) == ("s.tar", f"1.{extension}")
    assert caught.value.offset == 512 * 9
    assert not list(tmp_path.glob("*.fastinet"))


def test_a_shard_without_its_labels(tmp_path: Path) -> None:
    write_shards(tmp_path / "a", 1, 4, 2)
    bare = tmp_path / "bare.tar"
    bare.write_bytes(tar(shard_members([0, 1], kind="none")))
    paths = [tmp_path / "a" / "train-0000.tar", bare]
    with pytest.raises(CorruptError, match=r"2 images have no label.*Give labels= a function"):
        fastinet.open(paths)
    with pytest.raises(UnsupportedError, match="labels= takes a function"):
        fastinet.open(bare)


UNSORTED = [
    ("0.jpg", JPEG), ("0.cls", b"1"), ("1.jpg", JPEG), ("2.jpg", JPEG), ("1.cls", b"2"),
    ("2.cls", b"3"),
]  # fmt: skip


def test_labels_may_lie_anywhere_in_the_shard(tmp_path: Path) -> None:
    """A stream, which cannot go back, says where they came apart, and what to do."""
    for members in (UNSORTED, UNSORTED[::-1], sorted(UNSORTED, key=lambda m: m[0][::-1])):
        path = shard(tmp_path / "s.tar", *members)
        dataset = fastinet.open(path, index=False)
        assert items_of(dataset) == labelled([path])
        assert dict(zip(dataset.keys, dataset.labels.tolist(), strict=True)) == {
            "0.jpg": 1, "1.jpg": 2, "2.jpg": 3
        }  # fmt: skip
        with pytest.raises(UnsupportedError, match=r"not beside each other.*tar --sort=name"):
            list(fastinet.open_stream(path).items())


@pytest.mark.parametrize(
    "members",
    [
        [("n01440764/a.jpg", JPEG), ("n01440764/b.jpg", JPEG), ("n01440764/a.cls", b"3")],
        [("n01440764/a.cls", b"3"), ("n01440764/b.jpg", JPEG), ("n01440764/a.jpg", JPEG)],
        [("n01440764/a.jpg", JPEG), ("n01440764/b.jpg", JPEG), ("n01440764/a.txt", b"a fish")],
        [("n01440764/a.jpg", JPEG), ("n01440764/b.jpg", JPEG), ("n01440764/a.npy", bytes(70_000))],
        [("a.jpg", JPEG), ("a.cls", b"3"), ("b.jpg", JPEG), ("a.depth.png", PNG)],
        [("a.v1.jpg", JPEG), ("a.v1.cls", b"3"), ("b.jpg", JPEG), ("a.v1.txt", b"words")],
        [("a.v1.jpg", JPEG), ("a.v1.cls", b"3"), ("b.jpg", JPEG), ("a.txt", b"words")],
    ],
)
def test_a_stream_refuses_what_has_come_apart(members: list[Member], tmp_path: Path) -> None:
    """Though a label could be had without, from a folder or from what came before."""
    path = shard(tmp_path / "s.tar", *members)
    with pytest.raises(UnsupportedError, match="other files of its sample have passed") as caught:
        list(fastinet.open_stream(path).items())
    assert caught.value.member == members[-1][0]
    # In the next tar it is another sample.
    data = shard(tmp_path / "a.tar", *members[:-1]).read_bytes()
    data += shard(tmp_path / "b.tar", *members[-1:]).read_bytes()
    list(fastinet.open_stream(io.BytesIO(data), split="all").items())


def test_images_of_a_name_may_come_apart_where_nothing_belongs_to_them(tmp_path: Path) -> None:
    members = [(f"n01440764/{name}", JPEG) for name in ("a.jpg", "b.jpg", "a.png", "a.jpeg")]
    path = shard(tmp_path / "s.tar", *members, ("a.txt", b"1"), ("n0144/a.cls", b"1"))
    items = list(fastinet.open_stream(path).items())
    assert [item.key for item in items] == [name for name, _ in members]


def test_objects_that_say_nothing_of_labels(tmp_path: Path) -> None:
    """As img2dataset writes them; and what was recognised without shards still is."""
    said = json.dumps({"caption": "a fish", "key": "000"}).encode()
    path = shard(tmp_path / "s.tar", ("0.jpg", JPEG), ("0.json", said), ("0.txt", b"a fish"))
    with pytest.raises(UnsupportedError, match="carry no wnid"):
        fastinet.open(path)
    dataset = fastinet.open(path, labels=lambda _, files: len(json.loads(files["json"])))
    assert dataset.labels.tolist() == [2]
    train = shard(tmp_path / "t.tar", ("n01440764_1.jpg", JPEG), ("n01440764_1.json", said))
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(train)
    (warning,) = caught
    assert "1 members that are no images have an image's name, and are its companions" in str(
        warning.message
    )
    assert str(warning.message).endswith(": n01440764_1.json")
    assert (dataset.family, dataset.classes[0].wnid) == ("train", "n01440764")


def test_a_label_function(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path, 3, 12, 4, kind="both")
    kept = fastinet.open(pattern)
    asked: list[str] = []

    def label(key: str, companions: dict[str, bytes]) -> int:
        asked.append(key)
        assert sorted(companions) == ["cls", "json"]
        return int(companions["cls"]) + json.loads(companions["json"])["number"]

    dataset = fastinet.open(pattern, labels=label)
    assert asked == list(kept.keys)
    assert dataset.labels.tolist() == (kept.labels + np.arange(12)).tolist()
    assert dataset.index is None
    fastinet.open(pattern, labels=label)
    assert len(asked) == 24
    assert fastinet.open(pattern).labels.tolist() == kept.labels.tolist()
    some = fastinet.open(pattern, labels=lambda key, _: -1 if key.startswith("sample000001") else 2)
    assert some.labels.tolist() == [2, -1, *[2] * 10]
    none = fastinet.open(pattern, labels=lambda *_: -1)
    assert (none.labels.max(), len(none.classes)) == (-1, 1000)
    for wrong in (-2, 1 << 20, "x", 1.5, None):
        with pytest.raises(ValueError, match=r"the label of 'sample000000\.jpg' must be"):
            fastinet.open(pattern, labels=lambda *_, wrong=wrong: wrong)  # type: ignore[misc]
    with pytest.raises(KeyError, match="txt"):
        fastinet.open(pattern, labels=lambda _, files: int(files["txt"]))


def test_a_label_function_on_other_archives(tmp_path: Path, archive_path: Path) -> None:
    """Any archive, and the folder that shards were extracted to."""
    official = fastinet.open(archive_path, index=False)
    dataset = fastinet.open(archive_path, labels=lambda key, _: int(key.split("_")[1][:-5]))
    assert list(dataset.keys) == list(official.keys)
    assert dataset.labels.tolist() == [int(k.split("_")[1][:-5]) for k in official.keys]
    assert dataset.classes[3].names == ()
    folder = tmp_path / "extracted"
    folder.mkdir()
    members = shard_members([3, 1, 2])
    for name, content in members.items():
        (folder / name).write_bytes(content)
    dataset = fastinet.open(folder, labels=lambda _, files: int(files["cls"]))
    assert items_of(dataset) == [
        (f"sample00000{n}.jpg", members[f"sample00000{n}.jpg"], label)
        for n, label in enumerate([3, 1, 2])
    ]
    assert fastinet.open(folder).labels.tolist() == [3, 1, 2]


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("kind", ["cls", "json"])
def test_a_folder_that_shards_were_extracted_to(tmp_path: Path, kind: Any) -> None:
    """Its items are those of a tar of it, and its index notices another label in a file."""
    members = dict(sorted(shard_members([3, 1, 2, 9], kind=kind, keys="d/{number}").items()))
    members["d/0.v2.jpg"] = JPEG  # a second image
    members = dict(sorted(members.items()))
    folder = extract(members, tmp_path / "train")
    path = shard(tmp_path / "s.tar", *members.items())
    with pytest.warns(FastinetWarning, match=r"1 images passed over.*d/0\.v2\.jpg"):
        opened = fastinet.open(folder)
    assert items_of(opened) == labelled([path])
    assert (opened.family, opened.split) == ("webdataset", "train")
    assert opened.companions(1) == {kind: members[f"d/1.{kind}"]}
    with pytest.warns(FastinetWarning, match="passed over") as caught:
        again = fastinet.open(folder)
    assert not [warning for warning in caught if "stale" in str(warning.message)]
    assert items_of(again) == items_of(opened)
    changed = folder / f"d/2.{kind}"
    changed.write_bytes(changed.read_bytes().replace(b"2", b"5", 1))  # of the same size
    os.utime(changed, ns=(1, 1))
    with pytest.warns(FastinetWarning, match="stale"):
        assert fastinet.open(folder).labels.tolist() == [3, 1, 5, 9]


def test_large_companions_are_left_out(tmp_path: Path) -> None:
    path = shard(tmp_path / "s.tar", ("0.jpg", JPEG), ("0.npy", bytes(65_537)), ("0.txt", b"1"))
    seen: list[list[str]] = []
    fastinet.open(path, labels=lambda _, files: seen.append(sorted(files)) or 0)  # type: ignore[func-returns-value]
    assert seen == [["txt"]]


def test_given_labels_go_on_top(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path, 2, 6, 6)
    assert fastinet.open(pattern, labels=[0, 1, 2, 3, 4, 5]).labels.tolist() == list(range(6))


# ----------------------------------------------------------------------------- classes and splits


def test_the_classes_of_imagenet1k(tmp_path: Path) -> None:
    def open_named(*images: tuple[str, int], split: str = "all") -> fastinet.Dataset:
        members = [
            (f"{k}.{e}", d) for k, n in images for e, d in (("jpg", JPEG), ("cls", b"%d" % n))
        ]
        return fastinet.open(shard(tmp_path / "s.tar", *members), index=False, split=split)

    val = f"ILSVRC2012_val_{3:08d}"
    with pytest.warns(FastinetWarning, match="2 classes have no images in split 'val'"):
        known = open_named(
            (f"{WNIDS[9]}_18", 9), ("other", 999), (val, int(validation_labels()[2])), split="val"
        )
    assert [info.wnid for info in known.classes] == list(WNIDS)
    assert known.classes[9].names
    assert [info.wnid for info in open_named(("other", 2)).classes] == ["0", "1", "2"]
    assert open_named((f"{WNIDS[9]}/18", 9)).classes[9].wnid == WNIDS[9]
    beyond = open_named((f"{WNIDS[9]}_18", 9), ("other", 1000))
    assert len(beyond.classes) == 1001
    assert [beyond.classes[label].wnid for label in (8, 9, 1000)] == ["8", WNIDS[9], "1000"]


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (["imagenet1k-train-0000.tar", "imagenet1k-train-0001.tar"], "train"),
        (["imagenet1k-validation-00.tar"], "val"),
        (["val_0.tar", "val_1.tar"], "val"),
        (["test-0.tar"], "test"),
        (["val-of-train.tar"], "train"),
        (["interval.tar"], "train"),
    ],
)
def test_splits(tmp_path: Path, names: list[str], split: str) -> None:
    paths = [shard(tmp_path / name, ("0.jpg", JPEG), ("0.cls", b"1")) for name in names]
    assert fastinet.open(paths).split == split


@pytest.mark.filterwarnings("ignore:.*classes have no images in split")
def test_shards_of_several_splits_are_not_merged(tmp_path: Path) -> None:
    paths = [
        shard(
            tmp_path / f"{name}.tar",
            *((f"{name}-0.jpg", JPEG), (f"{name}-0.cls", b"%d" % label)),
            *((f"{name}-1.jpg", JPEG), (f"{name}-1.cls", b"2")),
        )
        for name, label in (("val-00", 0), ("train-00", 1))
    ]
    with pytest.warns(FastinetWarning, match="its split 'train'; split= takes the others: val"):
        train = fastinet.open(paths)
    val = fastinet.open(paths, split="val")
    assert (list(train.keys), list(val.keys)) == (
        ["train-00-0.jpg", "train-00-1.jpg"],
        ["val-00-0.jpg", "val-00-1.jpg"],
    )
    assert (train.labels.tolist(), val.labels.tolist()) == ([1, 2], [0, 2])
    assert [info.wnid for info in train.classes] == [info.wnid for info in val.classes]
    assert list(fastinet.open(paths, split="all").keys) == [*train.keys, *val.keys]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("by_function", [True, False])
def test_folders_tell_the_splits_of_samples(
    tmp_path: Path, packed: bool, by_function: bool
) -> None:
    images = {"train/cat/0": 0, "train/dog/1": 1, "train/dog/2": 1, "val/cat/3": 0, "val/dog/4": 1}
    members = [
        member
        for name, label in images.items()
        for member in ((f"{name}.jpg", JPEG), (f"{name}.cls", b"%d" % label))
        if not by_function or member[0].endswith("jpg")
    ]
    path = shard(tmp_path / "pets.tar", *members)
    opened = path if packed else extract(dict(members), tmp_path / "pets")

    def by_folder(key: str, _: Mapping[str, bytes]) -> int:
        return ["cat", "dog"].index(key.split("/")[-2])

    labels = by_folder if by_function else None
    for split in ("train", "val"):
        ds = fastinet.open(opened, split=split, labels=labels)
        mine = {f"{name}.jpg": label for name, label in images.items() if name.startswith(split)}
        assert dict(zip(ds.keys, ds.labels.tolist(), strict=True)) == mine
        assert [info.wnid for info in ds.classes] == ["0", "1"]
        stream = fastinet.open_stream(path, split=split, labels=labels)
        assert [item.key for item in stream.items()] == list(mine)
    with pytest.warns(FastinetWarning, match="split= takes the others: val"):
        assert len(fastinet.open(opened, labels=labels)) == 3


def test_concatenations_keep_numbers_as_they_are(tmp_path: Path) -> None:
    first = fastinet.open(write_shards(tmp_path / "a", 2, 20, 12))
    second = fastinet.open(write_shards(tmp_path / "b", 2, 10, 5, seed=1))
    joined = fastinet.concatenate([first, second])
    assert joined.labels.tolist() == [*first.labels.tolist(), *second.labels.tolist()]
    assert [info.wnid for info in joined.classes] == [str(n) for n in range(12)]


# --------------------------------------------------------------------------------- odd and damaged


def test_two_images_in_a_sample(tmp_path: Path) -> None:
    path = shard(
        tmp_path / "s.tar", ("0.depth.png", PNG), ("0.jpg", JPEG), ("0.png", PNG), ("0.cls", b"1"),
        ("1.seg.png", PNG), ("1.cls", b"2"), ("2.txt", b"no image"),
    )  # fmt: skip
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(path)
    assert items_of(dataset) == [("0.jpg", JPEG, 1), ("1.seg.png", PNG, 2)]
    messages = " ".join(str(warning.message) for warning in caught)
    assert (
        "2 images passed over, for another one is the item of their samples: 0.depth.png"
        in messages
    )
    assert "1 members skipped that belong to no image: 2.txt" in messages
    assert dataset.skipped == 3


def test_images_of_other_formats(tmp_path: Path) -> None:
    """A sample with nothing else has no item; one beside an item is its companion."""
    webp = b"RIFF\x10\0\0\0WEBPVP8 "
    path = shard(
        tmp_path / "s.tar", ("0.jpg", JPEG), ("0.webp", webp), ("0.cls", b"1"), ("1.webp", webp),
        ("1.cls", b"2"), ("2.image", b"GIF89a"),
    )  # fmt: skip
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(path)
    assert items_of(dataset) == [("0.jpg", JPEG, 1)]
    messages = " ".join(str(warning.message) for warning in caught)
    assert "2 images passed over that are neither JPEG nor PNG: convert them" in messages
    assert ": 1.webp, 2.image" in messages
    assert "1 members skipped that belong to no image: 1.cls" in messages
    assert dataset.skipped == 3


def test_what_tars_have_besides(tmp_path: Path) -> None:
    """Folders, links, and the files that macOS adds, which part no sample."""
    fork, image = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", small_jpeg(np.random.default_rng(0))
    pieces = [
        entry("./", type=tarfile.DIRTYPE),
        entry("./._0.jpg", fork), entry("./0.jpg", image), entry("./._0.cls", fork),
        entry("./0.cls", b"4"), entry("./link", type=tarfile.SYMTYPE, linkname="../0.jpg"),
    ]  # fmt: skip
    (tmp_path / "s.tar").write_bytes(b"".join(pieces) + END)
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(tmp_path / "s.tar")
    messages = " | ".join(str(warning.message) for warning in caught)
    assert "2 files and folders passed over that are hidden" in messages
    assert "1 symbolic links skipped that lead to nothing in the archive: link -> ../0" in messages
    assert dataset.labels.tolist() == [4]
    assert dataset.skipped == 3
    seen = []
    with (tmp_path / "s.tar").open("rb") as file:
        stream = fastinet.open_stream(file, labels=lambda *item: len(seen.append(item) or seen))
        with pytest.warns(FastinetWarning, match="3 entries"):
            list(fastinet.StreamLoader(stream, 4, fastinet.Resize(4), on_error="mask"))
    assert seen == [("0.jpg", {"cls": b"4"})]


def test_an_image_that_is_damaged_is_named(tmp_path: Path) -> None:
    paths = [
        shard(
            tmp_path / f"{n}.tar", ("0.jpg", small_jpeg(np.random.default_rng(n))), ("0.cls", b"0")
        )
        for n in range(2)
    ]
    shard(tmp_path / "1.tar", ("0.jpg", JPEG + b"no more"), ("0.cls", b"0"))
    with pytest.raises(FastinetError, match=r"1\.tar', member '0\.jpg'"):
        list(Loader(fastinet.open(paths), 1, SMALL))


def test_patterns_that_do_not_match(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not match"):
        fastinet.open(tmp_path / "a{0..1.tar")


def test_the_miniature_is_what_a_shard_is() -> None:
    members = shard_members([5, 6], first=8, kind="both", keys="n{label}/{number}", extension="png")
    assert list(members)[:3] == ["n5/8.cls", "n5/8.png", "n5/8.json"]
    with tarfile.open(fileobj=io.BytesIO(tar(members))) as archive:
        assert archive.getnames() == list(members)


def test_a_label_in_words_says_what_to_do(tmp_path: Path) -> None:
    path = shard(tmp_path / "s.tar", ("0.jpg", JPEG), ("0.json", b'{"label": "fish"}'))
    with pytest.raises(CorruptError, match="not 'fish'; labels= takes a function of key and comp"):
        fastinet.open(path)
    assert fastinet.open(path, labels=lambda *_: 3).labels.tolist() == [3]
