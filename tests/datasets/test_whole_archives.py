"""ImageNet-21K, 21K-P and ImageNet-V2: from miniatures of the archives to labelled batches."""

from __future__ import annotations

import gzip
import io
import resource
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import entry, tar, train_tar
from fastinet.testing.semantic_tree import write_semantic_tree
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import (
    extract,
    imagenet21k_classes,
    imagenet21k_p_members,
    imagenet_v2_members,
    winter21_tar,
)

INVALID = "n06470073_47249.JPEG"
GZIPPED = "n01678043_6448.JPEG"


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def contents(dataset: fastinet.Dataset) -> dict[str, tuple[str, bytes]]:
    """Key -> (wnid, bytes)."""
    return {
        key: (dataset.classes[label].wnid, dataset.read(item))
        for item, (key, label) in enumerate(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    }


def check_batches(dataset: fastinet.Dataset, expected: dict[str, tuple[int, bytes]]) -> None:
    """The loader gives each of `expected` (key -> label, bytes) once, with Pillow's pixels."""
    loader = fastinet.Loader(dataset, 4, fastinet.Resize((32, 40)), exact=True, threads=2)
    seen = {}
    for batch in loader:
        images, labels = batch
        for key, label, image in zip(batch.keys, labels.tolist(), images, strict=True):
            seen[key] = label
            with Image.open(io.BytesIO(expected[key][1])) as picture:
                resized = picture.convert("RGB").resize((40, 32), Image.Resampling.BILINEAR)
            assert np.array_equal(image, np.asarray(resized)), key
    assert seen == {key: label for key, (label, _) in expected.items()}


def in_folders(classes: dict[str, dict[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    """Key -> (wnid, bytes) of the items that ImageNet-21K's miniature has."""
    return {
        f"{wnid}/{name}": (wnid, data)
        for wnid, members in classes.items()
        for name, data in members.items()
        if name not in (INVALID, "urls.txt")
    }


def test_winter21_fall11_and_folders_of_class_tars_have_the_same_items(tmp_path: Path) -> None:
    classes = imagenet21k_classes()
    expected = in_folders(classes)
    winter = write(tmp_path / "winter21_whole.tar", winter21_tar(classes))
    gzipped = write(tmp_path / "winter21_whole.tar.gz", gzip.compress(winter.read_bytes()))
    fall = write(tmp_path / "fall11_whole.tar", train_tar(classes))
    for wnid, members in classes.items():
        write(tmp_path / "whole" / f"{wnid}.tar", tar(members))
    for path in (winter, gzipped, fall, tmp_path / "whole"):
        with pytest.warns(FastinetWarning) as caught:
            dataset = fastinet.open(path)
        notes = " ".join(str(warning.message) for warning in caught)
        assert "1 members skipped as files that are known to hold no image" in notes
        assert INVALID in notes
        assert "1 classes have no images: n15102894" in notes
        assert "urls.txt" in notes
        found = contents(dataset)
        if path in (winter, gzipped):
            found = {key.removeprefix("winter21_whole/"): item for key, item in found.items()}
        assert found == expected
        assert [info.wnid for info in dataset.classes] == sorted(classes)
        assert (dataset.family, dataset.split, dataset.skipped) == ("train", "train", 2)


@pytest.mark.parametrize("gzipped", [False, True])
def test_imagenet21k_in_batches(tmp_path: Path, gzipped: bool) -> None:
    classes = imagenet21k_classes()
    archive = gzip.compress(winter21_tar(classes)) if gzipped else winter21_tar(classes)
    with pytest.warns(FastinetWarning):
        dataset = fastinet.open(write(tmp_path / "whole", archive))
    wnids = sorted(classes)
    expected = {
        f"winter21_whole/{key}": (
            wnids.index(wnid),
            gzip.decompress(data) if key.endswith(GZIPPED) else data,
        )
        for key, (wnid, data) in in_folders(classes).items()
    }
    check_batches(dataset, expected)


def test_a_gzipped_member_is_an_image_by_name_or_by_content(tmp_path: Path) -> None:
    classes = imagenet21k_classes()
    wrapped = classes["n01678043"][GZIPPED]
    members = {
        GZIPPED: wrapped,
        "n01678043_6449": wrapped,
        "n01678043_1.jpg.gz": wrapped,
        "n01678043.txt.gz": wrapped,
        "list.gz": wrapped,
    }
    path = write(tmp_path / "n01678043.tar", tar(members))
    with pytest.warns(FastinetWarning, match="2 members skipped as no images"):
        dataset = fastinet.open(path)
    assert [key.partition("/")[2] for key in dataset.keys] == list(members)[:3]


def test_only_the_known_file_is_skipped(tmp_path: Path) -> None:
    members = {f"n06470073_{number}.JPEG": b"no image" for number in (47249, 4724, 147249)}
    members |= {"n06470073_47249.JPEG.JPEG": b"", "n06470074_47249.JPEG": b""}
    path = write(tmp_path / "n06470073.tar", tar(members))
    with pytest.warns(FastinetWarning, match="1 members skipped as files that are known"):
        dataset = fastinet.open(path)
    assert [key.partition("/")[2] for key in dataset.keys] == list(members)[1:]


def test_more_class_tars_than_files_can_be_open(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    wnids = [f"n{number:08d}" for number in range(3, 203, 2)]
    members = {wnid: {f"{wnid}_1.JPEG": small_jpeg(rng)} for wnid in wnids}
    for wnid in wnids:
        write(tmp_path / "whole" / f"{wnid}.tar", tar(members[wnid]))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = max(int(path.name) for path in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + len(wnids) // 2, before[1]))
    try:
        dataset = fastinet.open(tmp_path / "whole")
        expected = {
            f"{wnid}/{wnid}_1.JPEG": (label, members[wnid][f"{wnid}_1.JPEG"])
            for label, wnid in enumerate(wnids)
        }
        check_batches(dataset, expected)
        assert [dataset.read(label) for label in range(len(wnids))] == [
            data for _, data in expected.values()
        ]
        (tmp_path / "whole" / f"{wnids[7]}.tar").unlink()
        with pytest.raises(fastinet.errors.MissingError) as caught:
            dataset.read(7)
        assert wnids[7] in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# -- 21K-P ---------------------------------------------------------------------------------------

SPLITS = {
    "train": "imagenet21k_train",
    "val": "imagenet21k_val",
    "small_classes": "imagenet21k_small_classes",
}


def open_quietly(path: Path, split: str | None = None) -> fastinet.Dataset:
    """Opens a split; opening without `split` warns that there are others."""
    if split is not None:
        return fastinet.open(path, split=split)
    with pytest.warns(FastinetWarning, match="split= takes the others: val, small_classes"):
        return fastinet.open(path)


@pytest.mark.parametrize("packing", ["tar.gz", "tar", "extracted"])
def test_imagenet21k_p_in_batches(tmp_path: Path, packing: str) -> None:
    members = imagenet21k_p_members()
    path = tmp_path / "imagenet21k_resized"
    prefix = "imagenet21k_resized/" if packing == "extracted" else ""
    if packing == "extracted":
        extract(members, tmp_path)
    else:
        data = tar(members)
        path = write(tmp_path / "i", gzip.compress(data) if packing == "tar.gz" else data)
    assert open_quietly(path).split == "train"
    for split, folder in SPLITS.items():
        dataset = open_quietly(path, split)
        mine = {name: data for name, data in members.items() if f"/{folder}/" in name}
        wnids = sorted({name.split("/")[2] for name in mine})
        expected = {
            name.removeprefix(prefix): (wnids.index(name.split("/")[2]), data)
            for name, data in mine.items()
        }
        assert [info.wnid for info in dataset.classes] == wnids
        assert dataset.splits == tuple(SPLITS)
        assert (dataset.family, dataset.split) == ("imagenet21k_p", split)
        check_batches(dataset, expected)
    train, val = open_quietly(path, "train"), open_quietly(path, "val")
    assert train.classes == val.classes
    assert set(open_quietly(path, "small_classes").classes).isdisjoint(train.classes)


def test_batches_of_imagenet21k_p_have_targets_of_semantic_softmax(tmp_path: Path) -> None:
    path = write(tmp_path / "i.tar", tar(imagenet21k_p_members(classes=6)))
    train = fastinet.open(path, split="train")
    parents = [-1, -1, 0, 0, 2, 3]
    wnids = [info.wnid for info in train.classes]
    tree = fastinet.read_semantic_tree(write_semantic_tree(tmp_path / "t.pth", wnids, parents))
    tree.check(train)
    # Levels of depth 0 (labels 0 and 1) and 1 (labels 2 and 3); the deepest is left out.
    by_label = [(0, -1), (1, -1), (0, 0), (0, 1), (0, 0), (0, 1)]
    seen = 0
    for batch in fastinet.Loader(train, 4, fastinet.Resize(8), shuffle=True):
        targets = tree.targets(batch.labels)
        assert list(map(tuple, targets.tolist())) == [by_label[label] for label in batch.labels]
        seen += len(batch)
    assert seen == len(train)
    with pytest.raises(ValueError, match="the tree's label 0 is"):
        tree.check(fastinet.open(path, split="small_classes"))


def test_a_split_of_imagenet21k_p_by_itself_has_the_same_labels(tmp_path: Path) -> None:
    members = imagenet21k_p_members()
    extract(members, tmp_path)
    whole = fastinet.open(tmp_path / "imagenet21k_resized", split="val")
    alone = fastinet.open(tmp_path / "imagenet21k_resized" / "imagenet21k_val")
    assert alone.labels.tolist() == whole.labels.tolist()
    assert alone.classes == whole.classes


def test_classes_that_one_split_lacks_are_said(tmp_path: Path) -> None:
    members = imagenet21k_p_members(train=1, val=1, classes=4)
    folder = "imagenet21k_resized/imagenet21k_train/"
    gone = min(name for name in members if name.startswith(folder))
    members.pop(gone)
    members |= {f"{folder}n00000001_1.JPEG": b"", f"{folder}n00000001/readme.txt": b""}
    path = write(tmp_path / "i.tar", tar(members))
    with pytest.warns(FastinetWarning) as caught:
        train = fastinet.open(path, split="train")
    with pytest.warns(FastinetWarning):
        val = fastinet.open(path, split="val")
    notes = " ".join(str(warning.message) for warning in caught)
    assert "1 classes have no images in imagenet21k_train" in notes
    assert "2 entries skipped" in notes
    assert len(val.classes) == 4
    assert train.classes == val.classes
    assert sorted(set(train.labels.tolist())) == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("ab/x", True),
        ("ab/c/x", True),
        ("c/ab/x", True),
        ("ab", False),
        ("c/ab", False),
        ("cab/x", False),
        ("abc/x", False),
        ("c/ab.tar/x", False),
        ("a/b/x", False),
    ],
)
def test_in_folder(tmp_path: Path, name: str, within: bool) -> None:
    from fastinet._native import _scan
    from fastinet.datasets.scanned import ScannedArchive, ScannedMembers

    names = ["ab", name, "x/ab", name, "b/x"]
    path = write(tmp_path / "t.tar", tar({f"{i}/{name}": b"" for i, name in enumerate(names)}))
    members = ScannedMembers([ScannedArchive("t.tar", _scan.scan(path))])
    assert members.in_folder("ab").tolist() == [False, within, False, within, False]
    path = write(tmp_path / "u.tar", tar({name: b""}))
    members = ScannedMembers([ScannedArchive("u.tar", _scan.scan(path))])
    assert members.in_folder("ab").tolist() == [within]


# -- ImageNet-V2 ---------------------------------------------------------------------------------

TOPS = [
    "imagenetv2-matched-frequency-format-val",
    "imagenetv2-threshold0.7-format-val",
    "imagenet-top-images-format-val",
]


@pytest.mark.parametrize("top", TOPS)
@pytest.mark.parametrize("layout", ["numbers", "wnids", "hashes"])
def test_imagenet_v2_in_batches(tmp_path: Path, layout, top: str) -> None:
    wnids = imagenet1k_wnids()
    members = imagenet_v2_members(layout, top=top, per_class=12)
    path = write(tmp_path / "renamed.tar.gz", tar(members))
    dataset = fastinet.open(path)
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    expected = {}
    for name, data in members.items():
        folder = name.split("/")[1]
        expected[name] = (label_of[folder] if layout == "wnids" else int(folder), data)
    assert [info.wnid for info in dataset.classes] == list(wnids)
    assert (dataset.family, dataset.splits, dataset.skipped) == ("imagenet_v2", ("val",), 0)
    assert dataset.labels.tolist() == [label for label in (0, 2, 10, 100, 999) for _ in range(12)]
    stems = [Path(key).stem for key in dataset.keys]
    for first in range(0, 60, 12):
        if layout == "hashes":
            assert stems[first : first + 12] == sorted(stems[first : first + 12])
        else:
            assert stems[first : first + 12] == [str(number) for number in range(12)]
    check_batches(dataset, expected)

    extract(members, tmp_path)
    folder = fastinet.open(tmp_path / top)
    assert folder.labels.tolist() == dataset.labels.tolist()
    assert [f"{top}/{key}" for key in folder.keys] == list(dataset.keys)
    assert [folder.read(i) for i in range(60)] == [dataset.read(i) for i in range(60)]


@pytest.mark.parametrize("members", [imagenet_v2_members(), imagenet21k_p_members()])
def test_as_tar_packs_a_folder(tmp_path: Path, members: dict[str, bytes]) -> None:
    """``tar -c .``: every name begins with ./, and every folder has an entry."""
    folders = sorted({f"./{parent}/" for name in members for parent in Path(name).parents[:-1]})
    directories = [entry(folder, type=tarfile.DIRTYPE) for folder in folders]
    dotted = tar({f"./{name}": data for name, data in members.items()}, format=tarfile.PAX_FORMAT)
    plain = write(tmp_path / "plain.tar", tar(members))
    packed = write(tmp_path / "packed.tar", b"".join(directories) + dotted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)  # of other splits
        datasets = [fastinet.open(path) for path in (plain, packed)]
    keys = [[key.removeprefix("./") for key in dataset.keys] for dataset in datasets]
    assert keys[0] == keys[1]
    assert datasets[0].labels.tolist() == datasets[1].labels.tolist()
    assert datasets[0].classes == datasets[1].classes
    assert datasets[1].skipped == 0


def test_folders_that_are_not_imagenet_v2s(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff\xe0"
    # Wnids and numbers under any other top folder: a tree of somebody's own.
    own = write(tmp_path / "own.tar", tar({"mine/n01440764/0.jpeg": jpeg}))
    assert fastinet.open(own).family == "train"
    for name in ("mine/1000/0.jpeg", "mine/07/0.jpeg", "mine/7/cat.jpeg", "7/0.JPEG", "0.jpeg"):
        other = write(tmp_path / "other.tar", tar({name: jpeg}))
        with pytest.raises(fastinet.errors.UnsupportedError):
            fastinet.open(other, index=False)


def test_strangers_in_imagenet_v2_are_said(tmp_path: Path) -> None:
    members = {**imagenet_v2_members(), "readme.txt": b"", "cover.jpeg": b""}
    path = write(tmp_path / "v2.tar", tar(members))
    with pytest.warns(FastinetWarning, match="2 entries skipped .*-V2: readme.txt, cover.jpeg"):
        assert len(fastinet.open(path)) == 10
