"""What the paths of training scripts mean: archives, folders of archives, and splits of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastinet.errors import MissingError
from fastinet.testing.archives import extract, tar
from fastinet.testing.small import small_jpeg

pytest.importorskip("torch")

from fastinet.torch import open_root

TRAIN, VAL = 4, 2


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`both.tar`, its folder `extracted`, and `apart/` with an archive for each split."""
    rng = np.random.default_rng(0)
    counts = {"train": TRAIN, "val": VAL}
    parts = {
        split: {f"{wnid}/{n}.JPEG": small_jpeg(rng) for n in range(count // 2)}
        | {f"{other}/{n}.JPEG": small_jpeg(rng) for n in range(count // 2)}
        for split, count in counts.items()
        for wnid, other in [("n01440764", "n01443537")]
    }
    folder = tmp_path_factory.mktemp("places")
    both = {f"{split}/{name}": data for split in parts for name, data in parts[split].items()}
    (folder / "both.tar").write_bytes(tar(both))
    extract(both, folder / "extracted")
    (folder / "apart").mkdir()
    (folder / "apart" / "ILSVRC2012_img_train.tar").write_bytes(tar(parts["train"]))
    (folder / "apart" / "my_validation.tar").write_bytes(tar(parts["val"]))
    (folder / "apart" / "imagenet_val.tar").write_bytes(tar(parts["val"]))
    return folder


@pytest.mark.parametrize(
    ("path", "split", "items"),
    [
        ("both.tar", "train", TRAIN),
        ("both.tar", "validation", VAL),
        ("both.tar/train", None, TRAIN),
        ("both.tar/val", None, VAL),
        ("both.tar/val", "validation", VAL),
        ("extracted", "val", VAL),
        ("extracted/train", None, TRAIN),
        ("extracted/validation", None, VAL),
        ("apart", "train", TRAIN),
        ("apart/train", None, TRAIN),
        ("apart/imagenet_val.tar", None, VAL),
    ],
)
def test_path_is_what_scripts_mean(places: Path, path: str, split: str | None, items: int) -> None:
    assert len(open_root(places / path, split)) == items
    assert len(open_root(str(places / path), split)) == items


@pytest.mark.parametrize(
    ("path", "split", "error", "words"),
    [
        ("both.tar/train", "val", ValueError, "another"),
        ("both.tar/pictures", None, MissingError, "no such file"),
        ("nowhere/train", None, MissingError, "no such file"),
        ("both.tar", "test", ValueError, "no split 'test'"),
        ("apart", "test", MissingError, "ILSVRC2012_img_train.tar"),
    ],
)
def test_what_is_not_there_is_refused(
    places: Path, path: str, split: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        open_root(places / path, split)


def test_two_archives_of_one_split_are_refused(places: Path, tmp_path: Path) -> None:
    data = (places / "apart" / "imagenet_val.tar").read_bytes()
    for name in ("val.tar", "ILSVRC2012_img_val.tar"):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=r"ILSVRC2012_img_val\.tar, val\.tar"):
        open_root(tmp_path / "val")


def test_archive_beside_a_folder_of_its_split_is_refused(places: Path, tmp_path: Path) -> None:
    """Which of them a script means, nobody can know."""
    (tmp_path / "train.tar").write_bytes((places / "both.tar").read_bytes())
    (tmp_path / "train" / "n01440764").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"train\.tar, train;"):
        open_root(tmp_path, "train")
