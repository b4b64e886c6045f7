"""What a file is by its first bytes and by what is in it, whatever its name says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.verified import kinds

import fastinet

pytestmark = pytest.mark.usefixtures("own_cache")


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
