"""ImageNet-V2: from a miniature of each layout to labelled batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_wholes import check_batches, write

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import FastinetWarning, UnsupportedError
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.whole_archives import extract, imagenet_v2_members

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


def test_images_of_other_archives_beside_it_are_refused(tmp_path: Path) -> None:
    """They have classes, and would be passed over."""
    members = {f"v2/{label}/{name}.jpeg": b"\xff\xd8\xff" for label in (7, 12) for name in (1, 2)}
    path = write_archive(tmp_path / "x.tar", {**members, "v2/7/readme.png": b"\xff\xd8\xff"})
    with pytest.warns(FastinetWarning, match="1 entries skipped that are no images of ImageNet-V2"):
        assert fastinet.open(path, index=False).labels.tolist() == [7, 7, 12, 12]
    path = write_archive(tmp_path / "y.tar", {**members, "train/n01440764/1.jpg": b"\xff\xd8\xff"})
    with pytest.raises(UnsupportedError, match=r"1 of other archives.*takes each folder") as caught:
        fastinet.open(path, index=False)
    assert caught.value.member == "train/n01440764/1.jpg"
