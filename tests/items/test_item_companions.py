"""What lies beside images, of any archive and any road, against the files themselves."""

from __future__ import annotations

import gzip
import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sharded import JPEG, shard

import fastinet
from fastinet.errors import FastinetWarning, ReadError, UnsupportedError
from fastinet.loading.batch import SentBatch
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

pytestmark = [
    pytest.mark.usefixtures("own_cache"),
    pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning"),
]

IMAGE = small_jpeg(np.random.default_rng(0))
LARGE = bytes(65_537)
TREE = {
    "n01440764/a.JPEG": IMAGE,
    "n01440764/a.txt": b"a fish",
    "n01440764/b.JPEG": IMAGE,
    "n01440764/b.npy": LARGE,
    "n01443537/b.Txt": b"another",
    "n01443537/b.jpg": IMAGE,
    "n01443537/b.png": IMAGE,
    "n01443537/c.png": b"damaged",
    "n01443537/c.txt": b"",
    "n01443537/d.v1.jpg": IMAGE,
    "n01443537/d.v1.txt": b"one",
    "n01443537/d.v2.jpg": IMAGE,
    "n01443537/d.v2.txt": b"two",
    "README.txt": b"no image's",
}
TEXTS = [b"a fish", None, b"another", b"another", b"", b"one", b"two"]
SHARD = {
    "0.cls": b"3", "0.jpg": IMAGE, "0.seg.png": IMAGE + LARGE, "0.txt": b"zero",
    "1.cls": b"4", "1.jpg": IMAGE, "1.json": b'{"x": 1}',
}  # fmt: skip


def packed(members: dict[str, bytes], form: str, folder: Path) -> Path:
    """The members as a folder, a tar or a gzipped tar."""
    path = folder / form
    if form == "folder":
        for name, content in members.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    else:
        data = tar(members)
        path.write_bytes(gzip.compress(data, mtime=0) if form == "gz" else data)
    return path


@pytest.mark.parametrize("form", ["folder", "tar", "gz"])
def test_class_folders(form: str, tmp_path: Path) -> None:
    path = packed(TREE, form, tmp_path)
    for dataset in (fastinet.open(path), fastinet.open(path)):  # the second by its index
        assert dataset.index is not None
        assert dataset.companion_extensions == ("npy", "txt")
        assert dataset.companions_of(range(7), "txt") == TEXTS
        assert dataset.companions_of([6, -1, 0], "TXT") == [b"two", None, b"a fish"]
        assert dataset.companions(0) == {"txt": b"a fish"}
        assert dataset.companions(1) == {"npy": LARGE}
        assert dataset.companions(-1) == {"txt": b"two"}
        sent = pickle.loads(pickle.dumps(dataset))  # noqa: S301
        assert sent.companions_of(range(7), "txt") == TEXTS
    with pytest.raises(IndexError):
        dataset.companions(7)
    with pytest.raises(ValueError, match=r"extension 'text'; there are 'npy', 'txt'"):
        dataset.companions_of([0], "text")


@pytest.mark.parametrize("form", ["folder", "tar", "gz"])
def test_shards(form: str, tmp_path: Path) -> None:
    path = packed(SHARD, form, tmp_path)
    for options in ({}, {"labels": lambda *_: 0}, {"index": False}):
        dataset = fastinet.open(path, **options)
        assert dataset.companions(0) == {"cls": b"3", "seg.png": IMAGE + LARGE, "txt": b"zero"}
        assert dataset.companions(1) == {"cls": b"4", "json": b'{"x": 1}'}
        assert dataset.companion_extensions == ("cls", "json", "seg.png", "txt")


def test_several_shards(tmp_path: Path) -> None:
    paths = [
        shard(tmp_path / f"{n}.tar", ("0.jpg", IMAGE), ("0.cls", b"%d" % n), ("0.txt", b"t%d" % n))
        for n in range(3)
    ]
    dataset = fastinet.open(paths)
    assert dataset.companions_of(range(3), "txt") == [b"t0", b"t1", b"t2"]


