"""The check of the content: images that headers do not show to be damaged, and odd ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.verified import kinds

import fastinet
from fastinet.datasets.published import PublishedArchive
from fastinet.testing.archives import tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.encodings import ODD_ENCODINGS, encode

pytestmark = pytest.mark.usefixtures("own_cache")


def test_decoding_finds_what_headers_do_not_show(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xda", content.index(b"n01443537_8.JPEG")) + 40
    content[start : start + 2] = b"\xff\xd9"  # the image ends there
    path.write_bytes(content)
    by_headers = fastinet.verify(path, published=published)
    assert kinds(by_headers) == ["digest"]
    assert "--decode" in by_headers.errors[0].advice
    in_full = fastinet.verify(path, published=published, decode=True)
    assert kinds(in_full) == ["digest", "damaged image"]
    damaged = in_full.errors[1]
    assert damaged.member == "n01443537/n01443537_8.JPEG"
    assert damaged.archive == str(path)
    assert fastinet.verify(path, published=published, digest=False).ok


def test_a_damaged_image_header_is_found_without_decoding(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xd8", content.index(b"n02123045_1.JPEG"))
    end = content.index(b"n02123045_8.JPEG")
    content[start + 4 : start + 200] = bytes(196)
    path.write_bytes(content)
    report = fastinet.verify(path, published=published)
    assert "damaged image" in kinds(report)
    (damaged,) = (f for f in report.errors if f.kind == "damaged image")
    assert damaged.member == "n02123045/n02123045_1.JPEG"
    assert start <= damaged.offset < end


def test_odd_images_are_notes(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 256, (40, 50, 3), np.uint8)

    def image(kind: str) -> bytes:
        return encode(pixels, ODD_ENCODINGS[kind])

    names = {
        "n01739381_1309.JPEG": image("cmyk"),
        "n02105855_2933.JPEG": image("png"),
        "n01678043_6448.JPEG": image("gzip"),
        "n06470073_47249.JPEG": b"no image",
        "n01440764_1.JPEG": image("cmyk"),
        "n01440764_2.JPEG": image("progressive"),
    }
    path = tmp_path / "flat.tar"
    path.write_bytes(tar(names))
    for decode in (False, True):
        report = fastinet.verify(path, published=[], decode=decode)
        assert report.ok, report.errors
        found = [each for each in report.findings if each.kind != "not compared"]
        notes = [finding.message for finding in found]
        assert len(notes) == 4, notes
        assert any("no image, as in every copy" in note for note in notes)
        assert "1 PNG images are named as JPEGs, all of them known" in notes
        assert "1 images are wrapped in gzip, all of them known" in notes
        assert "2 JPEGs are CMYK, not known before: n01440764_1.JPEG" in notes


def test_a_kit_has_no_images(tmp_path: Path) -> None:
    report = fastinet.verify(write_devkit(tmp_path / "kit.tar", [1, 2]), published=[])
    (images,) = [check for check in report.checks if check.name == "images"]
    assert (images.state, images.detail) == ("skipped", "there are none")
