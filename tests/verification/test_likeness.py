"""Whether something is a copy of what is published, or a part of it: one rule for all families."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.verified import kinds

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.robustness import (
    imagenet_a_members,
    imagenet_c_members,
    imagenet_r_members,
    imagenet_sketch_members,
)
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import imagenet21k_p_members, imagenet_v2_members
from fastinet.verification.likeness import Likeness, how_alike
from fastinet.verification.recognition import Part

pytestmark = pytest.mark.usefixtures("own_cache")

CHALLENGE = miniature_challenge()

# A small part of what is published, and the name of the tar of that; "": it comes in several.
PARTS = {
    "train": (CHALLENGE.official_train(), "ILSVRC2012_img_train.tar"),
    "val": (CHALLENGE.official_val(), "ILSVRC2012_img_val.tar"),
    "val in classes": (CHALLENGE.val_in_classes(), "ILSVRC2012_img_val.tar"),
    "test": (CHALLENGE.official_test(), "ILSVRC2012_img_test.tar"),
    "cls-loc": (CHALLENGE.cls_loc(), ""),
    "c": (imagenet_c_members(("fog", "shot_noise"), (1, 3)), ""),
    "v2": (imagenet_v2_members("numbers"), "imagenetv2-matched-frequency.tar.gz"),
    "a": (imagenet_a_members(), "imagenet-a.tar"),
    "r": (imagenet_r_members(), "imagenet-r.tar"),
    "sketch": (imagenet_sketch_members(), ""),
    "21k-p": (imagenet21k_p_members(), ""),
}


@pytest.mark.parametrize("name", list(PARTS))
def test_a_part_of_any_family_is_noted(tmp_path: Path, name: str) -> None:
    """It is no error, and whoever means the whole says so and hears what is missing in short."""
    members, published = PARTS[name]
    form = "folder" if name != "train" else "tar"
    path = write_archive(tmp_path / "own", members, form=form)
    report = fastinet.verify(path)
    assert report.ok, report.errors
    (note,) = (each for each in report.findings if each.kind == "not compared")
    assert note.severity == "note"
    assert " are not there, so it is taken for a part of that, or for another" in note.message
    assert "--expect" in note.advice
    assert report.archive is None
    assert kinds(fastinet.verify(path, expect="none"), "note").count("not compared") == 0
    if published:
        errors = fastinet.verify(path, expect=published).errors
        assert 1 <= len(errors) <= 8
        assert any("--expect none" in each.advice for each in errors)


@pytest.mark.parametrize(("present", "is_compared"), [(5, True), (4, False)])
def test_half_of_it_is_a_copy_that_lacks_the_rest(
    tmp_path: Path, present: int, is_compared: bool
) -> None:
    image = small_jpeg(np.random.default_rng(5))
    members = {f"val/ILSVRC2012_val_{n:08d}.JPEG": image for n in range(1, present + 1)}
    path = write_archive(tmp_path / "own", members, form="folder")
    published = [PublishedArchive("val.tar", "val", "", splits=(PublishedSplit("val", 10),))]
    report = fastinet.verify(path, published=published)
    assert report.ok != is_compared
    assert ("missing members" in kinds(report)) == is_compared
    assert not fastinet.verify(path, published=published, expect="val.tar").ok
    named = write_archive(tmp_path / "val.tar", members)
    assert not fastinet.verify(named, published=published).ok, "its name says what it should be"


def test_the_split_that_the_most_is_there_of_decides() -> None:
    rows = np.arange(6)
    parts = [Part("train", rows, rows // 3), Part("val", rows)]
    splits = [PublishedSplit("train", 100, 8), PublishedSplit("val", 9), PublishedSplit("extra")]
    assert how_alike("ilsvrc", parts, splits) == Likeness("val", 6, 9, "images")
    assert how_alike("train", parts, splits[:1]) == Likeness("train", 2, 8, "classes")
    assert how_alike("imagenet21k_p", parts, splits[:1]) == Likeness("train", 6, 100, "images")
    assert how_alike("train", parts[1:], splits[:1]) == Likeness("train", 0, 8, "classes")
    assert how_alike("train", parts, splits[2:]) is None
