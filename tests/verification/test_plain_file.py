"""Files without members that are images: a ZIP, and what is unfinished."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from support.verified import Classes, kinds

import fastinet
from fastinet.datasets.published import PublishedArchive
from fastinet.testing.archives import train_tar

pytestmark = pytest.mark.usefixtures("own_cache")


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
