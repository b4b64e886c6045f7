"""fastinet verify on a miniature of every archive: it takes them for what fastinet.open does."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import fastinet
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.robustness import (
    imagenet_a_members,
    imagenet_c_members,
    imagenet_r_members,
    imagenet_sketch_members,
    objectnet_members,
    tiny_imagenet_members,
)
from fastinet.testing.whole_archives import (
    imagenet21k_classes,
    imagenet21k_p_members,
    imagenet_v2_members,
    winter21_tar,
)

CHALLENGE = miniature_challenge()
ARCHIVES = {
    "train": CHALLENGE.official_train(),
    "val": CHALLENGE.official_val(),
    "test": CHALLENGE.official_test(),
    "test of 2019": CHALLENGE.official_test(folder="test/"),
    "val in classes": CHALLENGE.val_in_classes(),
    "cls-loc": CHALLENGE.cls_loc(),
    "classes of train and val": CHALLENGE.class_tree(),
    "hugging face train": CHALLENGE.hugging_face("train"),
    "hugging face val": CHALLENGE.hugging_face("val"),
    "21k-p": imagenet21k_p_members(),
    "c": imagenet_c_members(),
    "a": imagenet_a_members(),
    "r": imagenet_r_members(),
    "sketch": imagenet_sketch_members(),
    "objectnet": objectnet_members(),
    "tiny": tiny_imagenet_members(),
    **{f"v2 {layout}": imagenet_v2_members(layout) for layout in ("numbers", "wnids", "hashes")},
}


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
@pytest.mark.parametrize("name", list(ARCHIVES))
def test_it_is_taken_for_what_it_is(tmp_path: Path, name: str, form: str) -> None:
    if (name, form) == ("train", "folder"):
        path = write_archive(tmp_path / "tars", ARCHIVES[name], form="folder")
    else:
        path = write_archive(tmp_path / "some.archive", ARCHIVES[name], form=form)
    report = fastinet.verify(path, published=[], decode=True)
    assert report.ok, report.errors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = fastinet.open(path, split="all")
        splits = [fastinet.open(path, split=split) for split in dataset.splits]
    assert report.family == dataset.family
    assert report.images == sum(map(len, splits))


def test_what_is_odd_in_imagenet21k_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "winter21.tar.gz"
    path.write_bytes(winter21_tar(imagenet21k_classes()))
    report = fastinet.verify(path, published=[])
    assert report.ok, report.errors
    assert report.family == "train"
    notes = " ".join(finding.message for finding in report.findings)
    assert "1 PNG images are named as JPEGs, all of them known" in notes
    assert "1 images are wrapped in gzip, all of them known" in notes
    assert "no image, as in every copy" in notes
    assert "urls.txt" in notes