def test_archives_without_companions_keep_their_index(tmp_path: Path) -> None:
    images = {name: content for name, content in TREE.items() if content is IMAGE}
    dataset = fastinet.open(packed({**images, "x/README.txt": b"words"}, "tar", tmp_path))
    assert dataset.index is not None
    assert b"companion" not in Path(dataset.index).read_bytes()
    assert dataset.companion_extensions == ()
    assert dataset.companions(0) == {}
    with pytest.raises(ValueError, match="there are none at all"):
        dataset.companions_of([0], "txt")


def batches(loader: Any) -> list[tuple[list[str], list[bytes | None]]]:
    return [(batch.keys, batch.companions("txt")) for batch in loader]


def test_batches(tmp_path: Path) -> None:
    dataset = fastinet.open(packed(TREE, "tar", tmp_path))
    beside = dict(zip(dataset.keys, TEXTS, strict=True))
    beside[""] = None  # of padding rows
    options: dict[str, Any] = {"on_error": "mask", "pad_last": "mask", "shuffle": True}
    seen: list[str] = []
    for rank in range(2):
        loader = fastinet.Loader(
            dataset, 3, fastinet.Resize(4), rank=rank, world=2, seed=1, **options
        )
        for keys, texts in batches(loader):
            assert texts == [beside[key] for key in keys]
            seen += keys
    assert sorted(filter(None, seen)) == sorted(dataset.keys)
    (batch,) = fastinet.Loader(dataset.select([6, 4, 1]), 3, fastinet.Resize(4), on_error="mask")
    assert batch.valid.tolist() == [True, False, True]
    assert batch.companions("txt") == [b"two", b"", None]
    on_device = SentBatch(batch, lambda images: images, lambda labels: labels)
    del batch
    assert on_device.companions("txt") == [b"two", b"", None]


