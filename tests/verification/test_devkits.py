"""The files of a development kit, compared with the published ones."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Literal

import pytest
from support.verified import kinds

import fastinet
from fastinet.datasets.published import PublishedArchive
from fastinet.testing.devkit import write_devkit

pytestmark = pytest.mark.usefixtures("own_cache")


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
