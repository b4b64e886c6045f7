"""fastinet verify as a whole: sound archives in every form, and cuts anywhere, told once."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.verified import COUNTS, Classes, kinds, published_train, states

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.small import small_jpeg
from fastinet.verification.report import Report

pytestmark = pytest.mark.usefixtures("own_cache")


# ------------------------------------------------------------------------------- sound archives


@pytest.mark.parametrize("decode", [False, True])
def test_a_sound_archive_passes(train: tuple[Path, list[PublishedArchive]], decode: bool) -> None:
    path, published = train
    stages = []
    report = fastinet.verify(
        path, published=published, decode=decode, progress=lambda *step: stages.append(step)
    )
    assert report.ok
    assert report.findings == []
    assert (report.archive, report.family) == ("train.tar", "train")
    assert (report.members, report.images, report.classes) == (9, 9, 3)
    assert states(report) == dict.fromkeys(
        ("archive", "headers", "size", "members", "MD5", "images"), "passed"
    )
    assert "byte for byte" in report.sentence
    size = path.stat().st_size
    last = {stage: (done, total) for stage, done, total in stages}
    assert last == {"headers": (size, size), ("decoding" if decode else "content"): (size, size)}
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_a_folder_of_class_tars_and_a_tree_pass(tmp_path: Path, classes: Classes) -> None:
    published = published_train(train_tar(classes))
    tars, tree = tmp_path / "tars", tmp_path / "tree"
    tars.mkdir()
    for wnid, images in classes.items():
        (tars / f"{wnid}.tar").write_bytes(tar(images))
        (tree / wnid).mkdir(parents=True)
        for name, image in images.items():
            (tree / wnid / name).write_bytes(image)
    for place in (tars, tree):
        report = fastinet.verify(place, published=published)
        assert report.ok, report.findings
        assert (report.images, report.classes) == (9, 3)
        assert states(report)["digest"] == "skipped"
    (tree / "n01443537" / "n01443537_1.JPEG").unlink()
    report = fastinet.verify(tree, published=published)
    assert kinds(report) == ["images per class", "count"]
    for alone in (tars / "n01440764.tar", tree / "n02123045"):
        assert fastinet.verify(alone, published=published).ok


def test_flat_test_images_and_boxes(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(1))
    flat = tar({f"test/ILSVRC2012_test_{number:08d}.JPEG": image for number in (3, 1, 2)})
    boxes = {f"n01440764/n01440764_{number}.xml": b"<annotation/>" for number in range(5)}
    published = [
        PublishedArchive("test.tar", "test", "", splits=(PublishedSplit("test", 3),)),
        PublishedArchive("boxes.tar.gz", "boxes", "", members=5),
    ]
    (tmp_path / "test.tar").write_bytes(flat)
    (tmp_path / "boxes.tar.gz").write_bytes(gzip.compress(tar(boxes)))
    for name in ("test.tar", "boxes.tar.gz"):
        report = fastinet.verify(tmp_path / name, published=published)
        assert report.ok, report.findings
        assert report.archive == name
    (tmp_path / "boxes.tar.gz").write_bytes(gzip.compress(tar(dict(list(boxes.items())[1:]))))
    (tmp_path / "boxes.tar.gz.fastinet.seek").unlink()
    assert kinds(fastinet.verify(tmp_path / "boxes.tar.gz", published=published)) == ["count"]


def test_a_gzipped_archive_is_looked_at_in_full(tmp_path: Path, classes: Classes) -> None:
    inside = bytearray(train_tar(classes))
    start = inside.index(b"\xff\xda", inside.index(b"n01443537_8.JPEG")) + 40
    inside[start : start + 2] = b"\xff\xd9"
    content = gzip.compress(bytes(inside), mtime=0)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    report = fastinet.verify(path, published=published_train(content), decode=True)
    assert kinds(report) == ["damaged image"]
    assert report.errors[0].member == "n01443537/n01443537_8.JPEG"
    assert states(report)["MD5"] == "passed"
    assert (report.images, report.classes) == (9, 3)
    other = published_train(content, md5="0" * 32)
    assert kinds(fastinet.verify(path, published=other, again=True)) == ["digest"]


# --------------------------------------------------------------------------------- truncation


def whole_members(content: bytes) -> list[str]:
    """Keys of the members that are all there, by a reader of its own."""
    found = []
    position = 0
    while position + 512 <= len(content) and any(content[position : position + 512]):
        info = tarfile.TarInfo.frombuf(content[position : position + 512], "utf-8", "strict")
        data = content[position + 512 : position + 512 + info.size]
        if info.name.endswith(".tar"):
            found += [f"{info.name[:-4]}/{name}" for name in whole_members(data)]
        elif len(data) == info.size:
            found.append(info.name)
        position += 512 + -(-info.size // 512) * 512
    return found


def test_a_cut_anywhere_is_told_once_with_what_is_whole(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    published = published_train(content)
    path = tmp_path / "train.tar"
    rng = np.random.default_rng(2)
    cuts = {512, 1024, 1025, len(content) - 1, len(content) - 512, len(content) - 1024}
    cuts |= set(rng.integers(512, len(content), 40).tolist())
    for cut in sorted(cuts):
        path.write_bytes(content[:cut])
        report = fastinet.verify(path, published=published)
        truncations = [f for f in report.findings if f.kind == "truncated"]
        if cut > len(content) - 1024:  # of its marker there is enough to know that all is there
            assert not truncations
            assert "odd tar" in kinds(report, "warning")
            assert states(report)["size"] == "failed"
            continue
        assert len(truncations) == 1, cut
        assert truncations[0].offset == cut
        assert f"byte {cut:,} of {len(content):,}" in truncations[0].message
        assert "curl -C" in truncations[0].advice
        assert report.findings[0] == truncations[0]
        assert report.members == len(whole_members(content[:cut])), cut
        assert "damaged header" not in kinds(report)
        assert states(report)["digest"] == "skipped"
        missing = sum(COUNTS.values()) - report.images
        if missing:
            assert f"has {report.images} images, published are 9" in str(report.findings)


def test_a_cut_gzip_stream_is_truncated(tmp_path: Path) -> None:
    names = {f"n01440764/n01440764_{number}.xml": os.urandom(700) for number in range(30)}
    content = gzip.compress(tar(names))
    path = tmp_path / "boxes.tar.gz"
    for cut in (len(content) - 1, len(content) - 9, len(content) // 2):
        path.write_bytes(content[:cut])
        report = fastinet.verify(path, published=[])
        assert kinds(report) == ["truncated"], cut
    wrong = bytearray(content)
    wrong[-6] ^= 1  # of the checksum
    path.write_bytes(wrong)
    assert kinds(fastinet.verify(path, published=[])) == ["damaged header"]


# ---------------------------------------------------------------------------------- what is none


def test_arguments_and_paths_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(fastinet.errors.MissingError):
        fastinet.verify(tmp_path / "nowhere.tar")
    (tmp_path / "a.tar").write_bytes(b"x")
    with pytest.raises(ValueError, match="expect must be"):
        fastinet.verify(tmp_path / "a.tar", expect="what.tar")
    with pytest.raises(fastinet.errors.UnsupportedError, match=r"each by its own path: a\.tar"):
        fastinet.verify(tmp_path)
