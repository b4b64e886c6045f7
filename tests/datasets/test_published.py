"""The table of published archives: it is consistent with itself, and finds what a file may be."""

from __future__ import annotations

import re

import pytest

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.published import (
    PUBLISHED,
    imagenet21k_p_wnids,
    imagenet22k_wnids,
    published_candidates,
)


def names(found) -> list[str]:
    return [archive.title for archive in found]


def test_checksums_and_sizes_are_such() -> None:
    for archive in PUBLISHED:
        assert archive.md5 is None or re.fullmatch("[0-9a-f]{32}", archive.md5)
        hashes = [archive.sha256, *archive.member_sha256.values()]
        assert all(text is None or re.fullmatch("[0-9a-f]{64}", text) for text in hashes)
        if archive.bytes is not None and ".tar" in archive.name:
            assert archive.bytes % 512 == 0  # plain tars, whatever their names say
    known = [
        archive.md5 or archive.sha256 for archive in PUBLISHED if archive.md5 or archive.sha256
    ]
    assert len(set(known)) == len(known)


def test_splits_agree_with_their_class_lists() -> None:
    for archive in PUBLISHED:
        for split in archive.splits:
            if split.wnids is not None:
                assert len(split.wnids) == split.classes
            if split.images is not None and split.images_per_class is not None:
                assert split.classes is not None
                least, most = split.images_per_class
                assert least * split.classes <= split.images <= most * split.classes
        if archive.class_tars is not None:
            assert archive.splits[0].classes == archive.class_tars


def test_class_lists() -> None:
    whole, winter, fall = (
        imagenet22k_wnids(),
        imagenet21k_p_wnids("winter21"),
        imagenet21k_p_wnids("fall11"),
    )
    assert (len(whole), len(fall), len(winter)) == (21_841, 11_221, 10_450)
    for wnids in (whole, fall, winter):
        assert list(wnids) == sorted(set(wnids))
    assert set(winter) < set(fall) < set(whole)
    assert set(imagenet1k_wnids()) - set(whole) == {"n04399382"}
    assert len(set(imagenet1k_wnids()) & set(winter)) == 991
    with pytest.raises(ValueError, match="winter21"):
        imagenet21k_p_wnids("winter22")


@pytest.mark.parametrize(
    ("name", "size", "family", "expected"),
    [
        ("ILSVRC2012_img_val.tar", 6_744_924_160, "val", ["ImageNet-1K, validation images"]),
        ("renamed.tar", 6_744_924_160, "val", ["ImageNet-1K, validation images"]),
        ("ilsvrc2012_IMG_val.tar", 100, None, ["ImageNet-1K, validation images"]),  # cut
        ("annotations.tar.gz", 3, None, ["ImageNet-1K, boxes of training images"]),
        ("renamed.tar", 100, None, []),
        ("ILSVRC2012_img_val.tar", 100, "devkit", ["ILSVRC2012 development kit, tasks 1 and 2"]),
        ("x", None, "test", [
            "ImageNet-1K, test images as before 2019",
            "ImageNet-1K, test images since 10 October 2019",
        ]),
    ],
)  # fmt: skip
def test_candidates(name: str, size: int | None, family: str | None, expected: list[str]) -> None:
    assert names(published_candidates(name, size, family)) == expected


def test_size_goes_before_name_before_family() -> None:
    found = published_candidates("imagenetv2-top-images.tar.gz", 605_399_040, "imagenet_v2")
    assert names(found)[:2] == ["ImageNet-V2 Threshold0.7, as of 2020", "ImageNet-V2 TopImages"]
    assert len(found) == 6