def test_selections_and_concatenations(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    folder = fastinet.open(packed(TREE, "folder", tmp_path))
    shards = fastinet.open(packed(SHARD, "tar", tmp_path / "other"))
    one_class = folder.select_classes(["n01440764"])
    assert one_class.companions_of(range(2), "txt") == TEXTS[:2]
    joined = fastinet.concatenate([folder.select([5, 1]), shards, folder])
    expected = [b"one", None, b"zero", None, *TEXTS]
    assert joined.companions_of(range(11), "txt") == expected
    assert joined.select([10, 2]).companions_of(range(2), "txt") == [b"two", b"zero"]
    assert joined.companions(3) == {"cls": b"4", "json": b'{"x": 1}'}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    images=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "a.v1", "a.v2", "ü"]),
            st.lists(st.sampled_from(["txt", "TXT", "npy", "x.txt"]), unique=True, max_size=3),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda pair: pair[0],
    )
)
def test_all_roads_find_the_same(images: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    """Folder, tar, gzipped tar and stream."""
    place = tmp_path / str(len(list(tmp_path.iterdir())))
    place.mkdir()
    members = {}
    for stem, extensions in images:
        for extension in [*extensions, "jpg"]:
            name = f"n01440764/{stem}.{extension}"
            members[name] = IMAGE if extension == "jpg" else name.encode()
    members = dict(sorted(members.items(), key=lambda member: member[0].encode()))
    found = []
    for form in ("folder", "tar", "gz"):
        dataset = fastinet.open(packed(members, form, place), index=False)
        found.append([(key, dataset.companions(i)) for i, key in enumerate(dataset.keys)])
    stream = fastinet.open_stream(place / "tar")
    found.append([(item.key, item.companions) for item in stream.items()])
    assert found == [found[0]] * 4
    assert {key for key, _ in found[0]} == {f"n01440764/{stem}.jpg" for stem, _ in images}
    # Each file is the companion of an image whose name it begins with; none is in two extensions.
    for key, companions in found[0]:
        for extension, content in companions.items():
            name = content.decode()
            assert name.lower().endswith(f".{extension}")
            assert key.startswith(name[: -len(extension) - 1])


def test_streams(tmp_path: Path) -> None:
    path = packed(TREE, "tar", tmp_path)
    classes = ["n01440764", "n01443537"]
    stream = fastinet.open_stream(path, classes=classes)
    loader = fastinet.StreamLoader(stream, 4, fastinet.Resize(4), on_error="mask")
    first, second = loader
    assert [*first.companions("TXT"), *second.companions("txt")] == TEXTS
    assert first.companions("nothing") == [None] * 4
    with pytest.raises(UnsupportedError, match=r"b\.JPEG': its companion '\.npy' is larger"):
        first.companions("npy")
    assert second.companions("npy") == [None] * 3


def test_a_label_that_is_too_large(tmp_path: Path) -> None:
    path = packed({"n01440764/0.jpg": IMAGE, "n01440764/0.cls": LARGE}, "tar", tmp_path)
    for take in (lambda: fastinet.open(path), lambda: list(fastinet.open_stream(path).items())):
        with pytest.raises(fastinet.errors.CorruptError, match=r"0\.cls.*it has 65537 bytes"):
            take()
    stream = fastinet.open_stream(path, labels=lambda _, files: len(files))
    assert [stream.label(item.key, item.companions) for item in stream.items()] == [0]


def test_files_that_have_gone_or_changed(tmp_path: Path) -> None:
    path = packed(TREE, "folder", tmp_path)
    dataset = fastinet.open(path)
    (path / "n01440764/a.txt").write_bytes(b"longer than it was")
    with pytest.raises(ReadError, match=r"member 'n01440764/a\.txt'.*has 18 bytes, and had 6"):
        dataset.companions(0)
    (path / "n01440764/a.txt").unlink()
    with pytest.raises(fastinet.errors.MissingError, match=r"n01440764/a\.txt"):
        dataset.companions(0)


def test_a_patch_leaves_companions(tmp_path: Path) -> None:
    archive = shard(
        tmp_path / "test.tar",
        ("test/ILSVRC2012_test_00000001.JPEG", JPEG), ("test/ILSVRC2012_test_00000001.txt", b"x"),
    )  # fmt: skip
    patch = shard(tmp_path / "patch.tar", ("ILSVRC2012_test_00000001.JPEG", IMAGE))
    dataset = fastinet.open(archive, patch=patch)
    assert dataset.read(0) == IMAGE
    assert dataset.companions(0) == {"txt": b"x"}


def test_numbered_images_keep_what_is_theirs(tmp_path: Path) -> None:
    """They come in another order than they lie in."""
    names = [f"ILSVRC2012_val_{number:08d}" for number in (3, 1, 2)]
    members = {
        f"{n}.{e}": IMAGE if e == "JPEG" else n.encode() for n in names for e in ("JPEG", "txt")
    }
    dataset = fastinet.open(packed(members, "tar", tmp_path))
    assert dataset.companions_of(range(3), "txt") == [name.encode() for name in sorted(names)]


def test_annotations_are_no_companions(tmp_path: Path) -> None:
    members = {
        "ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_1.JPEG": IMAGE,
        "ILSVRC/Annotations/CLS-LOC/train/n01440764/n01440764_1.xml": b"<annotation/>",
    }
    assert fastinet.open(packed(members, "tar", tmp_path)).companion_extensions == ()


def test_companions_in_a_stream_are_not_warned_of() -> None:
    data = tar({"0.jpg": IMAGE, "0.cls": b"1", "0.txt": b"words"})
    with warnings.catch_warnings():
        warnings.simplefilter("error", FastinetWarning)
        stream = fastinet.open_stream(io.BytesIO(data))
        (batch,) = fastinet.StreamLoader(stream, 2, fastinet.Resize(4))
    assert batch.companions("txt") == [b"words"]
