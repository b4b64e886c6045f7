"""Numbers of images: which are missing, and how a list of them is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.verified import kinds

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.archives import END, entry
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
