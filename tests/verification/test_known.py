"""The images that are odd in every copy: as many as their sources count, and none in two lists."""

from __future__ import annotations

import re

from fastinet.verification.known import CMYK, GZIP_WRAPPED, INVALID, PNG


def test_as_many_as_the_sources_count() -> None:
    """Of ImageNet-1K 22 CMYK images in train, one in val, one PNG; of 21K 26 in gzip and one."""
    train = {name for name in CMYK if name.startswith("n")}
    assert (len(train), len(CMYK - train)) == (22, 1)
    assert (len(PNG), len(GZIP_WRAPPED), len(INVALID)) == (1, 26, 1)
    assert len(CMYK | PNG | GZIP_WRAPPED | INVALID) == 23 + 1 + 26 + 1


def test_names_are_those_of_images_without_extension() -> None:
    for name in CMYK | PNG | GZIP_WRAPPED | INVALID:
        assert re.fullmatch(r"n\d{8}_[1-9]\d*|ILSVRC2012_val_\d{8}", name), name


def test_some_are_known_to_everybody() -> None:
    assert "n02105855_2933" in PNG  # the PNG that is named .JPEG
    assert {"n01739381_1309", "ILSVRC2012_val_00019877"} <= CMYK
    assert "n06470073_47249" in INVALID  # what DINOv2 leaves out
