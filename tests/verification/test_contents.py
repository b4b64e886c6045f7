"""Numbers of images: which are missing, and how a list of them is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.verified import kinds

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.archives import END, entry, tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import imagenet_c_members
from fastinet.testing.small import small_jpeg
from fastinet.verification.contents import range_text

pytestmark = pytest.mark.usefixtures("own_cache")


def test_val_numbers_must_be_complete_and_unique(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(5))
    numbers = [5, 1, 2, 8, 12, 2]
    names = [f"ILSVRC2012_val_{n:08d}.JPEG" for n in numbers]
    content = b"".join(entry(name, image) for name in [*names, f"again/{names[0]}"]) + END
    path = tmp_path / "renamed.tar"
    path.write_bytes(content)
    published = [PublishedArchive("val.tar", "val", "", splits=(PublishedSplit("val", 10),))]
    report = fastinet.verify(path, published=published)
    assert report.archive == "val.tar"
    texts = [finding.message for finding in report.errors]
    assert texts[0] == "6 images are missing: numbers 3 to 4, 6 to 7, 9 to 10"
    assert report.errors[0].detail == "3-4, 6-7, 9-10"
    assert kinds(report).count("duplicate members") == 2  # by number, and by name
    assert "number 12 is not among 1 to 10" in texts


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], ""),
        ([3], "3"),
        ([1, 2, 3, 7], "1 to 3, 7"),
        ([1, 3, 5, 7, 9, 11], "1, 3, 5, 7, 9 and others"),
    ],
)
def test_numbers_as_people_write_them(numbers: list[int], text: str) -> None:
    assert range_text(numbers) == text


def test_what_is_missing_from_many_classes_is_told_at_once(tmp_path: Path) -> None:
    """The findings of a part do not grow with the splits and classes of the whole."""
    members = imagenet_c_members(("fog", "snow"), (1, 2, 3))
    path = write_archive(tmp_path / "weather.tar", members)
    report = fastinet.verify(path, expect="weather.tar", digest=False)
    assert sorted(set(kinds(report))) == ["count", "images per class", "missing class"]
    found = {each.kind: each for each in report.errors if each.kind != "count"}
    lacking = found["missing class"]
    assert (
        "classes are missing from 6 splits ('fog/1', 'fog/2', 'fog/3', ...): n0" in lacking.message
    )
    assert len(lacking.detail.split(", ")) == 1000 - report.classes
    few = found["images per class"]
    assert few.message.startswith(f"{6 * report.classes:,} classes have other numbers of images")
    assert few.detail.count(" of 50") == 6 * report.classes
    counts = [each.message for each in report.errors if each.kind == "count"]
    assert counts[0].startswith("6 splits have other numbers of images than published: 'fog/1' has")
    assert all("is missing" in message for message in counts[1:])
    assert {each.advice for each in (lacking, few)} == {lacking.advice}
    assert "--expect none" in lacking.advice
    assert fastinet.verify(path, expect="none").ok


def test_a_few_classes_are_told_each(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(5))
    split = PublishedSplit("train", 12, 3, (4, 4))
    published = [PublishedArchive("train.tar", "train", "", splits=(split,))]
    for few in (1, 3):
        counts = {"n01440764": 4, "n01443537": 4, "n02123045": 4} | dict.fromkeys(
            ["n01440764", "n01443537", "n02123045"][:few], 5 - few
        )
        path = tmp_path / "train.tar"
        path.write_bytes(
            tar({f"{w}/{w}_{i}.JPEG": image for w, number in counts.items() for i in range(number)})
        )
        report = fastinet.verify(path, published=published, digest=False)
        members = [each.member for each in report.errors if each.kind == "images per class"]
        assert members == ([] if few == 1 else list(counts)), "4 is what is published"


def test_numbers_are_not_missing_where_nothing_is_published(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(5))
    path = tmp_path / "some.tar"
    path.write_bytes(tar({f"ILSVRC2012_val_{n:08d}.JPEG": image for n in (3, 300)}))
    report = fastinet.verify(path, published=[])
    assert report.ok, report.errors
