"""fastinet verify: what it finds in sound, cut, damaged and wrong archives, and going on."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from support.verified import COUNTS, Classes, kinds, published_train, some_classes, states

import fastinet
from fastinet._native import _scan
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import END, entry, tar, train_tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.encodings import ODD_ENCODINGS, encode
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import imagenet_v2_members
from fastinet.verification.contents import range_text
from fastinet.verification.report import Report

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def classes() -> Classes:
    return some_classes()


@pytest.fixture
def train(tmp_path: Path, classes: Classes) -> tuple[Path, list[PublishedArchive]]:
    """A sound archive and what is published of it."""
    content = train_tar(classes, record_bytes=10_240)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    return path, published_train(content)


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


def test_what_was_found_is_remembered_until_the_archive_changes(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    first = fastinet.verify(path, published=published)
    again = fastinet.verify(path, published=published)
    assert (first.remembered, again.remembered) == (False, True)
    assert again.findings == first.findings
    assert not fastinet.verify(path, published=published, again=True).remembered
    assert not fastinet.verify(path, published=published, decode=True).remembered
    with path.open("ab") as file:
        file.write(bytes(512))
    changed = fastinet.verify(path, published=published)
    assert not changed.remembered
    assert kinds(changed) == ["trailing bytes"]


def test_a_journal_that_is_no_journal_is_replaced(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    journal = path.with_name("train.tar.fastinet.verify")
    for content in (b"", b"{", b"[]", bytes(100)):
        journal.write_bytes(content)
        with pytest.warns(FastinetWarning, match=r"'.*\.verify' is damaged: .* done anew") as said:
            assert fastinet.verify(path, published=published).ok
        assert len(said) == 1
        assert json.loads(journal.read_bytes())["report"]["ok"]
    journal.write_bytes(b'{"format": 1}')  # of another verification: nothing to tell
    assert fastinet.verify(path, published=published).ok
    assert not list(path.parent.glob("*.tmp"))


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("members", "many", "'members' is \"many\", and must be a whole number"),
        ("images", -1, "'images' is -1, and must be 0 to 9223372036854775807"),
        ("checks", [{"name": "size"}], r"it lacks 'checks\[0\].state'"),
        ("checks", [{"name": "size", "state": "odd", "detail": ""}], "must be one of 'passed'"),
        ("findings", {}, "'findings' is {}, and must be an array"),
        ("remembered", 1, "must be true or false"),
    ],
)
def test_a_remembered_report_of_the_wrong_types_is_refused(
    train: tuple[Path, list[PublishedArchive]], name: str, value: object, what: str
) -> None:
    path, published = train
    sound = fastinet.verify(path, published=published)
    journal = path.with_name("train.tar.fastinet.verify")
    content = json.loads(journal.read_bytes())
    content["report"][name] = value
    journal.write_text(json.dumps(content))
    with pytest.warns(FastinetWarning, match=f"is damaged: .*{what}"):
        assert fastinet.verify(path, published=published) == sound


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


@pytest.mark.parametrize("top", ["", "ILSVRC/Data/CLS-LOC/"])
def test_splits_in_one_archive_are_compared_each(
    tmp_path: Path, classes: Classes, top: str
) -> None:
    image = small_jpeg(np.random.default_rng(1))
    content = {
        f"{top}train/{wnid}/{name}": data
        for wnid, images in classes.items()
        for name, data in images.items()
    }
    content |= {f"{top}val/ILSVRC2012_val_{n:08d}.JPEG": image for n in (1, 2, 3)}
    content |= {f"{top}test/ILSVRC2012_test_{n:08d}.JPEG": image for n in (1, 2, 4)}
    split_of = {"train": PublishedSplit("train", 9, 3, (2, 4))}
    split_of |= {name: PublishedSplit(name, 3) for name in ("val", "test")}
    published = [
        PublishedArchive(f"ILSVRC2012_img_{name}.tar", name, "", splits=(split,))
        for name, split in split_of.items()
    ]
    path = tmp_path / "kaggle.tar.gz"
    path.write_bytes(gzip.compress(tar(content)))
    report = fastinet.verify(path, published=published)
    assert report.family == "ilsvrc"
    assert kinds(report) == ["missing members", "unexpected members"]
    assert "numbers 3" in report.errors[0].message
    assert report.images == 15


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


# ------------------------------------------------------------------------------------- damage


def test_a_damaged_header_costs_its_member_alone(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    members = _scan_bytes(tmp_path, content)
    path = tmp_path / "train.tar"
    for row in range(len(members.offsets)):
        header = int(members.offsets[row]) - 512
        damaged = bytearray(content)
        damaged[header + 20] ^= 0x40
        path.write_bytes(damaged)
        report = fastinet.verify(path, published=published_train(content))
        assert kinds(report)[:1] == ["damaged header"]
        assert report.errors[0].offset == header
        assert report.images == 8, row
        assert "digest" in kinds(report)


def test_a_damaged_header_of_a_class_tar_costs_that_class(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    path = tmp_path / "train.tar"
    damaged = bytearray(content)
    header = content.index(b"n01443537.tar")
    damaged[header + 124] ^= 0x01  # of its size
    path.write_bytes(damaged)
    report = fastinet.verify(path, published=published_train(content))
    assert report.errors[0].kind == "damaged header"
    assert report.errors[0].offset == header
    assert report.classes == 2
    assert report.images == 7


def test_a_flat_archive_with_several_damaged_headers(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(3))
    content = bytearray(tar({f"ILSVRC2012_val_{number:08d}.JPEG": image for number in range(1, 9)}))
    step = 512 + -(-len(image) // 512) * 512
    for member in (0, 3, 4):
        content[member * step + 150] ^= 0x01
    path = tmp_path / "val.tar"
    path.write_bytes(content)
    published = [PublishedArchive("val.tar", "val", "", splits=(PublishedSplit("val", 8),))]
    report = fastinet.verify(path, published=published)
    damaged = [finding for finding in report.errors if finding.kind == "damaged header"]
    assert [finding.offset for finding in damaged] == [0, 3 * step]  # a run of them is one
    assert "numbers 1, 4 to 5" in str(report.findings)


def _scan_bytes(folder: Path, content: bytes) -> _scan.Members:
    path = folder / "scanned"
    path.write_bytes(content)
    return _scan.scan(path)


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


# ----------------------------------------------------------------------- missing and unexpected


def test_missing_and_unexpected_classes_are_named(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    split = PublishedSplit("train", 9, 1000, (2, 4), "imagenet-1k")
    published = published_train(content, splits=(split,), bytes=None, md5=None, class_tars=None)
    classes["n99999999"] = {"n99999999_1.JPEG": small_jpeg(np.random.default_rng(4))}
    del classes["n01443537"]
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path, published=published, expect="train.tar")
    missing = [f.member for f in report.errors if f.kind == "missing class"]
    assert "n01443537" in missing
    assert len(missing) == 998
    assert [f.member for f in report.errors if f.kind == "unexpected class"] == ["n99999999"]


def test_a_devkit_tells_how_many_images_each_class_has(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    kit = write_devkit(tmp_path / "kit.tar.gz", [0, 1, 2])  # 1,300 of each class
    report = fastinet.verify(path, published=published_train(content), devkit=kit)
    assert kinds(report) == ["images per class"] * 3
    assert "has 4 of 1,300 images: 1,296 missing" in report.errors[0].message


def test_val_numbers_must_be_complete_and_unique(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(5))
    numbers = [5, 1, 2, 8, 12, 2]
    content = b"".join(entry(f"ILSVRC2012_val_{n:08d}.JPEG", image) for n in numbers) + END
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


def test_a_split_that_is_missing_is_named(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(5))
    path = tmp_path / "renamed.tar"
    path.write_bytes(entry("ILSVRC2012_val_00000001.JPEG", image) + END)
    splits = (PublishedSplit("val", 1), PublishedSplit("test", 3), PublishedSplit("train"))
    report = fastinet.verify(path, published=[PublishedArchive("a.tar", "val", "", splits=splits)])
    assert [finding.message for finding in report.errors] == ["split 'test' is missing"]


def test_missing_classes_that_are_called_by_number(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "v2.tar", imagenet_v2_members("numbers", labels=(0, 3, 1)))
    splits = (PublishedSplit("val", classes=5),)
    published = [PublishedArchive("v2.tar", "imagenet_v2", "", splits=splits)]
    report = fastinet.verify(path, published=published)
    assert kinds(report) == ["missing class"] * 2
    assert [finding.member for finding in report.errors] == ["2", "4"]


def test_a_kit_has_no_images(tmp_path: Path) -> None:
    report = fastinet.verify(write_devkit(tmp_path / "kit.tar", [1, 2]), published=[])
    (images,) = [check for check in report.checks if check.name == "images"]
    assert (images.state, images.detail) == ("skipped", "there are none")


def test_other_files_are_warned_of(tmp_path: Path, classes: Classes) -> None:
    classes["n01440764"]["readme.txt"] = b"hello"
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path, published=[])
    assert report.ok
    assert kinds(report, "warning") == ["unexpected members"]
    assert "n01440764/readme.txt" in report.findings[0].message
    assert "nothing published" in report.sentence


# -------------------------------------------------------------------------------- wrong files


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>login</html>", "web page"),
        (b"  <HTML><body>404", "web page"),
        (b"d8:announce35:http://tracker", "torrent"),
        (bytes(4096), "zeros"),
        (b"\xfd7zXZ\x00" + bytes(600), "xz"),
        (b"BZh9" + bytes(600), "bzip2"),
        (b'{"error": "quota"}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (np.random.default_rng(6).bytes(5000), "no archive"),
    ],
)
def test_a_wrong_file_is_told_by_its_content(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "ILSVRC2012_img_val.tar"
    path.write_bytes(content)
    report = fastinet.verify(path)
    assert kinds(report) == ["wrong file"]
    assert word in report.errors[0].message
    assert report.errors[0].advice
    assert word in report.sentence


def test_another_archive_under_the_name_is_a_wrong_file(tmp_path: Path, classes: Classes) -> None:
    path = tmp_path / "ILSVRC2012_img_val.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path)
    assert kinds(report)[0] == "wrong file"
    assert "ILSVRC2012_img_val.tar" in report.errors[0].message
    assert "'train'" in report.errors[0].message


def test_a_zip_and_something_unfinished(tmp_path: Path, classes: Classes) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.xml", "<annotation/>" * 100)
    dogs = tmp_path / "dogs.zip"
    dogs.write_bytes(packed.getvalue())
    md5 = hashlib.md5(packed.getvalue(), usedforsecurity=False).hexdigest()
    published = [PublishedArchive("dogs.zip", "boxes", "", md5=md5)]
    assert fastinet.verify(dogs, published=published).ok
    damaged = packed.getvalue().replace(b"annot", b"ANNOT", 1)
    dogs.write_bytes(damaged)
    assert kinds(fastinet.verify(dogs, published=published)) == ["damaged member", "digest"]
    elsewhere = tmp_path / "train.tar"
    elsewhere.write_bytes(packed.getvalue())
    assert kinds(fastinet.verify(elsewhere)) == ["wrong file"]
    part = tmp_path / "train.tar.part"
    part.write_bytes(train_tar(classes))
    assert "unfinished download" in kinds(fastinet.verify(part, published=[]))


def test_a_devkit_with_another_file_in_it(tmp_path: Path) -> None:
    path = write_devkit(tmp_path / "kit.tar", [0, 1, 2], form="tar")
    with tarfile.open(path) as kit:
        digests = {
            name.partition("/")[2]: hashlib.sha256(kit.extractfile(name).read()).hexdigest()
            for name in kit.getnames()
        }
    published = PublishedArchive("kit.tar", "devkit", "", member_sha256=digests)
    assert fastinet.verify(path, published=[published]).ok
    digests["readme.txt"] = "0" * 64
    digests["data/lost.txt"] = "0" * 64
    report = fastinet.verify(path, published=[published], again=True)
    assert sorted(kinds(report)) == ["damaged member", "missing members"]


@pytest.mark.parametrize("year", [2014, 2015])
def test_a_later_devkit_is_not_compared_with_that_of_2012(
    tmp_path: Path, year: Literal[2014, 2015]
) -> None:
    path = write_devkit(tmp_path / "kit", [0, 1, 2], form="folder", year=year)
    report = fastinet.verify(path)
    assert (report.ok, report.family, report.archive) == (True, "devkit", None)
    (path / "data" / "meta_clsloc.mat").write_bytes(b"MATLAB 5.0")
    report = fastinet.verify(path, again=True)
    assert kinds(report) == ["devkit"]


def test_what_belongs_to_the_packaging_is_no_surprise(tmp_path: Path) -> None:
    members = {**miniature_challenge().cls_loc(), "ILSVRC/Data/CLS-LOC/notes.txt": b""}
    report = fastinet.verify(write_archive(tmp_path / "kaggle.tar", members))
    (warning,) = (finding for finding in report.findings if finding.severity == "warning")
    assert warning.message == "1 files are none of it: ILSVRC/Data/CLS-LOC/notes.txt"


def test_arguments_and_paths_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(fastinet.errors.MissingError):
        fastinet.verify(tmp_path / "nowhere.tar")
    (tmp_path / "a.tar").write_bytes(b"x")
    with pytest.raises(ValueError, match="expect must be"):
        fastinet.verify(tmp_path / "a.tar", expect="what.tar")
    with pytest.raises(fastinet.errors.UnsupportedError, match=r"each by its own path: a\.tar"):
        fastinet.verify(tmp_path)


# ---------------------------------------------------------------------------------- odd images


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
        notes = [finding.message for finding in report.findings]
        assert len(notes) == 4, notes
        assert any("no image, as in every copy" in note for note in notes)
        assert "1 PNG images are named as JPEGs, all of them known" in notes
        assert "1 images are wrapped in gzip, all of them known" in notes
        assert "2 JPEGs are CMYK, not known before: n01440764_1.JPEG" in notes


# ------------------------------------------------------------------------------------- numbers


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
