"""Which inner tars count, and what is left of an archive without those that do not."""

from __future__ import annotations

import itertools
import tarfile
from pathlib import Path

import pytest

from fastinet.archives.containers import directories
from fastinet.archives.file_archive import FileArchive
from fastinet.datasets import recognise, without_tars_beside_images
from fastinet.datasets.entries import folders_of
from fastinet.datasets.inner_tars import divided_by_tars, is_class_tar, note_of_tars
from fastinet.datasets.scanned import ScannedArchive
from fastinet.testing.archives import END, entry

JPEG = b"\xff\xd8\xff\xe0"


def scanned(path: Path, *entries: bytes) -> ScannedArchive:
    path.write_bytes(b"".join([*entries, END]))
    return ScannedArchive(path.name, FileArchive(path).scan())


def folder(name: str) -> bytes:
    return entry(f"{name}/", type=tarfile.DIRTYPE)


def link(name: str, to: str) -> bytes:
    return entry(name, type=tarfile.SYMTYPE, linkname=to)


def inner(*entries: bytes) -> bytes:
    return b"".join([*entries, END])


def names_of(archive: ScannedArchive) -> list[str]:
    members = archive.members
    text, ends = members.names.tobytes(), [0, *members.name_ends.tolist()]
    return [text[start:end].decode() for start, end in itertools.pairwise(ends)]


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        *[("n01440764.tar", True), ("train/n01440764.tar", True), ("n01440764", True)],
        *[("train.tar", False), ("n01440764/a.tar", False), ("n01440764.tar.gz", False)],
    ],
)
def test_class_tars_are_called_by_a_wnid(path: str, is_one: bool) -> None:
    assert is_class_tar(path) == is_one


def test_an_archive_without_its_other_tars(tmp_path: Path) -> None:
    """Folders and links of the tar go with it, and those in a folder of its name stay."""
    archive = scanned(
        tmp_path / "a.tar",
        folder("val"),
        entry(
            "val.tar",
            inner(
                folder("n01443537"),
                entry("n01440764/1.jpg", JPEG),
                link("n01440764/2.jpg", "1.jpg"),
                entry("n01440764/3.jpg", JPEG),
            ),
        ),
        folder("val/n02123045"),
        entry("val/n01440764/1.jpg", JPEG + b"loose"),
        entry("n01443537.tar", inner(folder("more"), entry("n01443537_1.JPEG", JPEG))),
        link("val/n01440764/4.jpg", "1.jpg"),
    )
    divided = divided_by_tars([archive])
    assert divided is not None
    assert divided.tars == ["val.tar"]
    (rest,) = divided.archives
    assert names_of(rest) == ["val/n01440764/1.jpg", "n01443537/n01443537_1.JPEG"]
    assert rest.members.container_names == [
        *("val/", "val/n02123045/", "n01443537.tar", "n01443537.tar/more/")
    ]
    assert rest.members.containers.tolist() == [-1, 2]
    assert directories(rest.members) == ["val", "val/n02123045", "n01443537", "n01443537/more"]
    assert [entry.name for entry in rest.members.passed or ()] == ["val/n01440764/4.jpg"]
    assert folders_of(rest.members) == {
        *("val", "val/n02123045", "val/n01440764", "n01443537", "n01443537/more")
    }
    listing = recognise([archive])
    assert listing is not None
    keys = bytes(listing.key_bytes).decode()
    for key in ("n01443537/n01443537_1.JPEG", "val/n01440764/1.jpg", "val/n01440764/4.jpg"):
        assert key in keys
    assert len(listing.labels) == 3
    assert note_of_tars(["val.tar"]) in listing.notes


def test_what_a_tar_counts_beside(tmp_path: Path) -> None:
    """Images whose class is told, or tars of classes; else it is a folder as any."""
    part = entry("a.tar", inner(entry("n01440764/1.jpg", JPEG)))
    for number, (other, is_closed) in enumerate(
        [
            (entry("n01443537/1.jpg", JPEG), True),
            (entry("n01443537.tar", inner(entry("1.jpg", JPEG))), True),
            (entry("1.jpg", JPEG) + entry("1.cls", b"3"), True),
            (entry("docs/logo.png", JPEG), False),
            (entry("README", b"read me"), False),
            (entry("b.tar", inner(entry("n01443537/1.jpg", JPEG))), False),
        ]
    ):
        archive = scanned(tmp_path / f"{number}.tar", part, other)
        archive = ScannedArchive(
            archive.name,
            archive.members,
            lambda n=number: FileArchive(tmp_path / f"{n}.tar").open(list),
        )
        divided = without_tars_beside_images([archive])
        assert (divided is not None and divided.tars == ["a.tar"]) == is_closed
        listing = recognise([archive])
        assert listing is not None
        has_it = b"a/n01440764/1.jpg" in bytes(listing.key_bytes)
        assert has_it != is_closed
